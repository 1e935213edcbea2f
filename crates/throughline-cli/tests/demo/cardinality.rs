//! `throughline cardinality` against real servers: what it counts is what Prometheus says of itself, and what it says would
//! be left is what is left.

use std::fmt::Write as _;

use serde_json::{Value, json};
use throughline_rig::{DEADLINE, Page, Prometheus, PrometheusConfig, Rig, eventually};

use crate::Demo;
use crate::command::throughline;

fn report(arguments: &[&str]) -> Value {
    let all = [&["cardinality", "--format", "json", "--top", "1000"], arguments].concat();
    let output = throughline(&all).output().expect("it runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn instrument<'a>(report: &'a Value, name: &str) -> &'a Value {
    let found = report["instruments"].as_array().into_iter().flatten().find(|one| one["name"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report:#}"))
}

/// A counter and a histogram of users and routes; not every user was everywhere.
fn page() -> String {
    let mut text = String::from("# TYPE orders counter\n");
    let sets = (0..120_u32).flat_map(|user| (0..=user % 5).map(move |route| (user, route)));
    for (user, route) in sets.clone() {
        writeln!(text, "orders_total{{user_id=\"{user}\",route=\"/{route}\"}} 1").expect("a string takes it");
    }
    text.push_str("# TYPE latency_seconds histogram\n");
    for (user, route) in sets.filter(|(user, _)| user % 2 == 0) {
        for (name, le) in [("bucket", ",le=\"0.1\""), ("bucket", ",le=\"+Inf\""), ("sum", ""), ("count", "")]
        {
            let labels = format!("user_id=\"{user}\",route=\"/{route}\"{le}");
            writeln!(text, "latency_seconds_{name}{{{labels}}} 1").expect("a string takes it");
        }
    }
    text
}

fn head(prometheus: &Prometheus) -> Value {
    prometheus.get_json("/api/v1/status/tsdb", &[("limit", "10000")])
}

/// Two targets, since what is kept of a target stays apart from what is kept of another one.
fn scraping(rig: &Rig, pages: &[Page], relabel: &Value) -> Prometheus {
    let targets: Vec<String> = pages.iter().map(Page::address).collect();
    let config = json!({
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms"},
        "scrape_configs": [{
            "job_name": "app",
            "static_configs": [{"targets": targets}],
            "metric_relabel_configs": relabel,
        }],
    });
    let raw = Some(config.to_string());
    let prometheus = rig.prometheus(PrometheusConfig { raw, ..PrometheusConfig::default() });
    prometheus.await_value("count(max_over_time(up[1m]) == 1)", pages.len() as f64);
    // Its own account is complete with the first scrape of each.
    eventually(DEADLINE, "two scrapes", || {
        let scraped = prometheus.query("min(count_over_time(up[1m])) > 1");
        (!scraped.is_empty()).then_some(())
    });
    prometheus
}

pub(crate) fn as_the_store_says(rig: &Rig) {
    let pages = [(); 2].map(|()| Page::serve("text/plain; version=0.0.4", page()));
    let prometheus = scraping(rig, &pages, &json!([]));
    let report = report(&["--prometheus", prometheus.url()]);
    let head = head(&prometheus);
    assert_eq!(report["series"], head["headStats"]["numSeries"], "{report:#}");
    let count = |name: &str| {
        let counts = head["seriesCountByMetricName"].as_array().into_iter().flatten();
        counts.filter(|one| one["name"] == name).filter_map(|one| one["value"].as_u64()).sum::<u64>()
    };
    for one in report["instruments"].as_array().into_iter().flatten() {
        let stored: u64 =
            one["stored_as"].as_array().into_iter().flatten().filter_map(Value::as_str).map(count).sum();
        assert_eq!(one["series"], stored, "{one:#}");
    }
    let latency = instrument(&report, "latency_seconds");
    assert_eq!(latency["attribute_sets"].as_u64().map(|sets| sets * 4), latency["series"].as_u64());
    assert_eq!(latency["attributes"][0]["key"], "user_id");
    assert_eq!(latency["attributes"][0]["values"], 60);
    // A page says the same of one target, and knows no targets.
    let url = format!("http://{}/metrics", pages[0].address());
    let scraped = self::report(&["--scrape", &url]);
    for name in ["orders_total", "latency_seconds"] {
        let (of_page, of_store) = (instrument(&scraped, name), instrument(&report, name));
        assert_eq!(of_page["series"].as_u64().map(|series| series * 2), of_store["series"].as_u64());
    }
}

pub(crate) fn what_is_printed_does_what_it_says(rig: &Rig) {
    let pages = [(); 2].map(|()| Page::serve("text/plain; version=0.0.4", page()));
    let before = scraping(rig, &pages, &json!([]));
    let report = report(&["--prometheus", before.url()]);
    for name in ["orders_total", "latency_seconds"] {
        let drop = &instrument(&report, name)["drop"];
        assert_eq!(drop["attribute"], "user_id");
        let printed = drop["metric_relabel_configs"].as_str().expect("it was stored");
        let after = scraping(rig, &pages, &relabelling(printed));
        let left = self::report(&["--prometheus", after.url()]);
        assert_eq!(instrument(&left, name)["series"], drop["series_left"], "{printed}");
        let other = if name == "orders_total" { "latency_seconds" } else { "orders_total" };
        assert_eq!(instrument(&left, other)["series"], instrument(&report, other)["series"]);
    }
}

/// What is printed, as data: one rule, whose values are texts.
fn relabelling(printed: &str) -> Value {
    let mut rule = json!({ "source_labels": ["__name__"] });
    for key in ["regex", "target_label", "replacement"] {
        let line = printed.lines().find_map(|line| line.trim().strip_prefix(&format!("{key}: ")));
        rule[key] = line.expect("it is there").trim_matches('\'').into();
    }
    json!([rule])
}

/// The demo's own page, what it says of itself, and the Prometheus that scrapes it: one number.
pub(crate) fn of_the_demo(rig: &Rig) {
    let demo = Demo::answered(&[]);
    let duration = "http_server_request_duration_seconds";
    let scraped = report(&["--scrape", &demo.scrape]);
    let (of_page, of_program) = (instrument(&scraped, duration), report(&["--telemetry", &demo.scrape]));
    let of_program = instrument(&of_program, "http.server.request.duration");
    assert_eq!(of_page["attribute_sets"], of_program["attribute_sets"]);
    assert_eq!(of_page["declared"][0]["name"], "http.server.request.duration");
    let view = of_page["drop"]["view"].as_str().expect("a view");
    assert!(view.starts_with(r#"View::of("http.server.request.duration").drop_keys(["http."#), "{view}");

    let targets = vec![demo.address()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    let all = of_page["series"].as_u64().expect("a number") as f64;
    prometheus.await_value(&format!("count({{__name__=~\"{duration}.*\"}})"), all);

    let output = throughline(&["names", "--format", "json", "--telemetry", &demo.scrape]).output();
    let names: Value = serde_json::from_slice(&output.expect("it runs").stdout).expect("JSON");
    let names = names.as_array().into_iter().flatten();
    let stored: Vec<_> = names.map(|one| &one["stored"]["UnderscoreEscapingWithSuffixes"]).collect();
    assert!(stored.contains(&&json!(duration)), "{stored:?}");
}
