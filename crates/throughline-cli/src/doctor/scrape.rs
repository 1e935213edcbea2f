//! A page that is scraped, judged as Prometheus reads it: once as text, once as OpenMetrics.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use super::check::{Check, Hop, Verdict};
use super::exposition::{Line, Sample, line};
use super::fix::Fix;
use crate::http::{Answer, Client, NO_ANSWER, shown};

const TEXT: &str = "text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const OPENMETRICS: &str = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5";

/// Some tens of thousands of series: worth a word.
const LARGE_BYTES: usize = 10 << 20;
/// What Prometheus allows unless told, here for both formats together.
const WITHIN: Duration = Duration::from_secs(10);
/// Half of it.
const SLOW: Duration = Duration::from_secs(5);
/// What makes a page slow.
const WAITING: &str = "see what callbacks of observable instruments wait for, and how large the page is";
/// Of one kind of trouble, this many are shown.
const SHOWN: usize = 3;

/// Suffixes that exporters add.
const SUFFIXES: [&str; 6] = ["_total", "_seconds", "_bytes", "_ratio", "_milliseconds", "_percent"];

/// Fetches the page in both formats.
pub(crate) async fn check(client: &Client, page: &str) -> Vec<Check> {
    let url = &*shown(page);
    let started = Instant::now();
    let mut checks = Vec::new();
    for accept in [TEXT, OPENMETRICS] {
        if started.elapsed() > SLOW {
            break;
        }
        let client = client.within(WITHIN.saturating_sub(started.elapsed()));
        let answer = match client.get_with(page, accepting(accept)).await {
            Ok(answer) => answer,
            Err(error) => return vec![unread(url, &error).took(started.elapsed())],
        };
        if !answer.is_success() {
            return vec![refused(url, &answer)];
        }
        for check in judge(url, &answer) {
            // Most of what is wrong is wrong in both.
            let id = |check: &Check| check.trouble.as_ref().map(|trouble| trouble.id);
            let is_known = checks.iter().any(|known: &Check| {
                if id(known).is_some() { id(known) == id(&check) } else { known.evidence == check.evidence }
            });
            if !is_known {
                checks.push(check);
            }
        }
    }
    checks
}

fn unread(url: &str, error: &str) -> Check {
    let check = Check::broken(Hop::Scrape, url, format!("{url}: {error}"));
    if error.starts_with(NO_ANSWER) {
        return check.because("D810", Fix::by_hand(WAITING));
    }
    check.because("D801", Fix::by_hand("start the program; its first lines say where it is scraped"))
}

fn accepting(accept: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))])
}

fn refused(url: &str, answer: &Answer) -> Check {
    let check =
        Check::broken(Hop::Scrape, url, format!("{url} answered {}", answer.status)).took(answer.elapsed);
    if [401, 403].contains(&answer.status) {
        let yaml = "scrape_configs:\n  - job_name: app\n    authorization:\n      credentials_file: /etc/prometheus/token\n";
        return check.because("D803", Fix::PrometheusFile(yaml.to_owned()));
    }
    check
        .because("D802", Fix::by_hand("correct the path: usually /metrics, `metrics_path` in prometheus.yml"))
}

/// Everything that is wrong with one answer.
fn judge(url: &str, answer: &Answer) -> Vec<Check> {
    let content_type = answer.header("content-type").to_owned();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_owned();
    let is_openmetrics = kind == "application/openmetrics-text";
    let page = Page::read(&answer.body, is_openmetrics);
    let mut checks = Vec::new();
    let mut add = |verdict, id, evidence: String, fix: &str| {
        checks.push(Check::new(Hop::Scrape, verdict, url, evidence).because(id, Fix::by_hand(fix)));
    };
    if !is_openmetrics && kind != "text/plain" {
        let shown =
            if kind.is_empty() { "no content type".to_owned() } else { format!("content type {kind}") };
        add(
            Verdict::Broken,
            "D804",
            format!("{url} answers with {shown}"),
            "answer with `Content-Type: text/plain; version=0.0.4; charset=utf-8`",
        );
    }
    for (id, found, fix) in [
        ("D805", &page.unreadable, "correct these lines, or use an exporter that writes the format"),
        ("D806", &page.duplicates, "give the two different labels, or remove one"),
        ("D807", &page.exemplars, "write exemplars only when `application/openmetrics-text` was asked for"),
    ] {
        if !found.is_empty() {
            add(Verdict::Broken, id, some(found), fix);
        }
    }
    if is_openmetrics && !page.has_end {
        add(
            Verdict::Broken,
            "D808",
            "the last line is not `# EOF`".to_owned(),
            "end the page with `# EOF`, or answer as text/plain",
        );
    }
    if !page.families.is_empty() {
        add(
            Verdict::Warning,
            "D812",
            some(&page.families),
            "write each family once, with one TYPE line, in front of its samples",
        );
    }
    if !page.doubled.is_empty() {
        add(
            Verdict::Warning,
            "D811",
            some(&page.doubled),
            "leave unit and `_total` out of the instrument's name",
        );
    }
    if answer.body.len() > LARGE_BYTES {
        let evidence = format!("{} MiB, {} series", answer.body.len() >> 20, page.samples);
        add(Verdict::Warning, "D809", evidence, "drop attributes that have many values");
    }
    if answer.elapsed > SLOW {
        let evidence = format!("the page took {:.1} s", answer.elapsed.as_secs_f64());
        add(Verdict::Warning, "D810", evidence, WAITING);
    }
    if checks.iter().all(|check| check.verdict == Verdict::Warning) {
        let evidence = format!("{kind}: {} samples, {} bytes", page.samples, answer.body.len());
        checks.push(Check::ok(Hop::Scrape, url, evidence).took(answer.elapsed));
    }
    checks
}

fn some(found: &[String]) -> String {
    let more = found.len().saturating_sub(SHOWN);
    let first = found.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    if more > 0 { format!("{first}; and {more} more") } else { first }
}

/// What is in a page.
#[derive(Debug, Default)]
struct Page {
    samples: usize,
    has_end: bool,
    unreadable: Vec<String>,
    duplicates: Vec<String>,
    exemplars: Vec<String>,
    families: Vec<String>,
    doubled: Vec<String>,
}

impl Page {
    fn read(text: &str, is_openmetrics: bool) -> Self {
        let mut page = Self::default();
        let mut series = HashSet::new();
        let mut types = HashMap::new();
        for (number, text) in text.lines().enumerate() {
            let number = number + 1;
            page.has_end = false;
            match line(text) {
                Ok(Line::Nothing) => {}
                Ok(Line::Eof) => page.has_end = true,
                Ok(Line::About { what, name, .. }) => page.about(number, &what, name, &mut types),
                Ok(Line::Sample(sample)) => page.sample(number, &sample, is_openmetrics, &mut series),
                Err(problem) => page.unreadable.push(format!("line {number}: {problem}")),
            }
        }
        page
    }

    fn about(&mut self, number: usize, what: &str, name: String, types: &mut HashMap<String, usize>) {
        if what != "TYPE" {
            return;
        }
        self.suffixes(&name);
        if let Some(first) = types.get(&name) {
            self.families.push(format!("line {number}: a second TYPE of {name}, after line {first}"));
        }
        types.insert(name, number);
    }

    fn suffixes(&mut self, name: &str) {
        let is_doubled = SUFFIXES.iter().any(|suffix| name.ends_with(&format!("{suffix}{suffix}")));
        if is_doubled && !self.doubled.iter().any(|known| known == name) {
            self.doubled.push(name.to_owned());
        }
    }

    fn sample(&mut self, number: usize, sample: &Sample, is_openmetrics: bool, series: &mut HashSet<String>) {
        self.samples += 1;
        if sample.has_exemplar && !is_openmetrics {
            self.exemplars.push(format!("line {number}: {} has an exemplar", sample.name));
        }
        self.suffixes(&sample.name);
        let labels: Vec<_> = sample.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let key = format!("{}{{{}}}", sample.name, labels.join(","));
        if !series.insert(key.clone()) {
            self.duplicates.push(format!("line {number}: {key} is there twice"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_judged_as_prometheus_reads_them() {
        let page = Page::read(
            "# TYPE a counter\na_total 1\na_total 1 # {trace_id=\"1\"} 1\nx_bytes_bytes 1\n<p>\n# EOF\n",
            false,
        );
        assert_eq!((page.samples, page.has_end), (3, true));
        let lens = [&page.unreadable, &page.duplicates, &page.exemplars, &page.doubled].map(Vec::len);
        assert_eq!(lens, [1, 1, 1, 1]);
        let page = Page::read("# TYPE a gauge\n# TYPE a gauge\na{b=\"1\"} 1\na{b=\"2\"} 1\n", true);
        assert_eq!((page.families.len(), page.duplicates.len(), page.has_end), (1, 0, false));
    }
}
