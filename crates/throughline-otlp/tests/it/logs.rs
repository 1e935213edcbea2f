//! Log records, from recording to the wire.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::logs::v1 as proto;
use proptest::prelude::*;
use prost::Message as _;
use throughline_core::attribute::ValueRef;
use throughline_core::{KeyValue, Timestamp, Value};
use throughline_otlp::{EncodedRequest, LogEncoder, Protocol};
use throughline_trace::data::LogRef;
use throughline_trace::{LogRecord, LoggerProvider, SpanContext, SpanId, TraceId};

use crate::support::{
    any_attributes, any_context, any_value, proto_attributes, proto_resource, proto_scope, proto_value,
    resource, scopes,
};

#[derive(Clone, Debug)]
struct Recorded {
    scope: usize,
    time: Option<u64>,
    severity_number: u8,
    severity_text: String,
    body: Option<Value>,
    event_name: String,
    span: Option<SpanContext>,
    attributes: Vec<KeyValue>,
}

prop_compose! {
    fn any_log()(
        (scope, time, severity_number) in (0..3_usize, prop::option::of(1_u64..), 0..=24_u8),
        (severity_text, event_name) in ("[A-Z]{0,5}", ".{0,10}"),
        body in prop::option::of(any_value()),
        span in prop::option::of(any_context()),
        attributes in any_attributes(),
    ) -> Recorded {
        Recorded { scope, time, severity_number, severity_text, body, event_name, span, attributes }
    }
}

impl Recorded {
    fn record(&self, provider: LoggerProvider) {
        let record = LogRecord {
            time: self.time.map(Timestamp::from_nanos),
            severity_number: self.severity_number,
            severity_text: &self.severity_text,
            body: self.body.as_ref().map(ValueRef::from),
            event_name: &self.event_name,
            span: self.span.as_ref(),
        };
        let logger = provider.logger_with_scope(scopes()[self.scope].clone());
        logger.record(&record, self.attributes.as_slice());
    }
}

/// A log record with what stands around it.
#[derive(Clone, Debug, PartialEq)]
struct Placed {
    scope: Option<opentelemetry_proto::tonic::common::v1::InstrumentationScope>,
    schema_url: String,
    log: proto::LogRecord,
}

fn expected(log: &LogRef<'_>) -> Placed {
    let trace_id = (log.trace_id != TraceId::INVALID).then(|| log.trace_id.to_bytes().to_vec());
    let span_id = (log.span_id != SpanId::INVALID).then(|| log.span_id.to_bytes().to_vec());
    let message = proto::LogRecord {
        time_unix_nano: log.time.map_or(0, Timestamp::as_nanos),
        observed_time_unix_nano: log.observed.as_nanos(),
        severity_number: log.severity_number.into(),
        severity_text: log.severity_text.to_owned(),
        body: log.body.map(proto_value),
        attributes: proto_attributes(log.attributes),
        dropped_attributes_count: log.dropped_attributes,
        flags: log.flags.to_u8().into(),
        trace_id: trace_id.unwrap_or_default(),
        span_id: span_id.unwrap_or_default(),
        event_name: log.event_name.to_owned(),
    };
    Placed {
        scope: Some(proto_scope(&log.scope.scope)),
        schema_url: log.scope.scope.schema_url().unwrap_or_default().to_owned(),
        log: message,
    }
}

/// The log records of a request, which must have the one resource.
fn read(protocol: Protocol, request: &EncodedRequest) -> Vec<Placed> {
    let body = request.body.as_slice();
    let decoded: ExportLogsServiceRequest = match protocol {
        Protocol::HttpJson => serde_json::from_slice(body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(body))),
        _ => ExportLogsServiceRequest::decode(body).expect("valid protobuf"),
    };
    assert_eq!(decoded.resource_logs.len(), 1);
    let resource = &decoded.resource_logs[0];
    assert_eq!(resource.resource, Some(proto_resource()));
    let in_scope = |scope: &proto::ScopeLogs| {
        let (scope, schema_url, logs) =
            (scope.scope.clone(), scope.schema_url.clone(), scope.log_records.clone());
        logs.into_iter().map(move |log| Placed { scope: scope.clone(), schema_url: schema_url.clone(), log })
    };
    let logs: Vec<_> = resource.scope_logs.iter().flat_map(in_scope).collect();
    assert_eq!(logs.len() as u64, request.records);
    logs
}

/// The log records of each scope, in the order of the scopes' names.
fn by_scope(mut logs: Vec<Placed>) -> Vec<Placed> {
    logs.sort_by_key(|log| log.scope.clone().map(|scope| scope.name));
    logs
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_sent_is_what_was_recorded(
        recorded in prop::collection::vec(any_log(), 0..20),
        bytes_max in prop_oneof![Just(usize::MAX), 0..3000_usize],
        protocol in prop_oneof![Just(Protocol::HttpProtobuf), Just(Protocol::HttpJson)],
    ) {
        let provider = LoggerProvider::default();
        let mut reader = provider.reader().expect("the first reader");
        let mut encoder = LogEncoder::new(protocol, &resource()).with_request_bytes_max(bytes_max);
        // The second time with scopes that the encoder has seen.
        for _ in 0..2 {
            for log in &recorded {
 log.record(provider);
}
            let (mut requests, mut logs) = (Vec::new(), Vec::new());
            reader.drain(usize::MAX, |log| {
                logs.push(expected(&log));
                requests.extend(encoder.add(&log));
            });
            requests.extend(encoder.finish());
            prop_assert_eq!(logs.len(), recorded.len());
            for request in &requests {
                prop_assert!(request.body.len() <= bytes_max || request.records == 1);
            }
            let read: Vec<_> = requests.iter().flat_map(|request| read(protocol, request)).collect();
            prop_assert_eq!(by_scope(read), by_scope(logs));
        }
    }
}
