//! A long outage at full load with the spool on: after recovery there is no gap in Prometheus, and Jaeger has every span.
//!
//! Some seconds in the suite; `cargo xtask soak` sets `THROUGHLINE_SOAK_SECONDS` to ten minutes.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use throughline::{Counter, KeyValue};
use throughline_rig::{PrometheusConfig, Rig, eventually};
use throughline_trace::Tracer;

use crate::run::{Account, Run};

const SPANS_PER_SECOND: u64 = 10_000;
const SPANS_PER_TRACE: u64 = 100;
const SERIES: i64 = 10_000;

/// After a pause longer than this, what would have been recorded meanwhile is not made up for.
const HELD_UP_MAX: Duration = Duration::from_millis(100);

/// The length of the outage unless told otherwise: several exports of metrics and many of spans.
const SECONDS: u64 = 6;

/// Records spans at a steady rate, and something on every series each second; the ids of the traces. Called in the subject.
pub(crate) fn record(tracer: &Tracer, counter: &Counter<u64>, time: Duration) -> Vec<String> {
    let series: Vec<_> = (0..SERIES).map(|number| counter.bind(&[KeyValue::new("series", number)])).collect();
    let started = Instant::now();
    let mut ids = Vec::new();
    let mut last = Duration::ZERO;
    let mut owed = 0;
    let mut seconds = 0;
    while started.elapsed() < time {
        let now = started.elapsed();
        // A service that was held up does not get all of its requests at once afterwards.
        let passed = now.saturating_sub(last).min(HELD_UP_MAX);
        last = now;
        owed += passed.as_micros() as u64 * SPANS_PER_SECOND;
        while owed >= SPANS_PER_TRACE * 1_000_000 {
            ids.push(record_trace(tracer));
            owed -= SPANS_PER_TRACE * 1_000_000;
        }
        if now.as_secs() >= seconds {
            for series in &series {
                series.add(1);
            }
            seconds += 1;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    ids
}

fn record_trace(tracer: &Tracer) -> String {
    let root = tracer.span("root").with_no_parent().start();
    let context = root.span_context().clone();
    for _ in 1..SPANS_PER_TRACE {
        drop(tracer.span("child").with_parent_span(&context).start());
    }
    context.trace_id().to_string()
}

pub(crate) fn outage(rig: &Rig) {
    let asked_for = std::env::var("THROUGHLINE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    let seconds: u64 = asked_for.unwrap_or(SECONDS);
    // Sixty exports of metrics in the long run.
    let interval = (seconds / 60).clamp(1, 10);
    let mut prometheus = rig.prometheus(PrometheusConfig::default());
    let mut jaeger = rig.jaeger();
    let folder = tempfile::tempdir().expect("a folder");
    let config = json!({
        "endpoint": jaeger.otlp_http_url(), "prometheus": prometheus.url(), "spool": folder.path(), "gzip": true,
        "interval": interval * 1000, "timeout": 10_000,
    });
    let mut run = Run::start("soak: outage under full load", config);
    prometheus.kill();
    jaeger.kill();
    let ids = run.soak(seconds);
    run.probe();
    let spooled = spooled_bytes(&run.status());
    prometheus.restart();
    jaeger.restart();
    let recovering = Instant::now();
    let patience = Duration::from_secs(60 + seconds);
    eventually(patience, "an empty spool", || {
        let status = run.status();
        let left = ["metrics", "traces"].map(|signal| {
            let Account { queued, spooled, .. } = Account::of(&status, signal);
            queued + spooled
        });
        // Metrics go on being exported: what is being sent just now is not a rest of the outage.
        (left[1] == 0 && left[0] <= SERIES as u64 * 2).then_some(())
    });
    println!(
        "soak: {seconds} s of outage, {} spans in {} traces, {SERIES} series every {interval} s, {} MiB on disk, \
         delivered within {:.1} s",
        ids.len() as u64 * SPANS_PER_TRACE,
        ids.len(),
        spooled >> 20,
        recovering.elapsed().as_secs_f64(),
    );
    has_no_gap(&prometheus, seconds, interval);
    // The probe's own spans are in traces of their own.
    let dropped = Account::of(&run.status(), "traces").dropped();
    // On a machine that tests share, the exporters may be kept from the processor until a ring is full: that is counted.
    assert!(dropped == 0 || asked_for.is_none(), "{dropped} spans were dropped");
    has_every_span(&jaeger, &ids, dropped, patience);
    run.kill();
}

fn spooled_bytes(status: &Value) -> u64 {
    let signals = status["status"]["otlp"].as_object().into_iter().flatten();
    signals.filter_map(|(_, signal)| signal["spooled_bytes"].as_u64()).sum()
}

/// Every series has a sample at least every other interval, from the first to the last of them.
fn has_no_gap(prometheus: &throughline_rig::Prometheus, seconds: u64, interval: u64) {
    let window = seconds + 300;
    let samples =
        |fold: &str| prometheus.value_soon(&format!("{fold}(count_over_time(soaked_total[{window}s]))"));
    assert!(
        (prometheus.value_soon("count(soaked_total)") - SERIES as f64).abs() < 0.5,
        "every series is there"
    );
    // The newest export may be under way.
    assert!(samples("max") - samples("min") <= 1.5, "every series has the samples of the others");
    let one = format!("soaked_total{{series=\"0\"}}[{window}s]");
    let data = prometheus.get_json("/api/v1/query", &[("query", &one)]);
    let values = data["result"][0]["values"].as_array().cloned().unwrap_or_default();
    let times: Vec<f64> = values.iter().filter_map(|value| value[0].as_f64()).collect();
    let widest = times.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
    let span = times.last().zip(times.first()).map_or(0.0, |(last, first)| last - first);
    println!("soak: {} samples of each series over {span:.0} s, the widest gap {widest:.1} s", times.len());
    assert!(span >= seconds as f64 - 2.0 * interval as f64, "{times:?}");
    assert!(widest < 3.0 * interval as f64, "a gap of {widest} s: {times:?}");
}

/// Every span but those that were counted as dropped is there.
fn has_every_span(jaeger: &throughline_rig::Jaeger, ids: &[String], dropped: u64, patience: Duration) {
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "ids are used once");
    let missing = || ids.iter().map(|id| SPANS_PER_TRACE - spans_of(jaeger, id)).sum::<u64>();
    let mut missed = missing();
    eventually(patience, "every span that was not dropped", || {
        if missed > dropped {
            missed = missing();
        }
        (missed <= dropped).then_some(())
    });
    println!(
        "soak: {} spans in Jaeger, {dropped} dropped and counted",
        ids.len() as u64 * SPANS_PER_TRACE - missed
    );
}

/// How many different spans a trace has.
fn spans_of(jaeger: &throughline_rig::Jaeger, id: &str) -> u64 {
    let trace = jaeger.trace(id).unwrap_or_default();
    let spans = trace["spans"].as_array().into_iter().flatten();
    spans.filter_map(|span| span["spanID"].as_str()).collect::<BTreeSet<_>>().len() as u64
}
