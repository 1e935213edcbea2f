//! The exporter thread: everything that this toolkit does by itself, it does here.
//!
//! One thread with a small runtime of its own, so that exporters work under any runtime of the application, or none,
//! and never on a caller's time. `exporters/enabled.rs` starts it with the exporters' tasks; a task that panics ends
//! alone. Scrapes are rendered on a second thread that the runtime keeps for work that may block.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// What an exporter does for as long as it lives.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The running thread. It ends when its tasks have.
#[derive(Debug)]
pub(crate) struct ExporterThread {
    /// Disconnected when the thread has ended.
    ended: mpsc::Receiver<()>,
}

impl ExporterThread {
    /// Starts the thread with these tasks.
    pub(crate) fn start(tasks: Vec<Task>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().thread_name("throughline-scrape").build()?;
        let (running, ended) = mpsc::channel();
        let run = move || {
            run(runtime, tasks);
            drop(running);
        };
        let _detached = std::thread::Builder::new().name("throughline".into()).spawn(run)?;
        Ok(Self { ended })
    }

    /// Waits for what the tasks answer, on one more thread: this one may end as soon as they have answered, and whoever
    /// asks may be in an async runtime.
    pub(crate) fn beside(waiting: impl Future<Output = ()> + Send + 'static) {
        let run = || {
            // What is dropped unheard tells whoever waits for it.
            let _nobody_waits =
                Builder::new_current_thread().build().map(|runtime| runtime.block_on(waiting));
        };
        drop(std::thread::Builder::new().name("throughline-shutdown".into()).spawn(run));
    }

    /// Waits for the thread to end, and says whether it did.
    pub(crate) fn wait(&self, timeout: Duration) -> bool {
        matches!(self.ended.recv_timeout(timeout), Err(mpsc::RecvTimeoutError::Disconnected))
    }
}

fn run(runtime: Runtime, tasks: Vec<Task>) {
    // What exporting does is not to be exported in turn.
    let _unobserved = opentelemetry::Context::enter_telemetry_suppressed_scope();
    runtime.block_on(async {
        let mut running: JoinSet<()> = tasks.into_iter().collect();
        while let Some(ended) = running.join_next().await {
            if let Err(panicked) = ended {
                tracing::error!(
                    target: "throughline",
                    "an exporter has ended in a panic ({panicked}): nothing more is exported by it"
                );
            }
        }
    });
    // A callback of the application that hangs in a scrape must not keep this thread from ending.
    runtime.shutdown_background();
}
