//! Spans, from recording to the wire.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1 as proto;
use proptest::prelude::*;
use prost::Message as _;
use throughline_core::{KeyValue, Timestamp};
use throughline_otlp::{EncodedRequest, Protocol, SpanEncoder};
use throughline_trace::data::{EventRef, LinkRef, SpanRef, StatusRef};
use throughline_trace::{
    SpanContext, SpanKind, SpanLimits, SpanReader, Status, TraceFlags, TraceState, TracerProvider,
};

use crate::support::{
    any_attributes, any_context, proto_attributes, proto_resource, proto_scope, resource, scopes,
};

/// What is done to one span.
#[derive(Clone, Debug)]
struct Recorded {
    scope: usize,
    name: String,
    kind: u8,
    parent: Option<SpanContext>,
    attributes: Vec<KeyValue>,
    events: Vec<(String, Vec<KeyValue>)>,
    links: Vec<(SpanContext, Vec<KeyValue>)>,
    status: u8,
}

prop_compose! {
    fn any_span()(
        (scope, kind, status) in (0..3_usize, 0..5_u8, 0..4_u8),
        name in ".{0,30}",
        parent in prop::option::of(any_context()),
        attributes in any_attributes(),
        events in prop::collection::vec((".{0,10}", any_attributes()), 0..4),
        links in prop::collection::vec((any_context(), any_attributes()), 0..4),
    ) -> Recorded {
        Recorded { scope, name, kind, parent, attributes, events, links, status }
    }
}

impl Recorded {
    fn record(&self, provider: TracerProvider) {
        let scope = scopes()[self.scope].clone();
        let kinds =
            [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer];
        let tracer = provider.tracer_with_scope(scope);
        let builder = tracer.span(&self.name).with_kind(kinds[usize::from(self.kind)].clone());
        let mut span = match &self.parent {
            Some(parent) => builder.with_parent_span(parent).start(),
            None => builder.with_no_parent().start(),
        };
        span.set_attributes(self.attributes.as_slice());
        self.events.iter().for_each(|(name, attributes)| span.add_event(name, attributes.as_slice()));
        self.links.iter().for_each(|(to, attributes)| span.add_link(to, attributes.as_slice()));
        match self.status {
            0 => {}
            1 => span.set_status(Status::Ok),
            2 => span.set_status(Status::error("")),
            _ => span.set_status(Status::error("no stock")),
        }
        span.end();
    }
}

/// Few of everything, so that there is more.
fn limits() -> SpanLimits {
    SpanLimits {
        attributes: 4,
        value_bytes: u32::MAX,
        events: 2,
        links: 2,
        attributes_per_event: 2,
        attributes_per_link: 2,
    }
}

fn provider() -> (TracerProvider, SpanReader) {
    let sampler = throughline_trace::sampler::Sampler::always_on();
    let provider = TracerProvider::builder().with_sampler(sampler).with_limits(limits()).build();
    let reader = provider.reader().expect("the first reader");
    (provider, reader)
}

/// A span with what stands around it.
#[derive(Clone, Debug, PartialEq)]
struct Placed {
    scope: Option<opentelemetry_proto::tonic::common::v1::InstrumentationScope>,
    schema_url: String,
    span: proto::Span,
}

fn expected(span: &SpanRef<'_>) -> Placed {
    let kind = match span.kind {
        SpanKind::Internal => proto::span::SpanKind::Internal,
        SpanKind::Server => proto::span::SpanKind::Server,
        SpanKind::Client => proto::span::SpanKind::Client,
        SpanKind::Producer => proto::span::SpanKind::Producer,
        SpanKind::Consumer => proto::span::SpanKind::Consumer,
    };
    let parent = (span.parent_span_id != throughline_trace::SpanId::INVALID).then_some(span.parent_span_id);
    let message = proto::Span {
        trace_id: span.trace_id.to_bytes().to_vec(),
        span_id: span.span_id.to_bytes().to_vec(),
        trace_state: span.trace_state.to_owned(),
        parent_span_id: parent.map(|parent| parent.to_bytes().to_vec()).unwrap_or_default(),
        flags: flags(span.flags, span.parent_is_remote),
        name: span.name.to_owned(),
        kind: kind.into(),
        start_time_unix_nano: span.start.as_nanos(),
        end_time_unix_nano: span.end.as_nanos(),
        attributes: proto_attributes(span.attributes),
        dropped_attributes_count: span.dropped_attributes,
        events: span.events.iter().map(|event| expected_event(&event)).collect(),
        dropped_events_count: span.dropped_events,
        links: span.links.iter().map(|link| expected_link(&link)).collect(),
        dropped_links_count: span.dropped_links,
        status: match span.status {
            StatusRef::Unset => None,
            StatusRef::Ok => Some(status("", proto::status::StatusCode::Ok)),
            StatusRef::Error(text) => Some(status(text, proto::status::StatusCode::Error)),
        },
    };
    Placed {
        scope: Some(proto_scope(&span.scope.scope)),
        schema_url: span.scope.scope.schema_url().unwrap_or_default().to_owned(),
        span: message,
    }
}

fn status(message: &str, code: proto::status::StatusCode) -> proto::Status {
    proto::Status { message: message.to_owned(), code: code.into() }
}

fn flags(flags: TraceFlags, is_remote: bool) -> u32 {
    let known = proto::SpanFlags::ContextHasIsRemoteMask as u32;
    let remote = if is_remote { proto::SpanFlags::ContextIsRemoteMask as u32 } else { 0 };
    u32::from(flags.to_u8()) | known | remote
}

fn expected_event(event: &EventRef<'_>) -> proto::span::Event {
    proto::span::Event {
        time_unix_nano: event.time.as_nanos(),
        name: event.name.to_owned(),
        attributes: proto_attributes(event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn expected_link(link: &LinkRef<'_>) -> proto::span::Link {
    proto::span::Link {
        trace_id: link.trace_id.to_bytes().to_vec(),
        span_id: link.span_id.to_bytes().to_vec(),
        trace_state: link.trace_state.to_owned(),
        attributes: proto_attributes(link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: flags(link.flags, link.is_remote),
    }
}

/// The spans of a request, which must have the one resource.
fn read(protocol: Protocol, request: &EncodedRequest) -> Vec<Placed> {
    let body = request.body.as_slice();
    let decoded: ExportTraceServiceRequest = match protocol {
        Protocol::HttpJson => serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body))),
        _ => ExportTraceServiceRequest::decode(body).expect("valid protobuf"),
    };
    assert_eq!(decoded.resource_spans.len(), 1);
    let resource = &decoded.resource_spans[0];
    assert_eq!(resource.resource, Some(proto_resource()));
    let in_scope = |scope: &proto::ScopeSpans| {
        let (scope, schema_url, spans) = (scope.scope.clone(), scope.schema_url.clone(), scope.spans.clone());
        spans.into_iter().map(move |span| Placed {
            scope: scope.clone(),
            schema_url: schema_url.clone(),
            span,
        })
    };
    let spans: Vec<_> = resource.scope_spans.iter().flat_map(in_scope).collect();
    assert_eq!(spans.len() as u64, request.records);
    spans
}

/// The spans of each scope, in the order of the scopes' names.
fn by_scope(mut spans: Vec<Placed>) -> Vec<Placed> {
    spans.sort_by_key(|span| span.scope.clone().map(|scope| scope.name));
    spans
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_what_was_recorded(
        recorded in prop::collection::vec(any_span(), 0..20),
        bytes_max in prop_oneof![Just(usize::MAX), 0..6000_usize],
        protocol in prop_oneof![Just(Protocol::HttpProtobuf), Just(Protocol::HttpJson)],
    ) {
        let (provider, mut reader) = provider();
        let mut encoder = SpanEncoder::new(protocol, &resource()).with_request_bytes_max(bytes_max);
        // The second time with scopes that the encoder has seen.
        for _ in 0..2 {
            for span in &recorded {
 span.record(provider);
}
            let (mut requests, mut spans) = (Vec::new(), Vec::new());
            reader.drain(usize::MAX, |span| {
                spans.push(expected(&span));
                requests.extend(encoder.add(&span));
            });
            requests.extend(encoder.finish());
            prop_assert_eq!(spans.len(), recorded.len());
            for request in &requests {
                prop_assert!(request.body.len() <= bytes_max || request.records == 1);
            }
            let read: Vec<_> = requests.iter().flat_map(|request| read(protocol, request)).collect();
            prop_assert_eq!(by_scope(read), by_scope(spans));
        }
    }
}

#[test]
fn the_json_of_a_span_is_as_the_specification_has_it() {
    let time = Timestamp::from_nanos(1_544_712_660_000_000_000);
    let clock = std::sync::Arc::new(throughline_core::clock::ManualClock::at(time));
    let provider = TracerProvider::builder().with_clock(clock).build();
    let mut reader = provider.reader().expect("the first reader");
    let state: TraceState = "vendor=x".parse().expect("a good state");
    let parent = SpanContext::new(1.into(), 0xAB.into(), TraceFlags::SAMPLED, true, state);
    let tracer = provider.tracer("shop");
    let mut span = tracer.span("checkout").with_kind(SpanKind::Server).with_parent_span(&parent).start();
    span.set_attribute("n", 3);
    span.add_event("paid", &());
    span.add_link(&parent, &());
    span.set_status(Status::error("no \"stock\""));
    span.end();

    let mut encoder = SpanEncoder::new(Protocol::HttpJson, &resource());
    let mut id = String::new();
    reader.drain(1, |span| {
        id = span.span_id.to_string();
        assert_eq!(encoder.add(&span), None);
    });
    let json = String::from_utf8(encoder.finish().expect("a request").body).expect("UTF-8");
    let expected = [
        r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"process.pid","value":{"intValue":"42"}},"#,
        r#"{"key":"service.name","value":{"stringValue":"shop"}}]},"scopeSpans":[{"scope":{"name":"shop","#,
        r#""attributes":[]},"spans":[{"traceId":"00000000000000000000000000000001","spanId":""#,
        &id,
        r#"","traceState":"vendor=x","parentSpanId":"00000000000000ab","flags":769,"name":"checkout","kind":2,"#,
        r#""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712660000000000","#,
        r#""attributes":[{"key":"n","value":{"intValue":"3"}}],"#,
        r#""events":[{"timeUnixNano":"1544712660000000000","name":"paid"}],"#,
        r#""links":[{"traceId":"00000000000000000000000000000001","spanId":"00000000000000ab","#,
        r#""traceState":"vendor=x","flags":769}],"status":{"message":"no \"stock\"","code":2}}]}]}]}"#,
    ];
    assert_eq!(json, expected.concat());
}
