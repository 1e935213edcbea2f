//! An exporter that runs, with counters behind it.

use std::sync::Arc;
use std::time::Duration;

use throughline_core::SystemClock;
use throughline_metrics::{MeterProvider, TemporalityPreference};
use throughline_otlp::{Command, ExportReport, MetricExporter, OtlpConfig, RetryPolicy};
use tokio::sync::{mpsc, oneshot};

/// Runs on the runtime of the test.
pub(crate) struct Exporter {
    commands: mpsc::Sender<Command>,
    // Its callbacks and instruments go with it.
    _provider: MeterProvider,
}

impl Exporter {
    /// One that makes a single attempt at each request, and gives a hanging receiver up after a while.
    pub(crate) fn start(config: OtlpConfig) -> Self {
        Self::start_with(&["requests"], config.with_retry(RetryPolicy::disabled()))
    }

    /// One with these counters, that retries as configured.
    pub(crate) fn start_with(counters: &[&str], config: OtlpConfig) -> Self {
        let provider = MeterProvider::builder().build();
        for name in counters {
            provider.meter("test").u64_counter((*name).to_owned()).build().add(3, &[]);
        }
        let reader = provider.reader(TemporalityPreference::Cumulative);
        let config = config.with_timeout(Duration::from_secs(20));
        let exporter = MetricExporter::new(reader, config, Arc::new(SystemClock), 7);
        let (commands, inbox) = mpsc::channel(1);
        drop(tokio::spawn(exporter.expect("a good configuration").run(inbox)));
        Self { commands, _provider: provider }
    }

    pub(crate) async fn flush(&self) -> ExportReport {
        let (reply, report) = oneshot::channel();
        self.commands.send(Command::Flush { reply }).await.expect("the exporter runs");
        report.await.expect("a report")
    }

    /// Exports once; the point is taken.
    pub(crate) async fn delivers(&self) {
        let report = self.flush().await;
        assert_eq!((report.delivered_items, report.last_error.as_deref()), (1, None));
    }

    /// Exports once, which fails with all of these in the message.
    pub(crate) async fn fails_with(&self, expected: &[&str]) {
        let report = self.flush().await;
        let error = report.last_error.expect("an error");
        for part in expected {
            assert!(error.contains(part), "`{part}` is not in: {error}");
        }
        assert_eq!((report.delivered_items, report.undelivered_items), (0, 1));
    }
}
