//! `deliver PROGRAM`: runs a program that sends to `SAMPLE_ENDPOINT` over OTLP/gRPC, with the real Collector there, and waits until
//! the span `work` has arrived, and with `--metric` a metric whose name begins with `sample.`. With `--scrape NAME` it is scraped
//! instead, at this toolkit's endpoint, until there is a series of this name.
//!
//! `cargo xtask samples --deliver` asks it of each program that was migrated.

#![expect(clippy::panic, reason = "a judge reports by panicking, as assertions do")]

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};

use serde_json::Value;
use throughline_rig::{Collector, CollectorConfig, DEADLINE, Rig, eventually, http};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments {
        [program] => drop(spans(program)),
        [program, "--metric"] => metric(&spans(program)),
        [program, "--scrape", name] => scrape(program, name),
        _ => panic!("usage: deliver PROGRAM [--metric | --scrape NAME]"),
    }
}

fn spans(program: &str) -> Collector {
    let rig = Rig::find().unwrap_or_else(|missing| panic!("{missing}"));
    let collector = rig.collector(CollectorConfig::default());
    let status = Command::new(program)
        .env("SAMPLE_ENDPOINT", collector.otlp_grpc_url())
        .status()
        .unwrap_or_else(|problem| panic!("start {program}: {problem}"));
    assert!(status.success(), "{program}: {status}");
    eventually(DEADLINE, "span", || named(&collector.received_spans(), |name| name == "work"));
    collector
}

fn metric(collector: &Collector) {
    eventually(DEADLINE, "metric", || {
        named(&collector.received_metrics(), |name| name.starts_with("sample."))
    });
}

fn named(values: &[Value], is_it: fn(&str) -> bool) -> Option<()> {
    values.iter().any(|value| value["name"].as_str().is_some_and(is_it)).then_some(())
}

/// A program that runs until it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _status = self.0.wait();
    }
}

fn scrape(program: &str, name: &str) {
    // A page of the program's own, and the toolkit's: one of them may be at the address that the other one had.
    let [own, port] = [free_port(), free_port()];
    let running = Command::new(program)
        .env("SAMPLE_ADDRESS", format!("127.0.0.1:{own}"))
        .env("OTEL_EXPORTER_PROMETHEUS_PORT", port.to_string())
        .spawn();
    let _running = Running(running.unwrap_or_else(|problem| panic!("start {program}: {problem}")));
    let series = format!("\n{name}{{kind=\"small\"}} 1\n");
    eventually(DEADLINE, "series", || {
        let pages = [own, port].map(|port| http::get(&format!("http://127.0.0.1:{port}/metrics")));
        let ours = |page: &str| page.contains("\ntarget_info{");
        pages.into_iter().flatten().find(|page| ours(&page.body) && page.body.contains(&series)).map(drop)
    });
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    listener.unwrap_or_else(|problem| panic!("find a port: {problem}")).port()
}
