//! The exporters of one `init_telemetry`: started together, flushed and ended together.
//!
//! The exporter thread does the last export; a thread of its own waits for it, so that an async caller is not blocked,
//! under any runtime, and a callback that hangs costs no more than the deadline.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::ShutdownReport;
use super::thread::ExporterThread;
use crate::error::Error;
use crate::otlp::Otlp;
use crate::prometheus::Prometheus;
use crate::status::Status;

/// The running exporters.
#[derive(Debug)]
pub(crate) struct Exporters {
    prometheus: Prometheus,
    otlp: Otlp,
    /// None when there is nothing to run.
    thread: Option<ExporterThread>,
}

impl Exporters {
    /// Starts the exporter thread, unless neither an endpoint nor a push was asked for.
    pub(crate) fn start(
        mut prometheus: Prometheus,
        mut otlp: Otlp,
        status: &Arc<Status>,
    ) -> Result<Self, Error> {
        let status = Arc::clone(status);
        let serve = prometheus.task(move || status.to_json().to_string());
        let tasks: Vec<_> = serve.into_iter().chain(otlp.tasks()).collect();
        let thread =
            if tasks.is_empty() { None } else { Some(ExporterThread::start(tasks).map_err(Error::Thread)?) };
        Ok(Self { prometheus, otlp, thread })
    }

    /// Makes these the exporters of the process.
    pub(crate) fn make_global(&self) {
        self.otlp.make_global();
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(&self) -> &Prometheus {
        &self.prometheus
    }

    /// Pushes what there is now.
    pub(crate) async fn flush(&self) -> ShutdownReport {
        self.otlp.flush().await
    }

    /// Ends everything within the time.
    pub(crate) fn shutdown_blocking(self, timeout: Duration) -> ShutdownReport {
        let Self { prometheus, otlp, thread: Some(thread) } = self else { return ShutdownReport::default() };
        let (done, finished) = mpsc::channel();
        // The export gives up a little earlier, so that its report still arrives in time.
        let last_export = otlp.shutdown(timeout / 8 * 7);
        ExporterThread::beside(async move {
            let report = last_export.await;
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
