//! Telemetry of the stream processor: where it goes, and what records it.
//!
//! Two readers share the same series: whoever scrapes gets totals, the Collector gets deltas.

use std::io::{Write as _, stderr};
use std::net::SocketAddr;

use throughline::trace::Tracer;
use throughline::{
    Alias, BatchConfiguration, Error, ExportConfig, MetricsConfig, MetricsRecorder, OtlpProtocol,
    TelemetryConfig, TelemetryProviders, Temporality, TraceConfig, init_telemetry,
};
use throughline_instruments::stream::{
    ByBackend, ByWindow, Messaging, StateBackend, StreamMetrics, WindowType,
};

/// The item of the baggage that says whose event it is.
pub(crate) const TENANT: &str = "tenant";

/// A few seconds of spans at the highest rate.
const SPANS_WAITING_MAX: usize = 100_000;

/// Starts telemetry. The environment wins over what stands here.
pub(crate) fn start(listen: SocketAddr) -> Result<TelemetryProviders, Error> {
    let batch = BatchConfiguration::new().with_max_queue_size(SPANS_WAITING_MAX);
    let collector =
        ExportConfig::new().with_endpoint("http://localhost:4317").with_protocol(OtlpProtocol::Grpc);
    let config = TelemetryConfig::new("stream-processor")
        .with_service_version(env!("CARGO_PKG_VERSION"))
        .with_environment_first()
        .with_aliases([Alias::new("OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")])
        .with_prometheus_address(listen)
        .with_export(collector)
        .with_metrics(MetricsConfig::new().with_temporality(Temporality::Delta))
        .with_traces(TraceConfig::new().with_batch(batch).with_baggage_attributes([TENANT]));
    init_telemetry(config)
}

/// What the program records with.
#[derive(Debug)]
pub(crate) struct Instruments {
    pub(crate) stream: StreamMetrics,
    pub(crate) messaging: Messaging,
    pub(crate) tracer: Tracer,
    /// For what has no instrument of its own.
    pub(crate) recorder: MetricsRecorder,
}

impl Instruments {
    pub(crate) fn new(telemetry: &TelemetryProviders) -> Self {
        let meter = telemetry.meter("stream-processor");
        let tracer = telemetry.tracer_provider().tracer("stream-processor");
        let stream = StreamMetrics::new(&meter);
        begin_at_zero(&stream);
        Self {
            stream,
            messaging: Messaging::new("in_process", &meter, tracer),
            tracer,
            recorder: MetricsRecorder::new(),
        }
    }
}

/// What seldom happens is there from the start: the first time is then a growth, and not a series from nowhere.
fn begin_at_zero(stream: &StreamMetrics) {
    stream.events.backpressure.add(0, &());
    stream.deduplication.cache_evictions.add(0, &());
    stream.state.evictions.add(0, &ByBackend { backend: StateBackend::Memory });
    for window_type in [WindowType::Tumbling, WindowType::Sliding] {
        stream.windows.discarded.add(0, &ByWindow { window_type });
    }
}

/// Says something that is no log record, because telemetry has ended.
pub(crate) fn say(text: &str) {
    // Whoever does not listen misses it.
    let _unheard = writeln!(stderr(), "{text}");
}
