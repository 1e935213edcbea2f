//! Hop 5: the Collector's own account, before and after the probe.
//!
//! Its counters changed names at 0.123 and again at 0.153 (with and without `_total`, with and without a unit), so they are
//! known by how they begin.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::check::{Check, Hop, Verdict};
use super::exposition::{Sample, samples};
use super::fix::Fix;
use super::settings::cumulative;
use crate::http::{Client, shown};

/// Above the default of the batch processor, the waits of a queue, and a slow answer.
const WITHIN: Duration = Duration::from_secs(4);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// The Collector's own metrics at one moment.
#[derive(Debug)]
pub(crate) struct Account(Vec<Sample>);

/// What happened to the items of one signal between two moments.
#[derive(Debug, Default)]
struct Movement {
    accepted: f64,
    /// By exporter.
    sent: BTreeMap<String, f64>,
    failed: BTreeMap<String, f64>,
    /// Exporters with a queue that neither sent nor failed, and how full that is.
    waiting: BTreeMap<String, f64>,
}

impl Account {
    /// Reads the account, or says why it cannot be judged.
    pub(crate) async fn read(client: &Client, url: &str) -> Result<Self, Check> {
        let shown = shown(url);
        let unknown = |evidence: String, id, fix| {
            Check::new(Hop::Collector, Verdict::Unknown, &shown, evidence).because(id, fix)
        };
        let answer = match client.get(url).await {
            Ok(answer) if answer.is_success() => answer,
            Ok(answer) => {
                let evidence = format!("{shown} answered {}", answer.status);
                return Err(unknown(evidence, "D401", own_metrics()));
            }
            Err(error) => {
                let fix = Fix::to_ask(&error, own_metrics());
                return Err(unknown(format!("{shown}: {error}"), "D401", fix));
            }
        };
        let mut samples = samples(&answer.body);
        samples.retain(|sample| sample.name.starts_with("otelcol_"));
        if samples.is_empty() {
            let evidence = format!("{shown} has no metric that begins with otelcol_");
            let fix = "give --collector-metrics the address of the Collector's own metrics, usually port 8888; 8889 is usually that \
                       of its Prometheus exporter";
            return Err(unknown(evidence, "D409", Fix::by_hand(fix)));
        }
        Ok(Self(samples))
    }

    fn sum(&self, prefix: &str, by: &str, component: &str) -> f64 {
        let of_component = self.0.iter().filter(|sample| {
            sample.name.starts_with(prefix) && (component.is_empty() || sample.label(by) == component)
        });
        of_component.map(|sample| sample.value).sum()
    }

    fn components(&self, prefix: &str, by: &str) -> BTreeSet<String> {
        let of_kind = self.0.iter().filter(|sample| sample.name.starts_with(prefix));
        of_kind.map(|sample| sample.label(by).to_owned()).collect()
    }

    /// Exporters of a signal that have a queue.
    fn queued(&self, signal: &str) -> BTreeSet<String> {
        let queues = self.0.iter().filter(|sample| {
            sample.name.starts_with("otelcol_exporter_queue_capacity") && sample.label("data_type") == signal
        });
        queues.map(|sample| sample.label("exporter").to_owned()).collect()
    }

    fn since(&self, before: &Self, signal: &str) -> Movement {
        let items = items(signal);
        let moved = |kind: &str, by: &str, component: &str| {
            let prefix = format!("otelcol_{kind}_{items}");
            self.sum(&prefix, by, component) - before.sum(&prefix, by, component)
        };
        let by_exporter = |kind: &str| -> BTreeMap<String, f64> {
            let exporters = self.components(&format!("otelcol_{kind}_{items}"), "exporter").into_iter();
            let moved = exporters.map(|exporter| (exporter.clone(), moved(kind, "exporter", &exporter)));
            moved.filter(|(_, items)| *items > 0.0).collect()
        };
        let (sent, failed) = (by_exporter("exporter_sent"), by_exporter("exporter_send_failed"));
        let idle = self.queued(signal).into_iter();
        let idle = idle.filter(|exporter| !sent.contains_key(exporter) && !failed.contains_key(exporter));
        let waiting = idle.map(|exporter| {
            let size = self.0.iter().find(|sample| {
                sample.name.starts_with("otelcol_exporter_queue_size")
                    && sample.label("data_type") == signal
                    && sample.label("exporter") == exporter
            });
            (exporter, size.map_or(0.0, |sample| sample.value))
        });
        Movement {
            accepted: moved("receiver_accepted", "receiver", ""),
            waiting: waiting.collect(),
            sent,
            failed,
        }
    }
}

impl Movement {
    fn is_done(&self) -> bool {
        self.accepted > 0.0 && self.waiting.is_empty() && (!self.sent.is_empty() || !self.failed.is_empty())
    }

    /// A failure is known at once; what waits is waited for.
    fn is_decided(&self) -> bool {
        self.is_done() || !self.failed.is_empty()
    }
}

/// What the items of these signals are counted as.
fn items(signal: &str) -> &'static str {
    match signal {
        "traces" => "spans",
        "logs" => "log_records",
        _ => "metric_points",
    }
}

/// Waits until the Collector has passed on what it took, or has failed to.
pub(crate) async fn check(
    client: &Client,
    url: &str,
    before: &Account,
    signals: &[&'static str],
    is_delta: bool,
) -> Vec<Check> {
    let started = Instant::now();
    loop {
        let after = match Account::read(client, url).await {
            Ok(after) => after,
            Err(check) => return vec![check],
        };
        let moved: Vec<_> = signals.iter().map(|signal| (*signal, after.since(before, signal))).collect();
        let is_over = started.elapsed() > WITHIN;
        if is_over || moved.iter().all(|(_, moved)| moved.is_decided()) {
            let took = started.elapsed();
            return moved
                .iter()
                .map(|(signal, moved)| judge(url, signal, moved, is_delta).took(took))
                .collect();
        }
        sleep(PAUSE).await;
    }
}

fn judge(url: &str, signal: &str, moved: &Movement, is_delta: bool) -> Check {
    let Movement { accepted, sent, failed, waiting } = moved;
    let broken = |evidence: String| Check::broken(Hop::Collector, signal, evidence);
    if *accepted <= 0.0 {
        let evidence = format!(
            "the receiver took the {signal} of the probe, but the Collector at {} did not count any",
            shown(url)
        );
        let fix = "give --collector-metrics the Collector that the endpoint leads to: behind a load balancer there are several";
        return broken(evidence).because("D402", Fix::by_hand(fix));
    }
    if let Some((exporter, count)) = failed.iter().next() {
        let evidence = format!("exporter {exporter} failed to send {count} {}", items(signal));
        if is_delta && signal == "metrics" {
            return broken(evidence).because("D408", cumulative());
        }
        let fix = format!(
            "look for `{exporter}` in the Collector's log, which has the answer of what it sends to; correct its endpoint"
        );
        return broken(evidence).because("D404", Fix::by_hand(fix));
    }
    if let Some((exporter, size)) = waiting.iter().find(|(_, size)| **size > 0.0) {
        let evidence = format!(
            "exporter {exporter} has sent none of the {signal} yet; {size} batches wait in its queue"
        );
        let fix = format!(
            "start what `{exporter}` sends to, or correct its endpoint; its retries are in the Collector's log"
        );
        return broken(evidence).because("D405", Fix::by_hand(fix));
    }
    if sent.is_empty() || !waiting.is_empty() {
        let idle = match waiting.keys().next() {
            Some(exporter) => format!("exporter {exporter} has not sent them yet"),
            None => "no exporter has counted them yet".to_owned(),
        };
        let evidence = format!("accepted {accepted} {}, and {idle}", items(signal));
        let fix =
            "wait for the batch processor's timeout; then see in the Collector's log what became of them";
        return Check::new(Hop::Collector, Verdict::Unknown, signal, evidence)
            .because("D406", Fix::by_hand(fix));
    }
    let sent: Vec<_> = sent.iter().map(|(exporter, count)| format!("{exporter} sent {count}")).collect();
    Check::ok(Hop::Collector, signal, format!("accepted {accepted} {}, {}", items(signal), sent.join(", ")))
}

/// How the Collector shows its own metrics to others than itself.
fn own_metrics() -> Fix {
    let yaml = "service:\n  telemetry:\n    metrics:\n      readers:\n        - pull:\n            exporter:\n              \
                prometheus:\n                host: 0.0.0.0\n                port: 8888\n";
    Fix::CollectorFile(yaml.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_known_under_all_their_names() {
        for (suffix, is_labelled) in [("", false), ("_total", true), ("__spans__total", true)] {
            let page = |accepted: u32, sent: u32, size: u32| {
                let labels =
                    if is_labelled { "exporter=\"otlp\",data_type=\"traces\"" } else { "exporter=\"otlp\"" };
                Account(samples(&format!(
                    "otelcol_receiver_accepted_spans{suffix}{{receiver=\"otlp\"}} {accepted}\n\
                     otelcol_exporter_sent_spans{suffix}{{exporter=\"otlp\"}} {sent}\n\
                     otelcol_exporter_queue_capacity{{{labels}}} 1000\n\
                     otelcol_exporter_queue_size{{{labels}}} {size}\n"
                )))
            };
            let well = page(2, 2, 0).since(&page(1, 1, 0), "traces");
            assert!(well.is_done(), "{suffix}: {well:?}");
            let stuck = page(2, 1, 1).since(&page(1, 1, 0), "traces");
            assert!(!stuck.is_decided() && stuck.waiting.is_empty() != is_labelled, "{suffix}: {stuck:?}");
        }
    }
}
