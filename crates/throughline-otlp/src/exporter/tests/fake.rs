//! A receiver in memory that records what it is sent and answers as scripted, a source of scripted collections, and
//! an exporter between them.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use prost::Message as _;
use throughline_core::clock::ManualClock;
use throughline_core::{AttributeSet, Clock, InstrumentationScope, KeyValue, Resource, Timestamp};
use throughline_metrics::data::{
    Collection, Metric, MetricData, Numbers, Points, ScopeMetrics, Series, SeriesId, StreamId, Temporality,
};
use throughline_metrics::{MeterProvider, TemporalityPreference};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::super::metrics::Collect;
use super::super::records::Records;
use super::super::{Command, ExportReport, MetricExporter, RecordExporter, Successor};
use crate::batch::BatchConfiguration;
use crate::status::{ExportStatus, StatusSnapshot};
use crate::transport::connect::{Connect, Connecting, Io};
use crate::{Endpoint, OtlpConfig};

/// What the receiver does with one connection or request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// Answers with this, head and body, and keeps the connection.
    Send(Vec<u8>),
    /// Answers with this and closes.
    SendAndClose(Vec<u8>),
    /// Answers with this before it has read the request's body, and closes.
    SendEarlyAndClose(Vec<u8>),
    /// Reads the request and never answers.
    Hang,
    /// Reads the request and closes.
    Close,
    /// Refuses the connection.
    Refuse,
}

pub(super) fn answer(status: &str, headers: &str, body: &[u8]) -> Answer {
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    Answer::Send(bytes)
}

pub(super) fn ok() -> Answer {
    answer("200 OK", "", b"")
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) at: Instant,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

/// Answers as scripted, then with success.
#[derive(Clone, Debug, Default)]
pub(super) struct FakeCollector(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    received: Vec<Received>,
    connections: usize,
    /// Whether the task of a connection was ever run where telemetry is recorded.
    is_recorded: bool,
}

impl FakeCollector {
    pub(super) fn script(&self, answers: impl IntoIterator<Item = Answer>) {
        self.lock().answers.extend(answers);
    }

    /// Answers with success from now on.
    #[cfg(feature = "spool")]
    pub(super) fn clear_script(&self) {
        self.lock().answers.clear();
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.lock().received.clone()
    }

    /// The sum of the counter in each request, oldest first.
    pub(super) fn values(&self) -> Vec<i64> {
        self.received().iter().map(|request| counter_value(&request.body)).collect()
    }

    pub(super) fn connections(&self) -> usize {
        self.lock().connections
    }

    pub(super) fn is_recorded(&self) -> bool {
        self.lock().is_recorded
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds the lock")
    }

    async fn serve(self, mut stream: DuplexStream) {
        let early = match self.lock().answers.front() {
            Some(Answer::SendEarlyAndClose(bytes)) => Some(bytes.clone()),
            _ => None,
        };
        if let Some(bytes) = early {
            stream.read_u8().await.expect("a request");
            return stream.write_all(&bytes).await.expect("the exporter reads");
        }
        while let Some((head, body)) = read_request(&mut stream).await {
            let answer = {
                let mut state = self.lock();
                state.is_recorded |= !Context::is_current_telemetry_suppressed();
                state.received.push(Received { at: Instant::now(), head, body });
                state.answers.pop_front().unwrap_or_else(ok)
            };
            match answer {
                Answer::Send(bytes) => stream.write_all(&bytes).await.expect("the exporter reads"),
                Answer::SendAndClose(bytes) => {
                    return stream.write_all(&bytes).await.expect("the exporter reads");
                }
                Answer::Hang => std::future::pending().await,
                Answer::SendEarlyAndClose(_) | Answer::Close | Answer::Refuse => return,
            }
        }
    }
}

impl Connect for FakeCollector {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        let refuse = {
            let mut state = self.lock();
            state.is_recorded |= !Context::is_current_telemetry_suppressed();
            let refuse = matches!(state.answers.front(), Some(Answer::Refuse));
            if refuse {
                state.answers.pop_front();
            } else {
                state.connections += 1;
            }
            refuse
        };
        let collector = self.clone();
        Box::pin(async move {
            if refuse {
                return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
            }
            let (ours, theirs) = tokio::io::duplex(1 << 20);
            drop(tokio::spawn(collector.serve(theirs)));
            Ok(Box::new(ours) as Box<dyn Io>)
        })
    }
}

async fn read_request(stream: &mut DuplexStream) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).expect("a head of text").to_lowercase();
    let length = head.split("content-length: ").nth(1).expect("a length").lines().next().expect("a line");
    let mut body = vec![0; length.parse().expect("a number")];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn counter_value(body: &[u8]) -> i64 {
    let request = ExportMetricsServiceRequest::decode(body).expect("valid protobuf");
    let metrics = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let points = metrics.flat_map(|scope| &scope.metrics).flat_map(|metric| match &metric.data {
        Some(metric::Data::Sum(sum)) => sum.data_points.clone(),
        other => panic!("not a sum: {other:?}"),
    });
    let values = points.map(|point| match point.value {
        Some(number_data_point::Value::AsInt(value)) => value,
        other => panic!("not an integer: {other:?}"),
    });
    values.sum()
}

/// Collects a counter that is one higher each time, or panics as a callback would.
#[derive(Debug)]
pub(super) struct Source {
    collection: Collection,
    temporality: Temporality,
    points: usize,
    value: u64,
    /// The values in whose place it panics.
    panics_at: Vec<u64>,
}

impl Source {
    pub(super) fn new(temporality: Temporality) -> Self {
        Self { collection: Collection::default(), temporality, points: 1, value: 0, panics_at: Vec::new() }
    }

    pub(super) fn with_points(mut self, points: usize) -> Self {
        self.points = points;
        self
    }

    pub(super) fn panicking_at(mut self, value: u64) -> Self {
        self.panics_at.push(value);
        self
    }
}

impl Collect for Source {
    fn collect(&mut self) -> &Collection {
        self.value += 1;
        assert!(!self.panics_at.contains(&self.value), "a callback of the application");
        let series = |id| Series {
            id: SeriesId(id),
            attributes: AttributeSet::new(&[KeyValue::new("series", id as i64)][..]),
            start: Timestamp::from_nanos(1),
        };
        let series = (0..self.points as u64).map(series).collect();
        let metric = Metric {
            id: StreamId(1),
            name: "requests".into(),
            verbatim: false,
            description: "".into(),
            unit: "".into(),
            data: MetricData::Sum {
                monotonic: true,
                temporality: self.temporality,
                points: Points::new(series, Numbers::U64(vec![self.value; self.points])),
            },
        };
        let scope = InstrumentationScope::builder("test").build();
        self.collection.scopes = vec![ScopeMetrics { scope, metrics: vec![metric] }];
        &self.collection
    }
}

/// An exporter that runs.
#[derive(Debug)]
pub(super) struct Rig {
    pub(super) collector: FakeCollector,
    pub(super) clock: Arc<ManualClock>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) task: JoinHandle<()>,
    status: ExportStatus,
    pub(super) successor: Successor,
}

pub(super) fn config() -> OtlpConfig {
    OtlpConfig::new(Endpoint::verbatim("http://fake:4318/v1/metrics").expect("a URL"))
}

/// Starts an exporter of metrics whose receiver answers as scripted.
pub(super) fn start(
    config: OtlpConfig,
    source: impl Collect + 'static,
    answers: impl IntoIterator<Item = Answer>,
) -> Rig {
    Rig::new(answers, |clock, collector| {
        let exporter = MetricExporter::with_parts(Box::new(source), config, clock, 7, Box::new(collector));
        let exporter = exporter.expect("a good configuration");
        (exporter.status(), exporter.successor(), |inbox| exporter.run(inbox))
    })
}

/// Starts an exporter of the metrics of a provider, among them those of the exporter itself.
pub(super) fn start_observed(
    config: OtlpConfig,
    provider: &MeterProvider,
    answers: impl IntoIterator<Item = Answer>,
) -> Rig {
    Rig::new(answers, |clock, collector| {
        let reader = Box::new(provider.reader(TemporalityPreference::Cumulative));
        let exporter = MetricExporter::with_parts(reader, config, clock, 7, Box::new(collector));
        let mut exporter = exporter.expect("a good configuration");
        exporter.observe(&provider.meter("throughline"));
        (exporter.status(), exporter.successor(), |inbox| exporter.run(inbox))
    })
}

/// Starts an exporter of spans or log records whose receiver answers as scripted.
pub(super) fn start_records(
    config: OtlpConfig,
    batch: &BatchConfiguration,
    records: impl Records,
    answers: impl IntoIterator<Item = Answer>,
) -> Rig {
    Rig::new(answers, |clock, collector| {
        let exporter = RecordExporter::with_connector(records, config, batch, clock, 7, Box::new(collector));
        let exporter = exporter.expect("a good configuration");
        (exporter.status(), exporter.successor(), |inbox| exporter.run(inbox))
    })
}

impl Rig {
    fn new<Run, Running>(
        answers: impl IntoIterator<Item = Answer>,
        make: impl FnOnce(Arc<dyn Clock>, FakeCollector) -> (ExportStatus, Successor, Run),
    ) -> Self
    where
        Run: FnOnce(mpsc::Receiver<Command>) -> Running,
        Running: Future<Output = ()> + Send + 'static,
    {
        let collector = FakeCollector::default();
        collector.script(answers);
        // Sun, 06 Nov 1994 08:49:37 GMT, as in the specification of HTTP dates.
        let clock = Arc::new(ManualClock::at(Timestamp::from_nanos(784_111_777_000_000_000)));
        let (status, successor, run) = make(Arc::clone(&clock) as Arc<_>, collector.clone());
        let (commands, inbox) = mpsc::channel(8);
        let task = tokio::spawn(run(inbox));
        Self { collector, clock, commands, task, status, successor }
    }

    /// As a fork would have it: the exporter is not run any more, nothing of it is dropped, and another one takes over.
    pub(super) fn forked(&mut self, resource: &Resource) {
        let collector = FakeCollector::default();
        let exporter = self.successor.with_connector(resource, 8, Box::new(collector.clone()));
        let (commands, inbox) = mpsc::channel(8);
        let task = tokio::spawn(exporter.expect("nobody exports").run(inbox));
        std::mem::replace(&mut self.task, task).abort();
        self.commands = commands;
        self.collector = collector;
    }

    pub(super) async fn flush(&self) -> ExportReport {
        self.ask_flush().await.await.expect("a report")
    }

    pub(super) async fn ask_flush(&self) -> oneshot::Receiver<ExportReport> {
        let (reply, report) = oneshot::channel();
        self.commands.send(Command::Flush { reply }).await.expect("the exporter runs");
        report
    }

    pub(super) async fn shutdown(self, within: Duration) -> (ExportReport, StatusSnapshot) {
        let (reply, report) = oneshot::channel();
        let deadline = Instant::now() + within;
        self.commands.send(Command::Shutdown { deadline, reply }).await.expect("the exporter runs");
        let report = report.await.expect("a report");
        let status = self.status();
        self.task.await.expect("the exporter does not panic");
        (report, status)
    }

    /// The status, with every item accounted for.
    pub(super) fn status(&self) -> StatusSnapshot {
        let status = self.status.snapshot();
        let accounted = status.exported_items
            + status.rejected_items
            + status.dropped_items.total()
            + status.queued_items
            + status.spooled_items;
        assert_eq!(status.collected_items + status.recovered_items, accounted, "{status:?}");
        status
    }
}

pub(super) fn report(delivered_items: u64, undelivered_items: u64) -> ExportReport {
    ExportReport { delivered_items, undelivered_items, ..ExportReport::default() }
}
