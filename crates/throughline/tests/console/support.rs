//! Telemetry whose console is a buffer.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use throughline::core::attribute::ValueRef;
use throughline::trace::{LogRecord, SpanKind, Status};
use throughline::{ConsoleConfig, KeyValue, TelemetryConfig, TelemetryProviders, init_telemetry};

/// What was written to the console.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("text is UTF-8")
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }
}

impl Write for Written {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Telemetry with just these variables, touching nothing global, that opens no port.
pub(crate) fn with(variables: &[(&'static str, &'static str)]) -> TelemetryConfig {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    TelemetryConfig::new("shop")
        .without_globals()
        .without_prometheus_endpoint()
        .with_environment_variables(move |name| variables.get(name).map(|value| (*value).to_owned()))
}

/// All signals.
pub(crate) fn everything() -> ConsoleConfig {
    ConsoleConfig::new().with_metrics().with_traces().with_logs()
}

/// Telemetry that shows this, and what it has written.
pub(crate) fn started(
    console: ConsoleConfig,
    variables: &[(&'static str, &'static str)],
) -> (TelemetryProviders, Written) {
    let written = Written::default();
    let config = with(variables).with_console_exporter(console.with_writer(written.clone()));
    (init_telemetry(config).expect("telemetry starts"), written)
}

/// Some of everything: a trace of two spans, a log record, metrics of every kind.
pub(crate) fn record(telemetry: &TelemetryProviders) {
    let tracer = telemetry.tracer_provider().tracer("it");
    let mut root = tracer.span("GET /cart").with_kind(SpanKind::Server).with_attribute("user", "a b").start();
    in_context(&root, || {
        let mut child = tracer.span("SELECT").with_kind(SpanKind::Client).start();
        child.add_event("retry", &[KeyValue::new("attempt", 2)]);
        child.set_status(Status::error("timed out"));
        child.end();
        let body = Some(ValueRef::Str("cart \x1b[31mloaded\nsecond line"));
        let record = LogRecord { severity_number: 9, severity_text: "INFO", body, ..LogRecord::default() };
        telemetry.logger_provider().logger("it").record(&record, &[KeyValue::new("items", 3)]);
    });
    root.end();
    let meter = telemetry.meter("it");
    let paid = [KeyValue::new("paid", true)];
    meter
        .u64_counter("orders")
        .with_unit("{order}")
        .with_description("What was bought")
        .build()
        .add(2, &paid);
    meter.i64_gauge("depth").build().set(-7, &[]);
    let duration = meter.f64_histogram("duration").with_unit("s").build();
    (1..=100).for_each(|n| duration.record(f64::from(n) / 1000.0, &[]));
}

/// Runs this with the span current.
fn in_context(span: &throughline::Span, run: impl FnOnce()) {
    throughline::in_context!(span, run());
}
