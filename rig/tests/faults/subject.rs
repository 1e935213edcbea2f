//! The program whose telemetry is made to suffer: this test binary, started again as a process of its own.
//!
//! A process of its own, because it is killed, its memory is measured, and nothing of another case is in it. It reads one
//! command a line and answers each with one line of JSON. It has telemetry twice: *under test*, pushed to the backend with
//! the fault, and as a *control*, pushed to one without, so that what recording costs in both can be compared at the same
//! moment on the same machine.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throughline::{
    BatchConfiguration, BufferConfig, Counter, ExportConfig, KeyValue, LogConfig, MetricsConfig,
    OtlpCompression, OtlpProtocol, StatusHandle, TelemetryConfig, TelemetryProviders, Temporality,
    TraceConfig, init_telemetry,
};
use throughline_core::attribute::ValueRef;
use throughline_core::{Clock, SystemClock, Timestamp};
use throughline_trace::{LogRecord, Logger, Tracer};

use crate::{probe, soak};

/// The argument that makes this binary the subject; its configuration follows.
pub(crate) const ARGUMENT: &str = "--subject";

/// Runs as the subject, when asked to.
pub(crate) fn asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != ARGUMENT {
        return None;
    }
    let config = serde_json::from_str(&arguments.next()?).expect("a configuration in JSON");
    Subject::start(&config).obey();
    Some(ExitCode::SUCCESS)
}

struct Subject {
    /// Taken at shutdown.
    tested: Option<Recorder>,
    control: Option<Recorder>,
    clock: Arc<SteppedClock>,
    load: Option<Load>,
}

/// One telemetry, and what is recorded with it.
struct Recorder {
    telemetry: TelemetryProviders,
    status: StatusHandle,
    instruments: Instruments,
    recorded: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Instruments {
    tracer: Tracer,
    logger: Logger,
    counter: Counter<u64>,
    padding: String,
    /// The number of the first thing recorded.
    first: i64,
}

impl Subject {
    fn start(config: &Value) -> Self {
        let clock = Arc::new(SteppedClock::default());
        let tested = Recorder::start(config, Arc::clone(&clock) as Arc<_>);
        let control = config["control"].as_str().map(|url| {
            let config = json!({"endpoint": url, "padding": config["padding"]});
            Recorder::start(&config, Arc::new(SystemClock))
        });
        Self { tested: Some(tested), control, clock, load: None }
    }

    fn obey(mut self) {
        let mut out = std::io::stdout().lock();
        for line in std::io::stdin().lines() {
            let line = line.expect("commands are text");
            let mut words = line.split(' ');
            let (command, argument) = (words.next().unwrap_or_default(), words.next());
            let number = argument.and_then(|text| text.parse().ok()).unwrap_or(0);
            let answer = self.answer(command, number);
            writeln!(out, "{answer}").and_then(|()| out.flush()).expect("somebody listens");
        }
    }

    fn answer(&mut self, command: &str, number: i64) -> Value {
        match command {
            "record" => self.tested().record(number.unsigned_abs()),
            "probe" => return self.probe(),
            "load" => self.load = Some(Load::start(self.tested())),
            "unload" => drop(self.load.take()),
            "soak" => return self.soak(Duration::from_secs(number.unsigned_abs())),
            "flush" => return self.flush(),
            "step" => self.clock.step(number),
            "shutdown" => return self.shutdown(Duration::from_millis(number.unsigned_abs())),
            _ => {}
        }
        self.status()
    }

    fn tested(&self) -> &Recorder {
        self.tested.as_ref().expect("not shut down")
    }

    fn status(&self) -> Value {
        let Some(tested) = &self.tested else { return Value::Null };
        json!({
            "recorded": tested.recorded.load(Ordering::SeqCst),
            "status": tested.status.status(),
            "memory": memory(),
        })
    }

    fn flush(&self) -> Value {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let report = runtime.block_on(self.tested().telemetry.flush());
        let mut status = self.status();
        status["error"] = json!(report.last_error);
        status
    }

    fn shutdown(&mut self, within: Duration) -> Value {
        self.load = None;
        let Recorder { telemetry, status, recorded, .. } = self.tested.take().expect("not shut down");
        let started = Instant::now();
        let report = telemetry.shutdown_within(within);
        json!({
            "seconds": started.elapsed().as_secs_f64(),
            "recorded": recorded.load(Ordering::SeqCst),
            "status": status.status(),
            "timed_out": report.timed_out,
            "error": report.last_error,
            "memory": memory(),
        })
    }

    /// Records spans and series for so long; the ids of the traces.
    fn soak(&self, time: Duration) -> Value {
        let Recorder { telemetry, instruments, .. } = self.tested();
        let counter = telemetry.meter("soak").u64_counter("soaked").build();
        json!(soak::record(&instruments.tracer, &counter, time))
    }

    /// What recording costs under test and in control.
    fn probe(&self) -> Value {
        let (tested, control) = (self.tested(), self.control.as_ref().expect("a control"));
        json!(probe::compare([&|| control.timed(), &|| tested.timed()]))
    }
}

impl Recorder {
    fn start(config: &Value, clock: Arc<dyn Clock>) -> Self {
        let telemetry = init_telemetry(telemetry_config(config).with_clock(clock)).expect("telemetry starts");
        let instruments = Instruments {
            tracer: telemetry.tracer_provider().tracer("subject"),
            logger: telemetry.logger_provider().logger("subject"),
            counter: telemetry.meter("subject").u64_counter("recorded").build(),
            first: config["first"].as_i64().unwrap_or(0),
            padding: "x".repeat(config["padding"].as_u64().unwrap_or(0) as usize),
        };
        Self { status: telemetry.status_handle(), telemetry, instruments, recorded: Arc::default() }
    }

    fn record(&self, times: u64) {
        for _ in 0..times {
            self.timed();
        }
    }

    /// Records a span, a log record and a measurement, all with the same number; says how long that took.
    fn timed(&self) -> u64 {
        let number = self.recorded.fetch_add(1, Ordering::SeqCst);
        probe::time(|| self.instruments.record(number as i64))
    }
}

impl Instruments {
    fn record(&self, number: i64) {
        let Self { tracer, logger, counter, padding, first } = self;
        let number = KeyValue::new("n", first + number);
        let attributes = [number.clone(), KeyValue::new("padding", padding.clone())];
        let span = tracer.span("work").with_attributes(&attributes[..]).start();
        let body = Some(ValueRef::Str("worked"));
        logger.record(&LogRecord { severity_number: 9, body, ..LogRecord::default() }, &[number][..]);
        counter.add(1, &[]);
        drop(span);
    }
}

fn telemetry_config(config: &Value) -> TelemetryConfig {
    let time = |key: &str, otherwise: u64| Duration::from_millis(config[key].as_u64().unwrap_or(otherwise));
    let mut export = ExportConfig::new().with_timeout(time("timeout", 2000));
    if let Some(endpoint) = config["endpoint"].as_str() {
        export = export.with_endpoint(endpoint);
    }
    if config["grpc"] == true {
        export = export.with_protocol(OtlpProtocol::Grpc);
    }
    if let Some(path) = config["roots"].as_str() {
        export = export.with_root_certificates(path);
    }
    // Nothing is exported before its time unless a batch is full, or a flush asks for it.
    let batch = BatchConfiguration::new()
        .with_scheduled_delay(time("delay", 100))
        .with_max_queue_size(config["queue_items"].as_u64().unwrap_or(1_000_000) as usize)
        .with_max_export_timeout(time("timeout", 2000));
    let mut metrics = MetricsConfig::new().with_export_interval(time("interval", 200));
    let mut buffer = BufferConfig::new();
    if let Some(bytes) = config["queue_bytes"].as_u64() {
        buffer = buffer.with_queue_bytes_max(bytes as usize);
    }
    if let Some(directory) = config["spool"].as_str() {
        // A quarter of an hour of what the soak records.
        buffer = buffer.with_spool(directory).with_spool_bytes_max(4 << 30);
    }
    if config["gzip"] == true {
        export = export.with_compression(OtlpCompression::Gzip);
    }
    if config["delta"] == true {
        metrics = metrics.with_temporality(Temporality::Delta);
    }
    if let Some(url) = config["prometheus"].as_str() {
        metrics = metrics.with_otlp_to_prometheus(url);
    }
    let metrics = metrics.with_cardinality_limit(1_000_000);
    TelemetryConfig::new("subject")
        .with_buffer(buffer)
        .without_globals()
        .without_environment_variables()
        .without_prometheus_endpoint()
        .with_export(export)
        .with_metrics(metrics)
        .with_traces(TraceConfig::new().with_batch(batch.clone()))
        .with_logs(LogConfig::new().with_batch(batch))
}

/// Records all the time, on a thread of its own, until it is dropped.
struct Load {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Load {
    /// Between two records, so that a busy machine can keep up with what is to arrive.
    const PAUSE: Duration = Duration::from_micros(500);

    fn start(recorder: &Recorder) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, recorded) = (Arc::clone(&stop), Arc::clone(&recorder.recorded));
        let instruments = recorder.instruments.clone();
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                instruments.record(recorded.fetch_add(1, Ordering::SeqCst) as i64);
                std::thread::sleep(Self::PAUSE);
            }
        });
        Self { stop, thread: Some(thread) }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(matches!(ended, Some(Ok(()))), "recording never panics");
    }
}

/// The system's clock, out by so much.
#[derive(Debug, Default)]
struct SteppedClock {
    seconds: AtomicI64,
}

impl SteppedClock {
    fn step(&self, seconds: i64) {
        self.seconds.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        let seconds = self.seconds.load(Ordering::SeqCst);
        let step = Duration::from_secs(seconds.unsigned_abs());
        let now = SystemClock.now();
        if seconds < 0 {
            let nanos = u64::try_from(step.as_nanos()).expect("a step of some hours");
            Timestamp::from_nanos(now.as_nanos().saturating_sub(nanos))
        } else {
            now + step
        }
    }
}

/// Bytes in memory at most so far, where the system tells.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
}
