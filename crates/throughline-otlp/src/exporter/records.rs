//! Exports spans and log records: the source that takes them out of their rings and encodes them, a batch at a time.
//!
//! Each export drains (`throughline-trace/src/reader.rs`) and encodes (`encode/requests.rs`). A record that was drained
//! is in no ring any more, so each must arrive, or be counted. While the peer takes them, there is one batch in memory at
//! a time; the rest waits in the rings.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use throughline_core::{Clock, Resource};
use throughline_metrics::Meter;
use throughline_trace::{LogReader, SpanReader};
use tokio::sync::mpsc;

use super::source::Wake;
use super::{Cause, Command, Encoded, Exporter, Source, Successor};
use crate::batch::BatchConfiguration;
use crate::config::{BuildError, OtlpConfig, Protocol};
use crate::encode::{EncodedRequest, LogEncoder, SpanEncoder};
use crate::endpoint::Signal;
use crate::status::ExportStatus;
use crate::transport::connect::{Connect, TcpConnector};

/// Exports the spans or the log records of one reader to one endpoint; run as [`MetricExporter`](crate::MetricExporter)
/// is.
///
/// ```
/// use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
///
/// use throughline_core::{KeyValue, Resource, SystemClock};
/// use throughline_otlp::{BatchConfiguration, Endpoint, OtlpConfig, RecordExporter, Signal};
/// use throughline_trace::TracerProvider;
///
/// let provider = TracerProvider::default();
/// let reader = provider.reader().expect("this is the first one");
/// let resource = Resource::new([KeyValue::new("service.name", "shop")]);
/// let config = OtlpConfig::new(Endpoint::base("http://localhost:4318", Signal::Traces)?);
/// let batch = BatchConfiguration::spans();
/// let exporter = RecordExporter::spans(reader, &resource, config, &batch, Arc::new(SystemClock), 7)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct RecordExporter(Exporter);

impl RecordExporter {
    /// An exporter of spans that does nothing until it is [run](Self::run). `batch` says when it exports, instead of the
    /// interval of `config`. `seed` decides the jitter of retries: it should differ between processes.
    ///
    /// # Errors
    /// A configuration that cannot work, such as a header that HTTP does not allow.
    pub fn spans(
        reader: SpanReader,
        resource: &Resource,
        config: OtlpConfig,
        batch: &BatchConfiguration,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let spans = Spans::new(reader, resource, &config);
        Self::with_connector(spans, config, batch, clock, seed, Box::new(TcpConnector))
    }

    /// An exporter of log records; otherwise as [`spans`](Self::spans).
    ///
    /// # Errors
    /// A configuration that cannot work, such as a header that HTTP does not allow.
    pub fn logs(
        reader: LogReader,
        resource: &Resource,
        config: OtlpConfig,
        batch: &BatchConfiguration,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        let logs = Logs::new(reader, resource, &config);
        Self::with_connector(logs, config, batch, clock, seed, Box::new(TcpConnector))
    }

    pub(super) fn with_connector<R: Records>(
        records: R,
        config: OtlpConfig,
        batch: &BatchConfiguration,
        clock: Arc<dyn Clock>,
        seed: u64,
        connector: Box<dyn Connect>,
    ) -> Result<Self, BuildError> {
        let BatchConfiguration { max_queue_size, max_export_batch_size, scheduled_delay, export_timeout } =
            batch;
        for (setting, duration) in [("scheduled delay", scheduled_delay), ("export timeout", export_timeout)]
        {
            if duration.is_zero() {
                return Err(BuildError::Zero { setting });
            }
        }
        let timeout = config.timeout.min(*export_timeout);
        let config = config.with_interval(*scheduled_delay).with_timeout(timeout);
        let source = RecordSource { records, batch_size: *max_export_batch_size, batches: 0, wake: None };
        let exporter = Exporter::new(R::SIGNAL, Box::new(source), config, clock, seed, connector)?;
        let queued_max = *max_queue_size.max(max_export_batch_size);
        Ok(Self(exporter.with_queued_items_max(queued_max as u64)))
    }

    /// Makes metrics of what this exporter does: [`METRICS`](crate::METRICS), most of which are read from its status when
    /// somebody collects.
    pub fn observe(&mut self, meter: &Meter) {
        self.0.observe(meter);
    }

    /// What a forked child needs to export what it records: see [`Successor`].
    pub fn successor(&self) -> Successor {
        self.0.successor()
    }

    /// Shows what this exporter has done, also while it runs and after it ended.
    pub fn status(&self) -> ExportStatus {
        self.0.status()
    }

    /// Exports at every delay, when a batch is full, and on [`Command::Flush`], until [`Command::Shutdown`] or until the
    /// channel is closed. What is finished after the last export is counted as dropped by the recorder.
    ///
    /// Needs a tokio runtime with time and I/O. A flush that arrives during an export is served by the next one. Run it
    /// where nothing is recorded (`opentelemetry::Context::enter_telemetry_suppressed_scope`), or it may export itself.
    pub async fn run(self, commands: mpsc::Receiver<Command>) {
        self.0.run(commands).await;
    }
}

/// Finished records of one signal, and how they are encoded.
pub(super) trait Records: Send + fmt::Debug + 'static {
    const SIGNAL: Signal;

    /// How many wait.
    fn pending(&mut self) -> usize;

    /// Takes up to `limit` out and gives them to `sink` as requests. How many there were.
    fn drain(&mut self, limit: usize, sink: &mut dyn FnMut(EncodedRequest)) -> usize;

    /// Has `wake` called when a thread has so many waiting.
    fn on_batch(&self, records: usize, wake: Wake);

    /// Takes all out, for nobody, and goes on for another resource.
    fn forked(&mut self, resource: &Resource);
}

#[derive(Debug)]
pub(super) struct Spans {
    reader: SpanReader,
    encoder: SpanEncoder,
    protocol: Protocol,
    request_bytes_max: usize,
}

impl Spans {
    pub(super) fn new(reader: SpanReader, resource: &Resource, config: &OtlpConfig) -> Self {
        let OtlpConfig { protocol, request_bytes_max, .. } = *config;
        let encoder = SpanEncoder::new(protocol, resource).with_request_bytes_max(request_bytes_max);
        Self { reader, encoder, protocol, request_bytes_max }
    }
}

impl Records for Spans {
    const SIGNAL: Signal = Signal::Traces;

    fn pending(&mut self) -> usize {
        self.reader.pending()
    }

    fn drain(&mut self, limit: usize, sink: &mut dyn FnMut(EncodedRequest)) -> usize {
        let Self { reader, encoder, .. } = self;
        let drained = reader.drain(limit, |span| encoder.add(&span).into_iter().for_each(&mut *sink));
        encoder.finish().into_iter().for_each(sink);
        drained
    }

    fn on_batch(&self, records: usize, wake: Wake) {
        self.reader.on_batch(records, wake);
    }

    fn forked(&mut self, resource: &Resource) {
        self.reader.drain(usize::MAX, |_of_the_parent| ());
        let encoder = SpanEncoder::new(self.protocol, resource);
        self.encoder = encoder.with_request_bytes_max(self.request_bytes_max);
    }
}

#[derive(Debug)]
pub(super) struct Logs {
    reader: LogReader,
    encoder: LogEncoder,
    protocol: Protocol,
    request_bytes_max: usize,
}

impl Logs {
    pub(super) fn new(reader: LogReader, resource: &Resource, config: &OtlpConfig) -> Self {
        let OtlpConfig { protocol, request_bytes_max, .. } = *config;
        let encoder = LogEncoder::new(protocol, resource).with_request_bytes_max(request_bytes_max);
        Self { reader, encoder, protocol, request_bytes_max }
    }
}

impl Records for Logs {
    const SIGNAL: Signal = Signal::Logs;

    fn pending(&mut self) -> usize {
        self.reader.pending()
    }

    fn drain(&mut self, limit: usize, sink: &mut dyn FnMut(EncodedRequest)) -> usize {
        let Self { reader, encoder, .. } = self;
        let drained = reader.drain(limit, |log| encoder.add(&log).into_iter().for_each(&mut *sink));
        encoder.finish().into_iter().for_each(sink);
        drained
    }

    fn on_batch(&self, records: usize, wake: Wake) {
        self.reader.on_batch(records, wake);
    }

    fn forked(&mut self, resource: &Resource) {
        self.reader.drain(usize::MAX, |_of_the_parent| ());
        let encoder = LogEncoder::new(self.protocol, resource);
        self.encoder = encoder.with_request_bytes_max(self.request_bytes_max);
    }
}

#[derive(Debug)]
struct RecordSource<R> {
    records: R,
    batch_size: usize,
    /// How many are left of this export.
    batches: usize,
    /// Who is woken by a full batch. The recorder takes one waker for ever, so this is what it wakes.
    wake: Option<Woken>,
}

impl<R: Records> Source for RecordSource<R> {
    fn on_batch(&mut self, wake: Wake) {
        if let Some(woken) = &self.wake {
            *woken.lock() = wake;
            return;
        }
        let woken = Woken(Arc::new(Mutex::new(wake)));
        self.wake = Some(woken.clone());
        self.records.on_batch(self.batch_size, Box::new(move || woken.lock()()));
    }

    fn forked(&mut self, resource: &Resource) {
        self.records.forked(resource);
    }

    /// What waits now is exported, so that an export ends while others go on recording. A full batch takes along only
    /// other full ones: the rest may become one.
    fn begin(&mut self, cause: Cause) {
        let pending = self.records.pending();
        let batches = match cause {
            Cause::Due => pending.div_ceil(self.batch_size),
            Cause::BatchFull => pending / self.batch_size,
        };
        // One at least: records that are too large for a ring wake the exporter one by one, and draining is also when
        // the reader gives up what it kept for too long.
        self.batches = batches.max(1);
    }

    fn take(&mut self, sink: &mut dyn FnMut(Encoded<'_>)) -> bool {
        let drained = self.records.drain(self.batch_size, &mut |EncodedRequest { body, records }| {
            sink(Encoded { body: Cow::Owned(body), items: records, must_arrive: true });
        });
        self.batches = self.batches.saturating_sub(1);
        let has_more = self.batches > 0 && drained > 0;
        if !has_more {
            self.wake_for_full_batch();
        }
        has_more
    }
}

impl<R: Records> RecordSource<R> {
    /// A batch that was full before the last drain woke nobody, since the exporter was awake: it is the next export.
    fn wake_for_full_batch(&mut self) {
        if self.records.pending() >= self.batch_size {
            if let Some(woken) = &self.wake {
                woken.lock()();
            }
        }
    }
}

/// Who is woken, which can change.
#[derive(Clone)]
struct Woken(Arc<Mutex<Wake>>);

impl Woken {
    /// Held for as long as it takes to call, or to replace, a function that does not wait.
    fn lock(&self) -> MutexGuard<'_, Wake> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Woken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Woken")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Records that say beforehand how many wait each time they are asked.
    #[derive(Debug)]
    struct Scripted(std::vec::IntoIter<usize>);

    impl Records for Scripted {
        const SIGNAL: Signal = Signal::Traces;

        fn pending(&mut self) -> usize {
            self.0.next().unwrap_or_default()
        }

        fn drain(&mut self, limit: usize, _sink: &mut dyn FnMut(EncodedRequest)) -> usize {
            limit
        }

        fn on_batch(&self, _records: usize, _wake: Wake) {}

        fn forked(&mut self, _resource: &Resource) {}
    }

    #[test]
    fn a_batch_that_filled_up_during_an_export_is_the_next_one() {
        for (left, expected) in [(9, 0), (10, 1)] {
            let records = Scripted(vec![10, left].into_iter());
            let mut source = RecordSource { records, batch_size: 10, batches: 0, wake: None };
            let wakes = Arc::new(AtomicUsize::new(0));
            let woken = Arc::clone(&wakes);
            source.on_batch(Box::new(move || {
                woken.fetch_add(1, Ordering::Relaxed);
            }));
            source.begin(Cause::BatchFull);
            assert!(!source.take(&mut |_| ()));
            assert_eq!(wakes.load(Ordering::Relaxed), expected, "{left} are left");
        }
    }
}
