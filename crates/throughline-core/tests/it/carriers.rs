//! Every carrier holds the same headers, for our propagators and for OpenTelemetry's.

use std::collections::{BTreeMap, HashMap};

use http::HeaderMap;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use throughline_core::propagation::{
    BaggageExt as _, BaggageItem, Context, Extractor, Format, HeaderCarrier, Injector, Propagators,
    ReadCarrier, TextMapPropagator, TraceContextExt as _, WriteCarrier, baggage_items,
};

use crate::support::{Pairs, context, header_map, pairs};

fn filled() -> Context {
    context(1).with_baggage([BaggageItem::new("tenant", "Çatal").with_metadata("ttl=60")])
}

/// Injects, extracts, and finds the same; with our propagators and with the SDK's on either side.
fn goes_around<C: ReadCarrier + WriteCarrier + Clone>(empty: &C) {
    let ours = Propagators::default();
    let theirs: [&dyn TextMapPropagator; 2] = [&TraceContextPropagator::new(), &BaggagePropagator::new()];
    let mut direct = empty.clone();
    ours.inject(&filled(), &mut direct);
    let mut through_api = empty.clone();
    ours.inject_context(&filled(), &mut HeaderCarrier(&mut through_api));
    let mut by_them = empty.clone();
    for propagator in theirs {
        propagator.inject_context(&filled(), &mut HeaderCarrier(&mut by_them));
    }
    for carrier in [direct, through_api, by_them] {
        let by_us = ours.extract(&Context::new(), &carrier);
        let by_api = ours.extract_with_context(&Context::new(), &HeaderCarrier(&carrier));
        let by_them = theirs.iter().fold(Context::new(), |context, propagator| {
            propagator.extract_with_context(&context, &HeaderCarrier(&carrier))
        });
        for found in [by_us, by_api, by_them] {
            assert_eq!(found.span().span_context(), filled().span().span_context());
            assert_eq!(
                baggage_items(&found).collect::<Vec<_>>(),
                baggage_items(&filled()).collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn every_carrier_goes_around() {
    goes_around(&HeaderMap::new());
    goes_around(&HashMap::<String, String>::new());
    goes_around(&BTreeMap::<String, String>::new());
    goes_around(&Pairs::new());
}

fn names_and_values<C: ReadCarrier + WriteCarrier>(mut carrier: C) {
    assert_eq!(carrier.names().count(), 0);
    for (name, value) in [("baggage", "a=1"), ("baggage", "b=2"), ("uberctx-key", "v"), ("x", "y")] {
        carrier.write(name, value);
    }
    let mut names: Vec<String> = carrier.names().map(str::to_lowercase).collect();
    names.sort();
    assert_eq!(names, ["baggage", "uberctx-key", "x"]);
    assert_eq!(carrier.read("baggage").collect::<Vec<_>>(), [b"b=2"], "written twice, there once");
    assert_eq!(carrier.read("absent").count(), 0);
    carrier.remove("baggage");
    carrier.remove("baggage");
    carrier.remove("x");
    assert_eq!(carrier.read("baggage").count() + carrier.read("x").count(), 0);
    assert_eq!(carrier.read("uberctx-key").count(), 1);
}

#[test]
fn every_carrier_reads_writes_and_removes() {
    names_and_values(HeaderMap::new());
    names_and_values(HashMap::<String, String>::new());
    names_and_values(BTreeMap::<String, String>::new());
    names_and_values(Pairs::new());
    names_and_values(Vec::<(Box<str>, String)>::new());
}

#[test]
fn a_header_map_leaves_out_what_http_does_not_allow() {
    let mut headers = HeaderMap::new();
    headers.write("no name", "1");
    headers.write("traceparent", "a\r\nb");
    assert!(headers.is_empty());
    assert_eq!(headers.read("no name").count(), 0);
    headers.remove("no name");
}

#[test]
fn a_large_header_map_is_read_like_a_small_one() {
    for others in [0, 31, 32, 33, 500] {
        let mut headers = HeaderMap::new();
        for at in 0..others {
            headers.write(&format!("x-header-{at}"), "1");
        }
        headers.write("tracestate", "stale=1");
        let mut clean = headers.clone();
        Propagators::default().inject(&filled(), &mut clean);
        assert!(!clean.contains_key("tracestate"), "with {others} others");
        let found = Propagators::default().extract(&Context::new(), &clean);
        assert_eq!(found.span().span_context(), filled().span().span_context());
        assert_eq!(Format::TraceContext.extract_span_context(&headers), None);
        clean.append("traceparent", clean["traceparent"].clone());
        assert_eq!(Format::TraceContext.extract_span_context(&clean), None, "there twice");
    }
}

#[test]
fn maps_match_names_in_any_case_and_those_in_lower_case_first() {
    let map = HashMap::from([("TraceParent".to_owned(), "1".to_owned())]);
    assert_eq!(map.read("traceparent").collect::<Vec<_>>(), [b"1"]);
    let both = BTreeMap::from(
        [("TraceParent", "1"), ("traceparent", "2")].map(|(a, b)| (a.to_owned(), b.to_owned())),
    );
    assert_eq!(both.read("traceparent").collect::<Vec<_>>(), [b"2"]);
}

#[test]
fn open_telemetry_sees_every_value() {
    let headers = header_map(&[("tracestate", "a=1"), ("tracestate", "b=2"), ("other", "x")]);
    let carrier = HeaderCarrier(&headers);
    assert_eq!(Extractor::get(&carrier, "tracestate"), Some("a=1"));
    assert_eq!(carrier.get_all("tracestate"), Some(vec!["a=1", "b=2"]));
    assert_eq!((Extractor::get(&carrier, "absent"), carrier.get_all("absent")), (None, None));
    assert_eq!(carrier.keys().len(), 2);
    let raw: &[(&str, &[u8])] = &[("tracestate", b"\xff")];
    assert_eq!(Extractor::get(&HeaderCarrier(raw), "tracestate"), None, "what is no text they cannot see");
}

/// OpenTelemetry's traits are carriers: theirs for maps, and those that other crates write for their own.
#[test]
fn whatever_implements_their_traits_is_a_carrier() {
    let mut map = HashMap::new();
    let injector: &mut dyn Injector = &mut map;
    Format::TraceContext.inject(&context(1), injector);
    let extractor: &dyn Extractor = &map;
    assert_eq!(
        Format::TraceContext.extract_span_context(extractor),
        Some(context(1).span().span_context().clone())
    );
    assert_eq!(
        map.into_iter().collect::<Vec<_>>(),
        pairs(&[("traceparent", "00-12345678901234567890123456789012-1234567890123456-01")])
    );
}
