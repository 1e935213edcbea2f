//! How far a command is, on standard error, for what may take longer than a second.
//!
//! On a terminal alone, and not on one that cannot move its cursor: what is written to a file is read later.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is over by then needs no bar.
const QUIET: Duration = Duration::from_secs(1);

/// A line that says how far something is, and goes away when dropped.
#[derive(Debug)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of something whose end is known.
    pub(crate) fn of(what: &'static str, total: usize) -> Self {
        Self::new(Some(total as u64), what, "{msg} {wide_bar} {pos}/{len}")
    }

    /// Of something that ends when it ends.
    pub(crate) fn count(what: &'static str) -> Self {
        Self::new(None, what, "{msg} {human_pos}")
    }

    /// Of something that does not say how far it is, and takes its time.
    pub(crate) fn during(what: &'static str) -> Self {
        let progress = Self::new(None, what, "{msg} …");
        progress.show();
        progress.0.tick();
        progress
    }

    fn new(total: Option<u64>, what: &'static str, template: &str) -> Self {
        let style = ProgressStyle::with_template(template).expect("the templates above are right");
        let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
        Self(bar.with_style(style).with_message(what))
    }

    /// So far it is. Drawn a few times a second at most.
    pub(crate) fn at(&self, done: usize) {
        self.0.set_position(done as u64);
        if self.0.is_hidden() && self.0.elapsed() > QUIET {
            self.show();
        }
    }

    /// One more is done.
    pub(crate) fn step(&self) {
        self.at(self.0.position() as usize + 1);
    }

    fn show(&self) {
        if std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb") {
            self.0.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
