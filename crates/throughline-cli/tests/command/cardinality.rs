//! `throughline cardinality` as far as it goes without servers of others.

use std::fmt::Write as _;

use serde_json::Value;
use throughline_rig::Page;

use super::command::throughline;

fn run(arguments: &[&str]) -> (i32, String, String) {
    let all = [&["cardinality"], arguments].concat();
    let output = throughline(&all).output().expect("it runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().expect("it ended"), text(output.stdout), text(output.stderr))
}

fn page() -> Page {
    let mut text = String::new();
    for user in 0..200 {
        writeln!(
            text,
            "shop_orders_total{{user=\"550e8400-e29b-41d4-a716-44665544{user:04}\",ok=\"{}\"}} 1",
            user % 2 == 0
        )
        .expect("a string takes it");
    }
    text.push_str("calls_total{api_key=\"hunter2\"} 1\ncalls_total{otel_metric_overflow=\"true\"} 1\n");
    Page::serve("text/plain; version=0.0.4", text)
}

#[test]
fn what_is_too_much_is_found_with_what_to_do() {
    let page = page();
    let url = format!("http://{}/metrics", page.address());
    let (status, said, _) = run(&["--scrape", &url, "--limit", "100"]);
    assert_eq!(status, 1, "{said}");
    for part in [
        "202 series of 2 instruments",
        "shop_orders_total: 200 series",
        "uuid: 550e8400-e29b-41d4-a716-446655440000",
        "C101 an instrument has more series than are allowed: 200 series, and 100 are allowed",
        "drop user, and 2 series are left:",
        r#"View::of("shop_orders").drop_keys(["user"])"#,
        "    regex: 'shop_orders_total'",
        "C102 otel_metric_overflow",
        "C103 an attribute has a secret for a value: a value of api_key looks like a secret",
    ] {
        assert!(said.contains(part), "no `{part}` in\n{said}");
    }
    assert!(!said.contains("hunter2"), "{said}");
    // It is what Prometheus would get that is counted.
    assert!(page.asked("accept").is_some_and(|accept| accept.contains("openmetrics")));

    let (_, said, _) = run(&["--scrape", &url, "--format", "json"]);
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let orders = &report["instruments"][0];
    assert_eq!(orders["drop"]["series_left"], 2);
    assert_eq!(orders["attributes"][0]["values"], 200);
    assert_eq!(orders["attributes"][1]["series_without"], 200);
    let ids: Vec<_> = report["findings"].as_array().into_iter().flatten().map(|found| &found["id"]).collect();
    assert_eq!(ids, ["C102", "C103"]);
}

#[test]
fn the_sources_say_how_it_was_written() {
    let page = page();
    let folder = tempfile::tempdir().expect("a folder");
    let source = "fn main() {\n    meter.u64_counter(\"shop.orders\").build().add(1, &[KeyValue::new(\"user\", id)]);\n}\n";
    std::fs::write(folder.path().join("main.rs"), source).expect("a file");
    let url = format!("http://{}/metrics", page.address());
    let (_, said, _) = run(&["--scrape", &url, "--source", &folder.path().to_string_lossy()]);
    assert!(
        said.contains("main.rs:2") && said.contains(r#"View::of("shop.orders").drop_keys(["user"])"#),
        "{said}"
    );
}

#[test]
fn kits_have_a_worst_case() {
    let (status, said, _) = run(&["http", "--format", "json", "--top", "100"]);
    assert_eq!(status, 0, "{said}");
    let report: Value = serde_json::from_str(&said).expect("JSON");
    let all = report["instruments"].as_array().expect("a list");
    let active = all.iter().find(|one| one["name"] == "http.server.active_requests").expect("it is there");
    assert!(active["series"].as_u64().is_some_and(|series| series > 1), "{active:#}");
    let field = "kit http: throughline_instruments::http::metrics::HttpServerMetrics::active";
    assert_eq!(active["declared"][0]["in"], field);
    let duration = all.iter().find(|one| one["name"] == "http.server.request.duration").expect("it is there");
    assert!(duration["series"].is_null(), "a route has no bound: {duration:#}");
    assert!(duration["series_each"].as_u64().is_some_and(|series| series > 1), "{duration:#}");
    let (status, _, said) = run(&["nothing"]);
    assert!(status == 2 && said.contains("there are "), "{said}");
}

#[test]
fn what_cannot_be_read_is_said() {
    for source in ["--scrape", "--prometheus", "--telemetry"] {
        let (status, said, why) = run(&[source, "http://user:hunter2@127.0.0.1:9"]);
        assert_eq!(status, 3, "{said}{why}");
        assert!(said.is_empty() && why.contains("127.0.0.1:9") && !why.contains("hunter2"), "{why}");
    }
    let page = Page::serve("text/html", "<html></html>");
    for source in ["--scrape", "--prometheus", "--telemetry"] {
        let (status, said, why) = run(&[source, &format!("http://{}", page.address())]);
        assert_eq!(status, 3, "{said}{why}");
    }
}

#[test]
fn every_finding_is_explained() {
    for id in ["C101", "C102", "C103"] {
        let output = throughline(&["explain", id]).output().expect("it runs");
        assert!(output.status.success() && output.stdout.starts_with(id.as_bytes()), "{output:?}");
    }
}
