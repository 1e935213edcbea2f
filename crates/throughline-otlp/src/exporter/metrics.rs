//! Exports what the metrics engine counts: the source that collects it and encodes the collection.
//!
//! Each export collects (`throughline-metrics/src/reader.rs`, stops 4 to 6 in the life of an increment) and encodes
//! (`encode/metrics.rs`, stop 7). Cumulative points need not arrive: the next collection has all that they had.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use throughline_core::{Clock, Resource};
use throughline_metrics::data::{Collection, MetricData, Temporality};
use throughline_metrics::{Meter, Reader};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Command, Encoded, Exporter, Source, Successor};
use crate::config::{BuildError, OtlpConfig};
use crate::encode::Encoder;
use crate::endpoint::Signal;
use crate::self_telemetry::Collections;
use crate::status::ExportStatus;
use crate::transport::connect::{Connect, TcpConnector};

/// Exports the metrics of one reader to one endpoint.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use throughline_core::SystemClock;
/// use throughline_metrics::Reader;
/// use throughline_otlp::{Command, Endpoint, MetricExporter, OtlpConfig, Signal};
/// use tokio::sync::{mpsc, oneshot};
/// use tokio::time::Instant;
///
/// fn export(reader: Reader) -> Result<(), Box<dyn std::error::Error>> {
///     let config = OtlpConfig::new(Endpoint::base("http://localhost:4318", Signal::Metrics)?);
///     let exporter = MetricExporter::new(reader, config, Arc::new(SystemClock), 7)?;
///     let status = exporter.status();
///     let (commands, inbox) = mpsc::channel(8);
///     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
///     let thread = std::thread::spawn(move || runtime.block_on(exporter.run(inbox)));
///
///     let (reply, report) = oneshot::channel();
///     let deadline = Instant::now() + Duration::from_secs(5);
///     commands.blocking_send(Command::Shutdown { deadline, reply })?;
///     println!("{:?} {:?}", report.blocking_recv()?, status.snapshot());
///     thread.join().expect("the exporter does not panic");
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct MetricExporter(Exporter);

impl MetricExporter {
    /// An exporter that does nothing until it is [run](Self::run). `seed` decides the jitter of retries: it should
    /// differ between processes.
    ///
    /// # Errors
    /// A configuration that cannot work, such as a header that HTTP does not allow.
    pub fn new(
        reader: Reader,
        config: OtlpConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
    ) -> Result<Self, BuildError> {
        Self::with_parts(Box::new(reader), config, clock, seed, Box::new(TcpConnector))
    }

    pub(super) fn with_parts(
        reader: Box<dyn Collect>,
        config: OtlpConfig,
        clock: Arc<dyn Clock>,
        seed: u64,
        connector: Box<dyn Connect>,
    ) -> Result<Self, BuildError> {
        if config.interval.is_zero() {
            return Err(BuildError::Zero { setting: "export interval" });
        }
        let encoder = Encoder::new(config.protocol);
        let collections = Collections::default();
        let source = MetricSource {
            reader,
            encoder,
            request_bytes_max: config.request_bytes_max,
            collections,
            resource: None,
        };
        Exporter::new(Signal::Metrics, Box::new(source), config, clock, seed, connector).map(Self)
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

    /// Exports at every interval and on [`Command::Flush`], until [`Command::Shutdown`] or until the channel is closed.
    ///
    /// Needs a tokio runtime with time and I/O; a current-thread runtime of its own is best, because collecting runs
    /// the application's callbacks. A flush that arrives during an export is served by the next one.
    pub async fn run(self, commands: mpsc::Receiver<Command>) {
        self.0.run(commands).await;
    }
}

/// Where collections come from: the engine, or the script of a test.
pub(super) trait Collect: Send + fmt::Debug {
    fn collect(&mut self) -> &Collection;
}

impl Collect for Reader {
    fn collect(&mut self) -> &Collection {
        Self::collect(self)
    }
}

#[derive(Debug)]
struct MetricSource {
    reader: Box<dyn Collect>,
    encoder: Encoder,
    request_bytes_max: usize,
    collections: Collections,
    /// Another than the engine's, in a forked child.
    resource: Option<Arc<Resource>>,
}

impl Source for MetricSource {
    fn observe(&mut self, meter: &Meter) {
        self.collections = Collections::new(meter);
    }

    /// Delta points up to now are the parent's. Cumulative ones go on from there.
    fn forked(&mut self, resource: &Resource) {
        self.resource = Some(Arc::new(resource.clone()));
        let _: &Collection = self.reader.collect();
    }

    /// All of it at once: a collection is of one moment.
    fn take(&mut self, sink: &mut dyn FnMut(Encoded<'_>)) -> bool {
        let Self { reader, encoder, request_bytes_max, collections, resource } = self;
        let began = Instant::now();
        let collection = of_resource(reader.collect(), resource.as_ref());
        let collection = &*collection;
        collections.ended(began.elapsed());
        let must_arrive = has_delta(collection);
        encoder.encode(collection, *request_bytes_max, &mut |bytes, points| {
            sink(Encoded { body: Cow::Borrowed(bytes), items: points as u64, must_arrive });
        });
        false
    }
}

/// The collection, as one of this resource.
fn of_resource<'a>(collection: &'a Collection, resource: Option<&Arc<Resource>>) -> Cow<'a, Collection> {
    match resource {
        None => Cow::Borrowed(collection),
        Some(resource) => Cow::Owned(Collection { resource: Arc::clone(resource), ..collection.clone() }),
    }
}

/// Whether it has points that no later collection repeats.
fn has_delta(collection: &Collection) -> bool {
    collection.metrics().any(|(_, metric)| match &metric.data {
        MetricData::Gauge { .. } => false,
        MetricData::Sum { temporality, .. }
        | MetricData::Histogram { temporality, .. }
        | MetricData::ExponentialHistogram { temporality, .. } => {
            *temporality == Temporality::Delta && !metric.data.is_empty()
        }
    })
}
