//! The running exporters and their thread, when a cargo feature brings any; otherwise nothing.

#[cfg(feature = "runtime")]
mod enabled;
#[cfg(feature = "runtime")]
mod thread;
#[cfg(feature = "runtime")]
pub(crate) use enabled::Exporters;
#[cfg(feature = "runtime")]
pub(crate) use thread::Task;

#[cfg(not(feature = "runtime"))]
mod disabled;
#[cfg(not(feature = "runtime"))]
pub(crate) use disabled::Exporters;

use std::fmt;

/// What the last export delivered, and what it did not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Points that the receiver took.
    pub delivered_points: u64,
    /// Points that it did not take.
    pub undelivered_points: u64,
    /// The last failure.
    pub last_error: Option<String>,
    /// The time was over before everything was done; what was still under way is not counted above.
    pub timed_out: bool,
}

impl ShutdownReport {
    /// Whether everything that was to be delivered was.
    pub fn is_complete(&self) -> bool {
        self.undelivered_points == 0 && !self.timed_out
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { delivered_points, undelivered_points, last_error, timed_out } = self;
        if *self == Self::default() {
            return f.write_str("nothing was to be pushed");
        }
        write!(f, "{delivered_points} points delivered, {undelivered_points} not")?;
        if *timed_out {
            f.write_str("; the time was over before everything was done")?;
        }
        match last_error {
            Some(error) => write!(f, "; {error}"),
            None => Ok(()),
        }
    }
}
