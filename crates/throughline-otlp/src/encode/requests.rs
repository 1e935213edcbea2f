//! Gathers encoded spans or log records, groups them by scope, and puts the frame of a request around them.
//!
//! Called by `exporter/records.rs` with each record that it takes out of the rings; `traces.rs` and `logs.rs` write one
//! record. Both signals have the same frame: a resource, scopes in it, records in those, with the same field numbers;
//! only JSON has names for them.
//!
//! Records lie in one buffer in the order they came. The runs of one scope are brought together when the request is
//! complete, which costs one copy, and none of it is allocated again but the request itself.

use std::ops::Range;

use throughline_core::Resource;
use throughline_core::protobuf::{Writer, varint_len};
use throughline_trace::data::{LogRef, Scope, SpanRef};

use super::REQUEST_BYTES_MAX;
use super::common;
use super::json_text::{self, Json};
use crate::config::Protocol;

/// What one span or log record is on the wire.
pub(super) trait Record {
    const NAMES: Names;

    fn scope(&self) -> &Scope;

    /// As field 2 of the message of its scope.
    fn write_protobuf(&self, writer: &mut Writer);

    fn write_json(&self, json: &mut Json);
}

/// The names in the frame, in JSON.
#[derive(Clone, Copy, Debug)]
pub(super) struct Names {
    pub(super) resources: &'static str,
    pub(super) scopes: &'static str,
    pub(super) records: &'static str,
}

/// A complete request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data")]
pub struct EncodedRequest {
    /// The bytes of an `ExportTraceServiceRequest` or an `ExportLogsServiceRequest`.
    pub body: Vec<u8>,
    /// How many spans or log records are in it.
    pub records: u64,
}

/// Encodes spans as OTLP requests.
///
/// Allocates for each request, for each scope once, and otherwise only to grow its buffer.
///
/// ```
/// use throughline_core::Resource;
/// use throughline_otlp::{Protocol, SpanEncoder};
/// use throughline_trace::TracerProvider;
///
/// let provider = TracerProvider::default();
/// let mut reader = provider.reader().expect("the first reader");
/// provider.tracer("shop").span("checkout").start().end();
///
/// let mut encoder = SpanEncoder::new(Protocol::HttpProtobuf, &Resource::default());
/// reader.drain(512, |span| assert_eq!(encoder.add(&span), None));
/// assert_eq!(encoder.finish().expect("a request").records, 1);
/// assert_eq!(encoder.finish(), None);
/// ```
#[derive(Debug)]
pub struct SpanEncoder(RequestEncoder);

impl SpanEncoder {
    /// An encoder for the spans of this resource.
    pub fn new(protocol: Protocol, resource: &Resource) -> Self {
        Self(RequestEncoder::new(protocol, SpanRef::NAMES, resource))
    }

    /// Sets the size above which requests are cut (4 MiB unless set). A single span is never cut.
    pub fn with_request_bytes_max(self, bytes: usize) -> Self {
        Self(RequestEncoder { bytes_max: bytes, ..self.0 })
    }

    /// Adds a span. Returns the request of those before, when there is no room for one more in it.
    #[inline]
    pub fn add(&mut self, span: &SpanRef<'_>) -> Option<EncodedRequest> {
        self.0.add(span)
    }

    /// The request of what was added since the last one, when there was something.
    pub fn finish(&mut self) -> Option<EncodedRequest> {
        self.0.finish()
    }
}

/// Encodes log records as OTLP requests; see [`SpanEncoder`].
#[derive(Debug)]
pub struct LogEncoder(RequestEncoder);

impl LogEncoder {
    /// An encoder for the log records of this resource.
    pub fn new(protocol: Protocol, resource: &Resource) -> Self {
        Self(RequestEncoder::new(protocol, LogRef::NAMES, resource))
    }

    /// Sets the size above which requests are cut (4 MiB unless set). A single log record is never cut.
    pub fn with_request_bytes_max(self, bytes: usize) -> Self {
        Self(RequestEncoder { bytes_max: bytes, ..self.0 })
    }

    /// Adds a log record. Returns the request of those before, when there is no room for one more in it.
    #[inline]
    pub fn add(&mut self, log: &LogRef<'_>) -> Option<EncodedRequest> {
        self.0.add(log)
    }

    /// The request of what was added since the last one, when there was something.
    pub fn finish(&mut self) -> Option<EncodedRequest> {
        self.0.finish()
    }
}

/// Both of them.
#[derive(Debug)]
struct RequestEncoder {
    names: Names,
    bytes_max: usize,
    /// The resource, encoded.
    resource: Vec<u8>,
    /// By the number of the scope.
    frames: Vec<Option<Frame>>,
    records: Records,
    runs: Vec<Run>,
    count: u64,
    /// The most that the frame around the records comes to.
    frame_bytes: usize,
}

/// The encoded records, in the order they came.
#[derive(Debug)]
enum Records {
    Protobuf(Writer),
    Json(Json),
}

/// What is said of a scope before its records.
#[derive(Debug)]
struct Frame {
    bytes: Vec<u8>,
    /// Whether the request that is being made has it.
    is_used: bool,
}

/// Records of one scope that lie side by side.
#[derive(Clone, Debug)]
struct Run {
    scope: u32,
    place: Range<usize>,
}

/// More than keys, lengths, names and brackets take around the records of a scope, or around all of them.
const AROUND: usize = 96;

impl RequestEncoder {
    fn new(protocol: Protocol, names: Names, resource: &Resource) -> Self {
        let (records, resource) = match protocol {
            Protocol::HttpProtobuf | Protocol::Grpc => {
                (Records::Protobuf(Writer::default()), protobuf_resource(resource))
            }
            Protocol::HttpJson => (Records::Json(Json::default()), json_resource(resource)),
        };
        Self {
            names,
            bytes_max: REQUEST_BYTES_MAX,
            frame_bytes: AROUND + resource.len(),
            resource,
            frames: Vec::new(),
            records,
            runs: Vec::new(),
            count: 0,
        }
    }

    #[inline]
    fn add(&mut self, record: &impl Record) -> Option<EncodedRequest> {
        let start = self.records.bytes().len();
        self.records.write(record);
        let scope = record.scope();
        let bytes = self.frame_bytes + self.frame_bytes_of(scope) + self.records.bytes().len();
        if bytes <= self.bytes_max || self.count == 0 {
            self.keep(scope.number, start);
            return None;
        }
        let last = self.records.bytes().get(start..).unwrap_or_default().to_vec();
        let complete = self.assemble();
        self.records.restore(&last);
        self.keep(scope.number, 0);
        Some(complete)
    }

    fn finish(&mut self) -> Option<EncodedRequest> {
        (self.count > 0).then(|| self.assemble())
    }

    /// How many bytes of frame a record of this scope adds. Encodes the scope when it is seen for the first time.
    #[inline]
    fn frame_bytes_of(&mut self, scope: &Scope) -> usize {
        match self.frames.get(scope.number as usize) {
            Some(Some(Frame { is_used: true, .. })) => 0,
            Some(Some(frame)) => AROUND + frame.bytes.len(),
            _ => self.add_frame(scope),
        }
    }

    #[cold]
    fn add_frame(&mut self, scope: &Scope) -> usize {
        let place = scope.number as usize;
        let bytes = self.records.frame(scope);
        let more = AROUND + bytes.len();
        self.frames.resize_with(self.frames.len().max(place + 1), || None);
        if let Some(frame) = self.frames.get_mut(place) {
            *frame = Some(Frame { bytes, is_used: false });
        }
        more
    }

    /// Counts the record that begins at `start` and goes to the end as one of this request.
    #[inline]
    fn keep(&mut self, scope: u32, start: usize) {
        let end = self.records.bytes().len();
        self.count += 1;
        match self.runs.last_mut() {
            Some(run) if run.scope == scope => run.place.end = end,
            _ => self.begin_run(Run { scope, place: start..end }),
        }
    }

    fn begin_run(&mut self, run: Run) {
        if let Some(Some(frame)) = self.frames.get_mut(run.scope as usize) {
            if !frame.is_used {
                frame.is_used = true;
                self.frame_bytes += AROUND + frame.bytes.len();
            }
        }
        self.runs.push(run);
    }

    /// Puts the frame around the records, and leaves none.
    fn assemble(&mut self) -> EncodedRequest {
        // Stable: what came first of a scope stays first.
        self.runs.sort_by_key(|run| run.scope);
        let body = match &self.records {
            Records::Protobuf(writer) => self.protobuf(writer.as_bytes()),
            Records::Json(json) => self.json(json.as_bytes()),
        };
        self.records.clear();
        self.runs.clear();
        self.frame_bytes = AROUND + self.resource.len();
        self.frames.iter_mut().flatten().for_each(|frame| frame.is_used = false);
        EncodedRequest { body, records: std::mem::take(&mut self.count) }
    }

    /// The scopes of the request, each with its frame and its records.
    fn scopes<'a>(
        &'a self,
        records: &'a [u8],
    ) -> impl Iterator<Item = (&'a [u8], impl Iterator<Item = &'a [u8]> + Clone)> {
        self.runs.chunk_by(|a, b| a.scope == b.scope).map(move |runs| {
            let scope = runs.first().map_or(0, |run| run.scope as usize);
            let frame = self.frames.get(scope).and_then(Option::as_ref);
            let bytes = move |run: &Run| records.get(run.place.clone()).unwrap_or_default();
            (frame.map_or(&[][..], |frame| &frame.bytes), runs.iter().map(bytes))
        })
    }

    fn protobuf(&self, records: &[u8]) -> Vec<u8> {
        let sizes =
            self.scopes(records).map(|(frame, runs)| frame.len() + runs.map(<[u8]>::len).sum::<usize>());
        let sizes: Vec<usize> = sizes.collect();
        let scopes: usize = sizes.iter().map(|size| 1 + varint_len(*size as u64) + size).sum();
        let length = self.resource.len() + scopes;
        let mut writer = Writer::with_capacity(1 + varint_len(length as u64) + length);
        writer.sized_message(1, length, |writer| {
            writer.raw(&self.resource);
            for ((frame, runs), size) in self.scopes(records).zip(sizes) {
                writer.sized_message(2, size, |writer| {
                    writer.raw(frame);
                    runs.for_each(|run| writer.raw(run));
                });
            }
        });
        writer.take()
    }

    fn json(&self, records: &[u8]) -> Vec<u8> {
        let Names { resources, scopes, records: names } = self.names;
        let scope = |json: &mut Json, frame: &[u8], runs: &mut dyn Iterator<Item = &[u8]>| {
            json.raw(frame);
            json.key(names);
            json.array(|json| runs.for_each(|run| json.raw(without_comma(run))));
        };
        let mut json = Json::with_capacity(self.frame_bytes + records.len());
        json.object(|json| {
            json.key(resources);
            json.array(|json| {
                json.object(|json| {
                    json.raw(&self.resource);
                    json.key(scopes);
                    json.array(|json| {
                        for (frame, mut runs) in self.scopes(records) {
                            json.object(|json| scope(json, frame, &mut runs));
                        }
                    });
                });
            });
        });
        json.take()
    }
}

impl Records {
    #[inline]
    fn write(&mut self, record: &impl Record) {
        match self {
            Self::Protobuf(writer) => record.write_protobuf(writer),
            Self::Json(json) => json.object(|json| record.write_json(json)),
        }
    }

    /// Puts back a record that was written before.
    fn restore(&mut self, record: &[u8]) {
        match self {
            Self::Protobuf(writer) => writer.raw(record),
            Self::Json(json) => json.raw(without_comma(record)),
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Protobuf(writer) => writer.as_bytes(),
            Self::Json(json) => json.as_bytes(),
        }
    }

    fn clear(&mut self) {
        match self {
            Self::Protobuf(writer) => writer.clear(),
            Self::Json(json) => json.clear(),
        }
    }

    /// What stands in the message of a scope before its records. The schema URL comes first, since that can be copied.
    fn frame(&self, scope: &Scope) -> Vec<u8> {
        let schema_url = scope.scope.schema_url().unwrap_or_default();
        match self {
            Self::Protobuf(_) => {
                let mut writer = Writer::default();
                common::scope(&mut writer, 1, &scope.scope);
                common::string(&mut writer, 3, schema_url);
                writer.take()
            }
            Self::Json(_) => {
                let mut json = Json::default();
                json.key("scope");
                json.object(|json| json_text::scope(json, &scope.scope));
                json.text("schemaUrl", schema_url);
                json.take()
            }
        }
    }
}

/// A record that came after another has the comma between them.
fn without_comma(json: &[u8]) -> &[u8] {
    json.strip_prefix(b",").unwrap_or(json)
}

fn protobuf_resource(resource: &Resource) -> Vec<u8> {
    let mut writer = Writer::default();
    common::resource(&mut writer, 1, resource);
    writer.take()
}

fn json_resource(resource: &Resource) -> Vec<u8> {
    let mut json = Json::default();
    json.key("resource");
    json.object(|json| json_text::attributes(json, "attributes", resource.attributes()));
    json.take()
}
