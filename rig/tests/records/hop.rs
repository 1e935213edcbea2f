//! A service of ours in a process of its own: this test binary, started again with `hop` as its first argument.
//!
//! It answers HTTP requests within spans that are made in all three ways, asks the next service, and ends when it is
//! asked to. What it logs goes to its standard error, one JSON object a line.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::JoinHandle;

use opentelemetry::trace::Tracer as _;
use opentelemetry::{KeyValue, global};
use serde_json::Value;
use throughline::propagation::{extract_from_headers, inject_into_headers};
use throughline::trace::layer::SpanExt as _;
use throughline::trace::{SpanContext, SpanKind, TraceFlags, TraceState};
use throughline::{
    ConsoleFormat, Histogram, LogConfig, SpanBuilder, TelemetryConfig, TraceConfig, in_context,
    init_telemetry, record_exception,
};
use throughline_rig::http;
use tracing::{Span, info_span};

/// The path that ends it.
const END: &str = "/end";

/// Serves until it is asked to end, when this process was started for that.
pub(crate) fn serve_if_asked() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "hop" {
        return None;
    }
    let [name, receiver] = [(); 2].map(|()| arguments.next().expect("a name and an OTLP receiver"));
    serve(&name, &receiver, arguments.next().as_deref());
    Some(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "whoever started it wants to know where it is")]
fn serve(name: &str, receiver: &str, next: Option<&str>) {
    let telemetry = init_telemetry(
        TelemetryConfig::new(name)
            .without_environment_variables()
            .with_prometheus_address(([127, 0, 0, 1], 0).into())
            .with_otlp_endpoint(receiver)
            .with_traces(TraceConfig::new().with_baggage_attributes(["tenant"]))
            .with_logs(LogConfig::new().with_console(ConsoleFormat::Json)),
    )
    .expect("telemetry starts");
    let duration = telemetry.meter("hop").f64_histogram("hop.duration").with_unit("s").build();
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let metrics = telemetry.prometheus_address().expect("an endpoint");
    println!("{} {metrics}", listener.local_addr().expect("its address"));
    for stream in listener.incoming().flatten() {
        let (path, headers) = read(&stream);
        if path == END {
            let report = telemetry.shutdown_blocking();
            return answer(&stream, &report.to_string());
        }
        request(&headers, next, &duration);
        answer(&stream, "fine");
    }
}

/// A span for the request, as a child of the caller's; within it one of each other way to make spans, and the call.
fn request(headers: &HashMap<String, String>, next: Option<&str>, duration: &Histogram<f64>) {
    let request = info_span!("request", otel.name = "GET /", otel.kind = "server", answer = 42);
    assert!(request.set_parent(&extract_from_headers(headers)));
    let _entered = request.enter();
    duration.record(0.25, &[]);
    Span::current().add_event("looked up", &[KeyValue::new("rows", 3)]);
    Span::current().add_link(&elsewhere());
    tracing::info!(rows = 3, "looked up");
    global::tracer("hop").in_span("query", |_| {
        let error = "seven".parse::<u8>().expect_err("it is no number");
        assert!(record_exception(&error), "the span is recorded");
    });
    if let Some(url) = next {
        let call =
            SpanBuilder::new("call").with_kind(SpanKind::Client).with_attribute("url.full", url).start();
        in_context!(&call, ask(url));
    }
}

/// Asks with the current context in the headers.
fn ask(url: &str) {
    let mut headers = HashMap::new();
    inject_into_headers(&mut headers);
    let headers: Vec<_> =
        headers.iter().map(|(name, value): (&String, &String)| (&**name, &**value)).collect();
    let answer = http::get_with(url, &[], &headers).expect("the next service answers");
    assert!(answer.is_success(), "{answer:?}");
}

/// A span of another trace, to be linked with.
pub(crate) fn elsewhere() -> SpanContext {
    SpanContext::new((0xAB << 120 | 0xCD).into(), 0xEF.into(), TraceFlags::SAMPLED, true, TraceState::NONE)
}

/// The path and the headers of a request without a body.
fn read(stream: &TcpStream) -> (String, HashMap<String, String>) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
    let headers = lines.take_while(|line| !line.is_empty()).filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    });
    (path, headers.collect())
}

fn answer(mut stream: &TcpStream, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // Who does not wait for the answer sees that itself.
    drop(stream.write_all(format!("{head}{body}").as_bytes()));
}

/// A running hop, seen from the test.
pub(crate) struct Hop {
    process: Child,
    address: String,
    /// `host:port` of its scrape endpoint.
    pub(crate) metrics: String,
    log: Option<JoinHandle<Vec<Value>>>,
}

impl Hop {
    /// Starts one of this name that exports to this receiver, and asks `next` for each request.
    pub(crate) fn start(name: &str, receiver: &str, next: Option<&str>) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .args(["hop", name, receiver].into_iter().chain(next))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let addresses = first_line(&mut process);
        let (address, metrics) = addresses.split_once(' ').expect("two addresses");
        let (address, metrics) = (address.to_owned(), metrics.to_owned());
        let log = BufReader::new(process.stderr.take().expect("its log"));
        let log = std::thread::spawn(move || {
            let lines = log.lines().map_while(Result::ok);
            lines.map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line))).collect()
        });
        Self { process, address, metrics, log: Some(log) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Ends it. What it delivered, and what it logged.
    pub(crate) fn end(mut self) -> (String, Vec<Value>) {
        let answer = http::get(&format!("http://{}{END}", self.address)).expect("it answers");
        assert!(self.process.wait().expect("it ends").success());
        let log = self.log.take().expect("it is ended once");
        (answer.body, log.join().expect("the log is read"))
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
        let _status = self.process.wait();
    }
}

/// The first line of what a process says.
pub(crate) fn first_line(process: &mut Child) -> String {
    let mut line = String::new();
    let output = process.stdout.as_mut().expect("its output");
    let mut byte = [0];
    while std::io::Read::read(output, &mut byte).expect("it can be read") == 1 && byte != *b"\n" {
        line.push(char::from(byte[0]));
    }
    line
}
