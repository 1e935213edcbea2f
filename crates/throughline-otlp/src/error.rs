//! Why a request was not delivered.

use std::error::Error;
use std::fmt;
use std::time::Duration;

/// One failed attempt to deliver a request, or the last of several.
#[derive(Debug)]
pub(crate) struct ExportError {
    message: String,
    hint: Option<&'static str>,
    source: Option<Box<dyn Error + Send + Sync>>,
    retryable: bool,
    retry_after: Option<Duration>,
}

impl ExportError {
    /// Trying again may help.
    #[cold]
    pub(crate) fn transient(message: String) -> Self {
        Self::new(true, message)
    }

    /// The same request will fail again.
    #[cold]
    pub(crate) fn permanent(message: String) -> Self {
        Self::new(false, message)
    }

    fn new(retryable: bool, message: String) -> Self {
        Self { message, hint: None, source: None, retryable, retry_after: None }
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn with_hint(mut self, hint: Option<&'static str>) -> Self {
        self.hint = hint;
        self
    }

    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.retry_after = wait;
        self
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_retryable(&self) -> bool {
        self.retryable
    }

    /// How long the peer asks to be left alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Everything in one line: the message, its causes and the hint. For logs and status.
    pub(crate) fn describe(&self) -> String {
        let mut text = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        match self.hint {
            Some(hint) => format!("{text}; {hint}"),
            None => text,
        }
    }
}

/// What happened, without its causes.
impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ExportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
