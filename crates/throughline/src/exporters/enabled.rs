//! The exporters of one `init_telemetry`: started together, flushed and ended together.
//!
//! The exporter thread does the last export; a thread of its own waits for it, so that an async caller is not blocked,
//! under any runtime, and a callback that hangs costs no more than the deadline.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::ShutdownReport;
use super::thread::ExporterThread;
use crate::console::Console;
use crate::error::Error;
use crate::otlp::Otlp;
use crate::prometheus::Prometheus;
use crate::status::Status;

/// The running exporters.
#[derive(Debug)]
pub(crate) struct Exporters {
    prometheus: Prometheus,
    otlp: Otlp,
    console: Console,
    /// None when there is nothing to run.
    thread: Option<ExporterThread>,
}

impl Exporters {
    /// Starts the exporter thread, unless neither an endpoint nor a push was asked for.
    pub(crate) fn start(
        mut prometheus: Prometheus,
        mut otlp: Otlp,
        mut console: Console,
        status: &Arc<Status>,
    ) -> Result<Self, Error> {
        let status = Arc::clone(status);
        let serve = prometheus.task(move || status.to_json().to_string());
        let tasks: Vec<_> = serve.into_iter().chain(otlp.tasks()).chain(console.task()).collect();
        let thread =
            if tasks.is_empty() { None } else { Some(ExporterThread::start(tasks).map_err(Error::Thread)?) };
        Ok(Self { prometheus, otlp, console, thread })
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(&self) -> &Prometheus {
        &self.prometheus
    }

    /// Pushes what there is now.
    pub(crate) async fn flush(&self) -> ShutdownReport {
        let mut report = self.otlp.flush().await;
        report.console = self.console.flush().await.unwrap_or_default();
        report
    }

    /// Ends everything within the time.
    pub(crate) fn shutdown_blocking(self, timeout: Duration) -> ShutdownReport {
        let Self { prometheus, otlp, console, thread: Some(thread) } = self else {
            return ShutdownReport::default();
        };
        let (done, finished) = mpsc::channel();
        // The export gives up a little earlier, so that its report still arrives in time.
        let last_export = otlp.shutdown(timeout / 8 * 7);
        thread.spawn(async move {
            let mut report = last_export.await;
            // What was pushed last is shown last.
            report.console = console.shutdown().await.unwrap_or_default();
            prometheus.stop();
            let _nobody_waits = done.send(report);
        });
        match finished.recv_timeout(timeout) {
            Ok(report) => {
                thread.wait(timeout / 8);
                report
            }
            Err(_too_late) => ShutdownReport { timed_out: true, ..ShutdownReport::default() },
        }
    }

    /// As [`shutdown_blocking`](Self::shutdown_blocking), on a thread of its own.
    pub(crate) async fn shutdown(self, timeout: Duration) -> ShutdownReport {
        let (reply, ended) = oneshot::channel();
        let end = move || {
            let _nobody_waits = reply.send(self.shutdown_blocking(timeout));
        };
        let name = "throughline-shutdown".to_owned();
        match std::thread::Builder::new().name(name).spawn(end) {
            Ok(_detached) => ended.await.unwrap_or_default(),
            Err(error) => ShutdownReport {
                timed_out: true,
                last_error: Some(format!("no thread can be started to wait for the last export: {error}")),
                ..ShutdownReport::default()
            },
        }
    }
}
