//! The globals of a process: one test, because there is one process.

use std::collections::HashMap;

use throughline::opentelemetry::trace::TraceContextExt as _;
use throughline::propagation::extract_from_headers;
use throughline::{
    Error, KeyValue, TelemetryConfig, declare_static_counter, init_telemetry, kv_pairs, opentelemetry,
};

declare_static_counter!(ORDERS, "static.orders", unit = "{order}");
declare_static_counter!(NEVER, "static.never", description = "Never recorded.");

fn config() -> TelemetryConfig {
    TelemetryConfig::new("shop")
        .with_environment_variables(|name| (name == "OTEL_PROPAGATORS").then(|| "b3".to_owned()))
        .with_prometheus_address(([127, 0, 0, 1], 0).into())
}

#[test]
fn statics_and_the_opentelemetry_api_record_after_one_installation() {
    ORDERS.add(1, kv_pairs!("paid" => true));
    let telemetry = init_telemetry(config()).expect("telemetry starts");
    ORDERS.add(2, kv_pairs!("paid" => true));
    let counter = opentelemetry::global::meter("library").u64_counter("api.calls").build();
    counter.add(3, &[KeyValue::new("kind", "x")]);

    let page = telemetry.render();
    assert!(page.contains(r#"static_orders_total{otel_scope_name="throughline",paid="true"} 2"#), "{page}");
    assert!(page.contains(r#"api_calls_total{kind="x",otel_scope_name="library"} 3"#), "{page}");
    let catalogue = telemetry.catalogue();
    let never = catalogue.iter().find(|entry| entry.name == "static.never").expect("declared is listed");
    assert_eq!((never.series, never.description.as_str()), (0, "Never recorded."));
    let listed = &telemetry.status()["instruments"];
    let series_of = |name: &str| {
        let mut entries = listed.as_array().expect("a list").iter();
        entries.find(|entry| entry["name"] == name).map(|entry| entry["series"].clone())
    };
    assert_eq!(series_of("static.never"), Some(0.into()));
    assert_eq!(series_of("api.calls"), Some(1.into()));

    let headers =
        HashMap::from([("b3".to_owned(), "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1".to_owned())]);
    let caller = extract_from_headers(&headers).span().span_context().clone();
    assert_eq!(caller.trace_id().to_string(), "80f198ee56343ba864fe8b2a57d3eff7", "b3 is what was asked for");

    let second = init_telemetry(config()).expect_err("globals are taken");
    assert!(
        matches!(second, Error::GlobalsTaken) && second.to_string().contains("without_globals"),
        "{second}"
    );
    let beside = init_telemetry(config().without_globals()).expect("beside the global one");
    ORDERS.add(1, kv_pairs!("paid" => true));
    assert!(!beside.render().contains("static_orders"));
    assert!(
        telemetry.render().contains("static_orders_total{otel_scope_name=\"throughline\",paid=\"true\"} 3")
    );
}
