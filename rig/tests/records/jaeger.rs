//! What Jaeger shows of the trace.

use serde_json::{Value, json};
use throughline_otlp::Signal;
use throughline_rig::{DEADLINE, Rig, eventually};

use crate::shop::{ENCODINGS, Shop, config, export, span_exporter};

/// One trace with the right parents, kinds, attributes, events, links and status.
pub(crate) fn shows_the_trace(rig: &Rig) {
    let jaeger = rig.jaeger();
    for encoding in ENCODINGS {
        let (shop, spans, _logs) = Shop::record();
        let config = config(&jaeger.otlp_http_url(), Signal::Traces, encoding);
        let (report, _) = export(span_exporter(spans, config), || ());
        assert_eq!((report.delivered_items, report.last_error), (3, None), "{encoding:?}");

        let trace = eventually(DEADLINE, "the whole trace", || {
            jaeger
                .trace(&shop.trace_id)
                .filter(|trace| trace["spans"].as_array().is_some_and(|all| all.len() == 3))
        });
        assert_eq!(trace["processes"]["p1"]["serviceName"], "shop");
        assert_trace(&trace, &shop);
    }
}

fn assert_trace(trace: &Value, shop: &Shop) {
    let [request, select, publish] = &shop.span_ids;
    let names =
        [("GET /cart", request, "server"), ("SELECT", select, "client"), ("publish", publish, "producer")];
    let spans = names.map(|(name, id, kind)| {
        let span = find(&trace["spans"], "spanID", id);
        assert_eq!(span["operationName"], name);
        assert_eq!(tag(span, "span.kind"), kind);
        assert_eq!(span["duration"], 3000, "in microseconds");
        span
    });
    assert_eq!(spans[0]["references"], json!([]));
    assert_eq!(parent(spans[1]), request.as_str());
    assert_eq!(parent(spans[2]), select.as_str());
    assert_eq!(tag(spans[0], "http.response.status_code"), 500);
    assert_eq!(tag(spans[0], "error"), true);
    assert_eq!(tag(spans[0], "otel.status_description"), "no stock");
    assert_eq!(tag(spans[1], "otel.scope.name"), "shop.cart");
    assert_eq!(tag(spans[1], "otel.scope.version"), "1.2");
    let event = &spans[0]["logs"][0]["fields"];
    assert_eq!(find(event, "key", "event")["value"], "out of stock");
    assert_eq!(find(event, "key", "product")["value"], "té\"a\n");
    let link = find(&spans[1]["references"], "refType", "FOLLOWS_FROM");
    assert_eq!(link["traceID"], "5b8efff798038103d269b633813fc60c");
    assert_eq!(link["spanID"], "00000000000000ef");
}

/// The item whose field has this value.
#[track_caller]
pub(crate) fn find<'a>(items: &'a Value, field: &str, value: &str) -> &'a Value {
    let found = items.as_array().into_iter().flatten().find(|item| item[field] == value);
    found.unwrap_or_else(|| panic!("no {field} {value} in {items}"))
}

#[track_caller]
pub(crate) fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    &find(&span["tags"], "key", key)["value"]
}

#[track_caller]
pub(crate) fn parent(span: &Value) -> &Value {
    &find(&span["references"], "refType", "CHILD_OF")["spanID"]
}
