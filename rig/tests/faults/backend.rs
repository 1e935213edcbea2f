//! A backend that answers as a test wants it to, for what no real server can be made to do on demand.
//!
//! HTTP/1.1 by hand, on a thread for each connection, so that an answer can also be late, cut off, or missing. Bodies are
//! read with the official messages.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric, number_data_point};
use prost::Message as _;

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Take it.
    Take,
    /// Take it, and say so only after this time.
    TakeLate(Duration),
    /// Take it, and end the connection in the middle of the answer.
    TakeAndCutOff,
    /// Take none of it, with this status, and this `Retry-After` in seconds.
    Refuse(u16, Option<u32>),
    /// Take spans but the first so many, and say that these were rejected; what is not spans is taken.
    Reject(usize),
    /// Never answer: the connection ends when the script changes.
    Hang,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) bytes: usize,
    /// How many requests there were on this path before this one.
    pub(crate) before: usize,
}

type Script = Arc<dyn Fn(Asked) -> Answer + Send + Sync>;

/// What was taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    /// How often each span arrived, by its number.
    pub(crate) spans: BTreeMap<i64, usize>,
    /// How often each log record arrived, by its number.
    pub(crate) logs: BTreeMap<i64, usize>,
    /// The last value of the cumulative counter.
    pub(crate) cumulative: i64,
    /// The sum of the values of the delta counter.
    pub(crate) delta: i64,
    /// The end of the last point, in nanoseconds since the epoch.
    pub(crate) last_time: u64,
    /// When requests came, by path.
    pub(crate) requests: BTreeMap<String, Vec<Instant>>,
}

/// The backend; its connections are given up when it is dropped.
pub(crate) struct Backend {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    script: Script,
    /// Of the script, so that who hangs sees a change.
    version: u64,
    taken: Taken,
}

impl Backend {
    /// A backend that answers everything with this.
    pub(crate) fn answering(answer: Answer) -> Self {
        Self::scripted(move |_| answer)
    }

    /// A backend that answers as the script says.
    pub(crate) fn scripted(script: impl Fn(Asked) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = State { script: Arc::new(script), version: 0, taken: Taken::default() };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let listening = Arc::clone(&shared);
        let _detached = thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(stream), shared) = (stream, Arc::clone(&listening)) else { return };
                let _detached = thread::spawn(move || shared.serve(stream));
            }
        });
        Self { address, shared }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers everything with this from now on.
    pub(crate) fn answer(&self, answer: Answer) {
        let mut state = self.shared.lock();
        state.script = Arc::new(move |_| answer);
        state.version += 1;
        drop(state);
        self.shared.changed.notify_all();
    }

    pub(crate) fn taken(&self) -> Taken {
        self.shared.lock().taken.clone()
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.answer(Answer::Refuse(404, None));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers requests until the connection ends, by whomever.
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream);
        while let Some((path, body)) = read_request(&mut reader) {
            if self.respond(&path, &body, reader.get_mut()).is_none() {
                return;
            }
        }
    }

    /// Does as the script says; `None` when that ends the connection.
    fn respond(&self, path: &str, body: &[u8], stream: &mut TcpStream) -> Option<()> {
        let (answer, version) = {
            let mut state = self.lock();
            let requests = state.taken.requests.entry(path.to_owned()).or_default();
            let before = requests.len();
            requests.push(Instant::now());
            ((state.script)(Asked { bytes: body.len(), before }), state.version)
        };
        match answer {
            Answer::Take => {
                self.lock().taken.take(path, body, 0);
                send(stream, 200, None, &[])
            }
            Answer::TakeLate(time) => {
                self.lock().taken.take(path, body, 0);
                thread::sleep(time);
                send(stream, 200, None, &[])
            }
            Answer::TakeAndCutOff => {
                self.lock().taken.take(path, body, 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").ok()?;
                None
            }
            Answer::Refuse(status, retry_after) => send(stream, status, retry_after, b"as scripted"),
            Answer::Reject(spans) => {
                let rejected = self.lock().taken.take(path, body, spans);
                send(stream, 200, None, &partial_success(rejected))
            }
            Answer::Hang => {
                let state = self.lock();
                let same = |state: &mut State| state.version == version;
                drop(self.changed.wait_while(state, same).unwrap_or_else(PoisonError::into_inner));
                None
            }
        }
    }
}

fn partial_success(rejected: usize) -> Vec<u8> {
    if rejected == 0 {
        return Vec::new();
    }
    let partial_success =
        ExportTracePartialSuccess { rejected_spans: rejected as i64, error_message: "not these".to_owned() };
    ExportTraceServiceResponse { partial_success: Some(partial_success) }.encode_to_vec()
}

/// Path and body; `None` at the end.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let mut path = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match (&path, line.split_once(": ")) {
            (None, _) => path = Some(line.split(' ').nth(1)?.to_owned()),
            (_, Some((name, value))) if name.eq_ignore_ascii_case("content-length") => {
                length = value.parse().ok()?;
            }
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((path?, body))
}

fn send(stream: &mut TcpStream, status: u16, retry_after: Option<u32>, body: &[u8]) -> Option<()> {
    let retry_after = retry_after.map(|seconds| format!("retry-after: {seconds}\r\n")).unwrap_or_default();
    let content_type = if status == 200 { "application/x-protobuf" } else { "text/plain" };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\n{retry_after}content-length: {length}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).ok()
}

impl Taken {
    /// Takes what is in the body but its first `rejected` spans; how many those were.
    fn take(&mut self, path: &str, body: &[u8], rejected: usize) -> usize {
        match path {
            "/v1/traces" => self.take_spans(body, rejected),
            "/v1/logs" => {
                self.take_logs(body);
                0
            }
            _ => {
                self.take_metrics(body);
                0
            }
        }
    }

    fn take_spans(&mut self, body: &[u8], rejected: usize) -> usize {
        let request = ExportTraceServiceRequest::decode(body).expect("OTLP");
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let numbers: Vec<_> =
            scopes.flat_map(|scope| scope.spans).map(|span| number(&span.attributes)).collect();
        let rejected = rejected.min(numbers.len());
        for number in &numbers[rejected..] {
            *self.spans.entry(*number).or_default() += 1;
        }
        rejected
    }

    fn take_logs(&mut self, body: &[u8]) {
        let request = ExportLogsServiceRequest::decode(body).expect("OTLP");
        let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        for log in scopes.flat_map(|scope| scope.log_records) {
            *self.logs.entry(number(&log.attributes)).or_default() += 1;
        }
    }

    fn take_metrics(&mut self, body: &[u8]) {
        let request = ExportMetricsServiceRequest::decode(body).expect("OTLP");
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        for metric in scopes.flat_map(|scope| scope.metrics).filter(|metric| metric.name == "recorded") {
            let Some(metric::Data::Sum(sum)) = metric.data else { continue };
            let is_delta = sum.aggregation_temporality() == AggregationTemporality::Delta;
            for point in sum.data_points {
                let Some(number_data_point::Value::AsInt(value)) = point.value else { continue };
                self.last_time = point.time_unix_nano;
                if is_delta {
                    self.delta += value;
                } else {
                    self.cumulative = value;
                }
            }
        }
    }
}

fn number(attributes: &[KeyValue]) -> i64 {
    let attribute = attributes.iter().find(|attribute| attribute.key == "n");
    match attribute.and_then(|attribute| attribute.value.as_ref()?.value.as_ref()) {
        Some(any_value::Value::IntValue(number)) => *number,
        other => panic!("no number but {other:?}"),
    }
}
