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
    /// `None` when trying again may help.
    refusal: Option<Refusal>,
    retry_after: Option<Duration>,
}

/// How a peer refused a request for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It takes none of the kind: another path, protocol or configuration is needed.
    Whole,
    /// Some of the items in it are at fault, or there are too many: sent in parts, the others may be taken.
    Splittable,
    /// It wants other credentials.
    Credentials,
}

impl ExportError {
    /// Trying again may help.
    #[cold]
    pub(crate) fn transient(message: String) -> Self {
        Self::new(None, message)
    }

    /// The same request will fail again.
    #[cold]
    pub(crate) fn permanent(refusal: Refusal, message: String) -> Self {
        Self::new(Some(refusal), message)
    }

    fn new(refusal: Option<Refusal>, message: String) -> Self {
        Self { message, hint: None, source: None, refusal, retry_after: None }
    }

    /// The same, to be tried again: what it was refused for has changed.
    pub(crate) fn into_transient(mut self) -> Self {
        self.refusal = None;
        self
    }

    /// The same with another message.
    pub(crate) fn map_message(mut self, change: impl FnOnce(String) -> String) -> Self {
        self.message = change(self.message);
        self
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
        self.refusal.is_none()
    }

    /// How it was refused for good, unless the same request may succeed later.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal
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
