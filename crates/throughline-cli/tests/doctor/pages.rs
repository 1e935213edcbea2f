//! Pages that are scraped: what Prometheus takes and what it does not, with Prometheus as the judge.

use throughline_rig::{DEADLINE, PrometheusConfig, Rig, eventually};

use crate::examination::Patient;
use crate::fake::{Fake, closed_port};

fn scraping(url: &str) -> Patient {
    Patient::new().looking_at("--scrape", format!("{url}/metrics"))
}

const TEXT: &str = "Content-Type: text/plain; version=0.0.4\r\n";
const OPENMETRICS: &str = "Content-Type: application/openmetrics-text; version=1.0.0\r\n";

/// What is answered, and the finding; none when all is well.
const PAGES: [(&str, &str, &str, Option<&str>); 11] = [
    (TEXT, "# TYPE a counter\na_total{b=\"c\"} 1\n", "well", None),
    (OPENMETRICS, "# TYPE a counter\na_total 1 # {trace_id=\"1\"} 1\n# EOF\n", "well", None),
    ("", "a 1\n", "no content type", Some("D804")),
    ("Content-Type: application/json\r\n", "{}", "another content type", Some("D804")),
    (TEXT, "a{b=c} 1\n", "a label without quotes", Some("D805")),
    (TEXT, "a 1\n<html>\n", "something that is no sample", Some("D805")),
    (TEXT, "a_total 1 # {trace_id=\"1\"} 1\n", "an exemplar in the text format", Some("D807")),
    (OPENMETRICS, "# TYPE a counter\na_total 1\n", "no end", Some("D808")),
    (TEXT, "# TYPE a gauge\n# TYPE a gauge\na 1\n", "a second TYPE line", Some("D812")),
    (
        TEXT,
        "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# TYPE a gauge\na{c=\"1\"} 1\n",
        "a family in two places",
        Some("D812"),
    ),
    (TEXT, "# TYPE x_total_total counter\nx_total_total 1\n", "a doubled suffix", Some("D811")),
];

pub(crate) fn pages(rig: &Rig) {
    scraping(&format!("http://127.0.0.1:{}", closed_port())).examine().found(
        "nobody serves the page",
        "scrape",
        "D801",
    );
    for (status, id) in [("404 Not Found", "D802"), ("401 Unauthorized", "D803")] {
        let page = Fake::http(status, "", "");
        scraping(&page.url()).examine().found(&format!("the page answers {status}"), "scrape", id);
    }
    let twice = Fake::http("200 OK", TEXT, "a{b=\"1\"} 1\na{b=\"1\"} 2\n");
    scraping(&twice.url()).examine().found("a series twice", "scrape", "D806");
    too_much();
    for (headers, body, what, id) in PAGES {
        let page = Fake::http("200 OK", headers, body);
        let examined = scraping(&page.url()).examine();
        match id {
            None => {
                examined.is_green();
            }
            Some(id) => drop(examined.found(&format!("a page with {what}"), "scrape", id)),
        }
        // A doubled suffix is ugly, and taken; so is a second line of the type.
        let is_taken = [None, Some("D811"), Some("D812")].contains(&id);
        let targets = vec![page.url().trim_start_matches("http://").to_owned()];
        let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
        let health = eventually(DEADLINE, "a scrape", || {
            let health = prometheus.targets().first()?["health"].as_str()?.to_owned();
            (health != "unknown").then_some(health)
        });
        assert_eq!(health == "up", is_taken, "{what}: {:#?}", prometheus.targets());
    }
    let unscraped = Fake::http("200 OK", TEXT, "a 1\n");
    let prometheus = rig.prometheus(PrometheusConfig::default());
    let patient = scraping(&unscraped.url()).looking_at("--prometheus", prometheus.url());
    let examined = patient.examine();
    let found = examined.found("a page that nobody scrapes", "bridge", "D504");
    // A file of this alone is a whole one.
    let raw = found.fix()["yaml"]
        .as_str()
        .map(|yaml| format!("global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n{yaml}"));
    let prometheus = rig.prometheus(PrometheusConfig { raw, ..PrometheusConfig::default() });
    eventually(DEADLINE, "a scrape", || (!prometheus.targets().is_empty()).then_some(()));
    scraping(&unscraped.url()).looking_at("--prometheus", prometheus.url()).examine().is_green();
    found.mended_by("prometheus_file");
    unreachable_for_prometheus(rig);
    // When the page is at fault, Prometheus is not.
    let targets = vec![unscraped.url().trim_start_matches("http://").to_owned()];
    let broken = Fake::http("200 OK", "", "a 1\n");
    let unreadable = vec![broken.url().trim_start_matches("http://").to_owned()];
    for (targets, page, fault, id) in [
        (
            vec![format!("127.0.0.1:{}", closed_port())],
            None,
            "the page is down, and Prometheus says so",
            "D801",
        ),
        (unreadable, Some(&broken), "the page is refused, and Prometheus says so", "D804"),
        (targets, Some(&unscraped), "", ""),
    ] {
        let url = page.map_or_else(|| format!("http://{}", targets[0]), Fake::url);
        let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
        eventually(DEADLINE, "a scrape", || {
            prometheus.targets().first().filter(|target| target["health"] != "unknown").map(drop)
        });
        let examined = scraping(&url).looking_at("--prometheus", prometheus.url()).examine();
        if fault.is_empty() {
            examined.is_green();
        } else {
            examined.found(fault, "scrape", id);
        }
    }
}

/// A page that answers doctor and not Prometheus, as behind the wall of a container: here it was not there when it was
/// scraped.
fn unreachable_for_prometheus(rig: &Rig) {
    let address = format!("127.0.0.1:{}", closed_port());
    let targets = vec![address.clone()];
    let seldom = std::time::Duration::from_secs(8);
    let prometheus =
        rig.prometheus(PrometheusConfig { targets, interval: seldom, ..PrometheusConfig::default() });
    eventually(DEADLINE, "a scrape that fails", || {
        prometheus.targets().first().filter(|target| target["health"] == "down").map(drop)
    });
    let page = Fake::http_at(&address, "200 OK", TEXT, "a 1\n");
    let patient = scraping(&page.url()).looking_at("--prometheus", prometheus.url());
    patient.examine().found("a page that Prometheus alone cannot reach", "bridge", "D503");
}

/// Pages that are more than Prometheus waits for, or takes in.
fn too_much() {
    let large = format!("a{{b=\"{}\"}} 1\n", "x".repeat(11 << 20));
    let large = Fake::http("200 OK", TEXT, large);
    scraping(&large.url()).examine().found("a page of eleven megabytes", "scrape", "D809");
    let silent = Fake::answering(|_| None);
    scraping(&silent.url()).examine().found("a page that never comes", "scrape", "D810");
}
