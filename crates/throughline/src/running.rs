//! The exporters that run, for all who may end them: the application, the end of its scope, a signal.
//!
//! `providers.rs` holds one, `signals/` another. Whoever ends the exporters does so alone; who comes then waits until that
//! is done, so that no `main` returns while the last export is under way on another thread.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::exporters::{Exporters, ShutdownReport, on_a_thread};

/// Exporters, until somebody ends them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running(Arc<Mutex<Option<Exporters>>>);

impl Running {
    pub(crate) fn new(exporters: Exporters) -> Self {
        Self(Arc::new(Mutex::new(Some(exporters))))
    }

    /// Asks them something, unless they have ended, or are about to.
    pub(crate) fn ask<T>(&self, ask: impl FnOnce(&Exporters) -> T) -> Option<T> {
        self.0.try_lock().ok()?.as_ref().map(ask)
    }

    /// Ends them within the time. Nothing is left to report when somebody else did.
    pub(crate) fn end(&self, timeout: Duration) -> ShutdownReport {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.take().map(|exporters| exporters.shutdown_blocking(timeout)).unwrap_or_default()
    }

    /// As [`end`](Self::end), without blocking the caller's thread.
    pub(crate) async fn end_elsewhere(self, timeout: Duration) -> ShutdownReport {
        on_a_thread(move || self.end(timeout)).await
    }
}
