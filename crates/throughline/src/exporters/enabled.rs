//! The exporters of one `init_telemetry`: started together, flushed and ended together.
//!
//! The exporter thread does the last export; a thread of its own waits for it, so that an async caller is not blocked,
//! under any runtime, and a callback that hangs costs no more than the deadline.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use throughline_core::Resource;
use tokio::sync::oneshot;

use super::ShutdownReport;
use super::thread::{ExporterThread, Task};
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
    /// The process that has the thread: a forked child has not.
    process: u32,
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
        let tasks = serve.into_iter().chain(otlp.tasks()).chain(console.task()).collect();
        Self::run(prometheus, otlp, console, tasks)
    }

    fn run(prometheus: Prometheus, otlp: Otlp, console: Console, tasks: Vec<Task>) -> Result<Self, Error> {
        let thread =
            if tasks.is_empty() { None } else { Some(ExporterThread::start(tasks).map_err(Error::Thread)?) };
        Ok(Self { prometheus, otlp, console, thread, process: std::process::id() })
    }

    /// Starts a thread in a forked child, where there is none; nothing in the process that has one.
    pub(crate) fn forked(&self, resource: &Resource) -> Result<Option<Self>, Error> {
        if !self.is_forked() {
            return Ok(None);
        }
        let mut otlp = self.otlp.forked(resource)?;
        let tasks = otlp.tasks();
        Self::run(self.prometheus.forked(), otlp, self.console.forked(), tasks).map(Some)
    }

    /// Makes these the exporters of the process.
    pub(crate) fn make_global(&self) {
        self.otlp.make_global();
    }

    #[cfg(feature = "prometheus")]
    pub(crate) fn prometheus(&self) -> &Prometheus {
        &self.prometheus
    }

    /// Asks for an export of what there is now; the future is its report.
    pub(crate) fn flush(&self) -> impl Future<Output = ShutdownReport> + Send + use<> {
        let flush = (!self.is_forked()).then(|| (self.otlp.flush(), self.console.flush()));
        async move {
            let Some((otlp, console)) = flush else { return forked() };
            let mut report = otlp.await;
            report.console = console.await.unwrap_or_default();
            report
        }
    }

    /// Whether this is a copy in a forked child, where no exporter runs: nobody would answer.
    fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }

    /// Ends everything within the time.
    pub(crate) fn shutdown_blocking(self, timeout: Duration) -> ShutdownReport {
        if self.is_forked() {
            return forked();
        }
        let Self { prometheus, otlp, console, thread: Some(thread), .. } = self else {
            return ShutdownReport::default();
        };
        let (done, finished) = mpsc::channel();
        // The export gives up a little earlier, so that its report still arrives in time.
        let last_export = otlp.shutdown(timeout / 8 * 7);
        ExporterThread::beside(async move {
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
}

/// What a forked child has to report: what there is to deliver is its parent's.
fn forked() -> ShutdownReport {
    let error = "this process was forked off after telemetry was started: its parent delivers, and it has no exporter until `restart_after_fork`";
    ShutdownReport { last_error: Some(error.to_owned()), ..ShutdownReport::default() }
}

/// Does this on a thread of its own, so that an async caller is not blocked.
pub(crate) async fn on_a_thread(work: impl FnOnce() -> ShutdownReport + Send + 'static) -> ShutdownReport {
    let (reply, ended) = oneshot::channel();
    let work = move || {
        let _nobody_waits = reply.send(work());
    };
    match std::thread::Builder::new().name("throughline-shutdown".to_owned()).spawn(work) {
        Ok(_detached) => ended.await.unwrap_or_default(),
        Err(error) => ShutdownReport {
            timed_out: true,
            last_error: Some(format!("no thread can be started to wait for the last export: {error}")),
            ..ShutdownReport::default()
        },
    }
}
