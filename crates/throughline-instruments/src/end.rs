//! How something ended, for guards whose errors are named by whoever holds them.

/// How something ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End<'a> {
    /// The guard was dropped by somebody who did not say: the thread panics, or the work was given up, as when a future is
    /// dropped.
    Unsaid,
    Well,
    Failed(&'a str),
}

impl<'a> End<'a> {
    /// The attribute `error.type`.
    pub(crate) fn error_type(self) -> Option<&'a str> {
        match self {
            Self::Well => None,
            Self::Failed(error_type) => Some(error_type),
            Self::Unsaid if std::thread::panicking() => Some("panic"),
            Self::Unsaid => Some("cancelled"),
        }
    }
}
