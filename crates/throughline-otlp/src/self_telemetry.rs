//! What an exporter says about itself in metrics: the `otel.sdk.*` ones of the
//! [semantic conventions](https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/), and our own for what those leave
//! out.
//!
//! The façade asks for it with [`observe`](crate::MetricExporter::observe). Nearly all of it is read from the exporter's
//! status when somebody collects, so it costs nothing meanwhile, and an idle program stays idle.

use std::time::Duration;

use throughline_core::{InstrumentKind, KeyValue, MetricDef, NumberKind, Timestamp};
use throughline_metrics::{Histogram, Meter, Observer};

use crate::config::{OtlpConfig, Protocol};
use crate::endpoint::Signal;
use crate::error::ExportError;
use crate::status::{ExportStatus, SpoolState, StatusSnapshot};

const fn counter(name: &'static str) -> MetricDef {
    MetricDef::new(name, InstrumentKind::ObservableCounter, NumberKind::U64)
}

const fn level(name: &'static str) -> MetricDef {
    MetricDef::new(name, InstrumentKind::ObservableUpDownCounter, NumberKind::I64)
}

const fn gauge(name: &'static str) -> MetricDef {
    MetricDef::new(name, InstrumentKind::ObservableGauge, NumberKind::F64)
}

/// The metrics of one signal, which the conventions name for each.
struct OfSignal {
    exported: MetricDef,
    inflight: MetricDef,
    /// Of the queue, and of what passed it; metrics have none in the conventions.
    batches: Option<[MetricDef; 3]>,
}

macro_rules! of_signal {
    ($item:literal, $items:literal, $batches:expr) => {
        OfSignal {
            exported: counter(concat!("otel.sdk.exporter.", $item, ".exported"))
                .with_unit(concat!("{", $item, "}"))
                .with_description(concat!(
                    "The ",
                    $items,
                    " whose export has finished, either successful or failed."
                )),
            inflight: level(concat!("otel.sdk.exporter.", $item, ".inflight"))
                .with_unit(concat!("{", $item, "}"))
                .with_description(concat!(
                    "The ",
                    $items,
                    " that wait to be taken by the receiver, in memory or on disk."
                )),
            batches: $batches,
        }
    };
}

macro_rules! batches {
    ($item:literal, $unit:literal, $items:literal) => {
        Some([
            counter(concat!("otel.sdk.processor.", $item, ".processed")).with_unit($unit).with_description(
                concat!("The ", $items, " that were handed to the exporter, or dropped for want of room."),
            ),
            level(concat!("otel.sdk.processor.", $item, ".queue.size"))
                .with_unit($unit)
                .with_description(concat!("The ", $items, " that wait in memory.")),
            level(concat!("otel.sdk.processor.", $item, ".queue.capacity"))
                .with_unit($unit)
                .with_description(concat!("The ", $items, " that can wait in memory.")),
        ])
    };
}

const SPANS: OfSignal = of_signal!("span", "spans", batches!("span", "{span}", "spans"));
const LOGS: OfSignal = of_signal!("log", "log records", batches!("log", "{log_record}", "log records"));
const POINTS: OfSignal = of_signal!("metric_data_point", "points", None);

const DURATION: MetricDef =
    MetricDef::new("otel.sdk.exporter.operation.duration", InstrumentKind::Histogram, NumberKind::F64)
        .with_unit("s")
        .with_description("How long it took to deliver a request, or to give up, retries included.")
        .with_bounds(&[]);

const COLLECTION: MetricDef =
    MetricDef::new("otel.sdk.metric_reader.collection.duration", InstrumentKind::Histogram, NumberKind::F64)
        .with_unit("s")
        .with_description("How long it took to collect all metrics, callbacks included.")
        .with_bounds(&[]);

const DROPPED: MetricDef = counter("throughline.exporter.dropped")
    .with_unit("{item}")
    .with_description("Points, spans and log records that were given up, by reason.");
const RETRIES: MetricDef = counter("throughline.exporter.retries")
    .with_unit("{attempt}")
    .with_description("Attempts to deliver a request after the first.");
const QUEUE_BYTES: MetricDef = level("throughline.exporter.queue.size")
    .with_unit("By")
    .with_description("Bytes of encoded requests that wait in memory.");
const QUEUE_BYTES_MAX: MetricDef = level("throughline.exporter.queue.capacity")
    .with_unit("By")
    .with_description("Bytes of encoded requests that can wait in memory.");
const SPOOL_BYTES: MetricDef = level("throughline.exporter.spool.size")
    .with_unit("By")
    .with_description("Bytes of disk that requests in the spool take.");
const SPOOL_ITEMS: MetricDef = level("throughline.exporter.spool.items")
    .with_unit("{item}")
    .with_description("Points, spans and log records in the spool.");
const SPOOL_WORKING: MetricDef = gauge("throughline.exporter.spool.working")
    .with_description("1 when the spool can be used, 0 when it cannot.");
const ALIVE: MetricDef =
    gauge("throughline.exporter.alive").with_description("1 while the exporter runs, 0 when it has ended.");
const LAST_SUCCESS: MetricDef = gauge("throughline.exporter.last_success.time")
    .with_unit("s")
    .with_description("When the receiver last took a request, in seconds since the Unix epoch.");

/// All of them, for catalogues.
pub const METRICS: [MetricDef; 23] = {
    let [spans, logs, points] = [SPANS, LOGS, POINTS];
    let (Some([s1, s2, s3]), Some([l1, l2, l3])) = (spans.batches, logs.batches) else { unreachable!() };
    [
        spans.exported,
        spans.inflight,
        s1,
        s2,
        s3,
        logs.exported,
        logs.inflight,
        l1,
        l2,
        l3,
        points.exported,
        points.inflight,
        DURATION,
        COLLECTION,
        DROPPED,
        RETRIES,
        QUEUE_BYTES,
        QUEUE_BYTES_MAX,
        SPOOL_BYTES,
        SPOOL_ITEMS,
        SPOOL_WORKING,
        ALIVE,
        LAST_SUCCESS,
    ]
};

/// The exporter that is observed.
pub(crate) struct Observed<'a> {
    pub(crate) signal: Signal,
    pub(crate) config: &'a OtlpConfig,
    /// How many spans or log records may wait.
    pub(crate) queued_items_max: u64,
    pub(crate) status: &'a ExportStatus,
}

impl Observed<'_> {
    /// Makes the instruments. What is returned takes the durations.
    pub(crate) fn register(&self, meter: &Meter) -> Operations {
        let of_signal = match self.signal {
            Signal::Traces => SPANS,
            Signal::Logs => LOGS,
            Signal::Metrics => POINTS,
        };
        self.counter(meter, &of_signal.exported, exported);
        self.level(meter, &of_signal.inflight, |status| status.queued_items + status.spooled_items);
        if let Some([processed, size, capacity]) = &of_signal.batches {
            let max = self.queued_items_max;
            self.counter(meter, processed, self::processed);
            self.level(meter, size, |status| status.queued_items);
            self.level(meter, capacity, move |_| max);
        }
        self.counter(meter, &DROPPED, dropped);
        self.counter(meter, &RETRIES, |status| vec![(status.retries, None)]);
        self.register_room(meter);
        self.gauge(meter, &ALIVE, |status| Some(f64::from(u8::from(status.is_running))));
        self.gauge(meter, &LAST_SUCCESS, |status| status.last_success.map(Timestamp::as_secs_f64));
        Operations { duration: Some(meter.instrument(&DURATION)), attributes: self.attributes() }
    }

    fn register_room(&self, meter: &Meter) {
        let max = self.config.queue_bytes_max as u64;
        self.level(meter, &QUEUE_BYTES, |status| status.queued_bytes);
        self.level(meter, &QUEUE_BYTES_MAX, move |_| max);
        if self.config.spool.is_some() {
            self.level(meter, &SPOOL_BYTES, |status| status.spooled_bytes);
            self.level(meter, &SPOOL_ITEMS, |status| status.spooled_items);
            self.gauge(meter, &SPOOL_WORKING, |status| {
                Some(f64::from(u8::from(status.spool == SpoolState::Working)))
            });
        }
    }

    fn counter(
        &self,
        meter: &Meter,
        def: &MetricDef,
        read: impl Fn(&StatusSnapshot) -> Counts + Send + Sync + 'static,
    ) {
        let (status, attributes) = (self.status.clone(), self.attributes());
        let callback = move |observer: &Observer<'_, u64>| {
            for (count, more) in status.read(&read) {
                let more = more.map(|(key, value)| KeyValue::new(key, value));
                let attributes: Vec<_> = attributes.iter().cloned().chain(more).collect();
                observer.observe(count, &attributes[..]);
            }
        };
        let builder = meter.u64_observable_counter(def.name).with_unit(def.unit);
        builder.with_description(def.description).with_callback(callback).build();
    }

    fn level(
        &self,
        meter: &Meter,
        def: &MetricDef,
        read: impl Fn(&StatusSnapshot) -> u64 + Send + Sync + 'static,
    ) {
        let (status, attributes) = (self.status.clone(), self.attributes());
        let callback = move |observer: &Observer<'_, i64>| {
            observer.observe(i64::try_from(status.read(&read)).unwrap_or(i64::MAX), &attributes[..]);
        };
        let builder = meter.i64_observable_up_down_counter(def.name).with_unit(def.unit);
        builder.with_description(def.description).with_callback(callback).build();
    }

    fn gauge(
        &self,
        meter: &Meter,
        def: &MetricDef,
        read: impl Fn(&StatusSnapshot) -> Option<f64> + Send + Sync + 'static,
    ) {
        let (status, attributes) = (self.status.clone(), self.attributes());
        let callback = move |observer: &Observer<'_, f64>| {
            if let Some(value) = status.read(&read) {
                observer.observe(value, &attributes[..]);
            }
        };
        let builder = meter.f64_observable_gauge(def.name).with_unit(def.unit);
        builder.with_description(def.description).with_callback(callback).build();
    }

    /// Who exports, and where to.
    fn attributes(&self) -> Vec<KeyValue> {
        let kind = component_type(self.signal, self.config.protocol);
        let mut attributes = vec![
            KeyValue::new("otel.component.name", format!("{kind}/0")),
            KeyValue::new("otel.component.type", kind),
        ];
        match self.config.endpoint.host_and_port() {
            Some((host, port)) => {
                attributes.push(KeyValue::new("server.address", host.to_owned()));
                attributes.push(KeyValue::new("server.port", i64::from(port)));
            }
            None => attributes.extend(
                self.config
                    .endpoint
                    .socket()
                    .map(|path| KeyValue::new("server.address", path.display().to_string())),
            ),
        }
        attributes
    }
}

/// Counts, with one attribute more each.
type Counts = Vec<(u64, Option<(&'static str, &'static str)>)>;

/// What failed for good is `refused`; what failed and may be delivered later is `unavailable`.
fn exported(status: &StatusSnapshot) -> Counts {
    let refused = status.dropped_items.refused;
    vec![
        (status.exported_items, None),
        (status.rejected_items, Some(("error.type", "rejected"))),
        (refused, Some(("error.type", "refused"))),
        (status.failed_items.saturating_sub(refused), Some(("error.type", "unavailable"))),
    ]
}

fn processed(status: &StatusSnapshot) -> Counts {
    let full = status.dropped_items.queue_full + status.dropped_items.spool_full;
    vec![
        (status.collected_items - full.min(status.collected_items), None),
        (full, Some(("error.type", "queue_full"))),
    ]
}

/// Reasons that there can be, also those without a case yet: a rate needs a beginning.
fn dropped(status: &StatusSnapshot) -> Counts {
    let is_possible = |reason: &str| {
        status.spool != SpoolState::Off || !(reason.starts_with("spool") || reason == "incompatible")
    };
    let reasons = status.dropped_items.by_reason().into_iter().filter(|(reason, _)| is_possible(reason));
    reasons.map(|(reason, items)| (items, Some(("throughline.reason", reason)))).collect()
}

/// As the conventions call it.
const fn component_type(signal: Signal, protocol: Protocol) -> &'static str {
    match (protocol, signal) {
        (Protocol::HttpProtobuf, Signal::Traces) => "otlp_http_span_exporter",
        (Protocol::HttpProtobuf, Signal::Logs) => "otlp_http_log_exporter",
        (Protocol::HttpProtobuf, Signal::Metrics) => "otlp_http_metric_exporter",
        (Protocol::HttpJson, Signal::Traces) => "otlp_http_json_span_exporter",
        (Protocol::HttpJson, Signal::Logs) => "otlp_http_json_log_exporter",
        (Protocol::HttpJson, Signal::Metrics) => "otlp_http_json_metric_exporter",
        (Protocol::Grpc, Signal::Traces) => "otlp_grpc_span_exporter",
        (Protocol::Grpc, Signal::Logs) => "otlp_grpc_log_exporter",
        (Protocol::Grpc, Signal::Metrics) => "otlp_grpc_metric_exporter",
    }
}

/// Takes how long each delivery took.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    /// None when nobody asked.
    duration: Option<Histogram<f64>>,
    attributes: Vec<KeyValue>,
}

impl Operations {
    /// Records a delivery that has ended.
    pub(crate) fn ended(&self, took: Duration, outcome: Result<(), &ExportError>) {
        let Some(duration) = &self.duration else { return };
        match outcome {
            Ok(()) => duration.record(took.as_secs_f64(), &self.attributes[..]),
            Err(error) => {
                let kind = if error.is_retryable() { "unavailable" } else { "refused" };
                let failed = KeyValue::new("error.type", kind);
                let attributes: Vec<_> = self.attributes.iter().cloned().chain([failed]).collect();
                duration.record(took.as_secs_f64(), &attributes[..]);
            }
        }
    }
}

/// Takes how long each collection took.
#[derive(Debug, Default)]
pub(crate) struct Collections(Option<Histogram<f64>>);

impl Collections {
    pub(crate) fn new(meter: &Meter) -> Self {
        Self(Some(meter.instrument(&COLLECTION)))
    }

    /// Records a collection that has ended; it shows in the next.
    pub(crate) fn ended(&self, took: Duration) {
        if let Some(durations) = &self.0 {
            let kind = KeyValue::new("otel.component.type", "periodic_metric_reader");
            durations.record(took.as_secs_f64(), &[kind][..]);
        }
    }
}
