//! Reads the demo's own `/metrics`, as Prometheus would, and makes a row of the table from it.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::http::Client;
use anyhow::{Result, anyhow, ensure};

/// Above the rows.
pub(crate) const HEADER: &str = "  requests     req/s   p50 ms   p99 ms   errors   active";

const DURATION: &str = "http_server_request_duration_seconds";
const ACTIVE: &str = "http_server_active_requests";

/// Reads the endpoint, and remembers what it said last.
#[derive(Debug)]
pub(crate) struct Readback {
    url: String,
    client: Client,
    last: Sample,
    at: Instant,
}

/// What one scrape says about requests.
#[derive(Clone, Debug, Default)]
struct Sample {
    count: f64,
    failed: f64,
    active: f64,
    /// Cumulative counts by upper bound, all routes together.
    buckets: BTreeMap<u64, f64>,
}

impl Readback {
    pub(crate) fn new(client: Client, url: &str) -> Self {
        Self { url: url.to_owned(), client, last: Sample::default(), at: Instant::now() }
    }

    /// Scrapes, and shows the time since the last row.
    pub(crate) async fn row(&mut self) -> Result<String> {
        let answer = self.client.get(&self.url).await.map_err(|error| anyhow!("scraping: {error}"))?;
        ensure!(answer.is_success(), "{} answers {}", self.url, answer.status);
        let now = Sample::parse(&answer.body);
        let elapsed = self.at.elapsed().as_secs_f64();
        let row = now.row(&self.last, elapsed);
        (self.last, self.at) = (now, Instant::now());
        Ok(row)
    }
}

impl Sample {
    /// Picks the lines that the table is about. Label values of the demo hold no spaces or braces.
    fn parse(text: &str) -> Self {
        let mut sample = Self::default();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            match name.strip_prefix(DURATION) {
                Some("_count") => {
                    sample.count += value;
                    let ok = label(labels, "http_response_status_code") == Some("200");
                    sample.failed += if ok { 0.0 } else { value };
                }
                Some("_bucket") => {
                    let bound =
                        label(labels, "le").and_then(|le| le.parse::<f64>().ok()).unwrap_or(f64::INFINITY);
                    *sample.buckets.entry(bound.to_bits()).or_default() += value;
                }
                _ if name == ACTIVE => sample.active += value,
                _ => {}
            }
        }
        sample
    }

    fn row(&self, earlier: &Self, seconds: f64) -> String {
        let count = self.count - earlier.count;
        let errors = if count > 0.0 { (self.failed - earlier.failed) / count * 100.0 } else { 0.0 };
        let quantile = |q| self.quantile(earlier, q) * 1000.0;
        format!(
            "{:>10.0} {:>9.1} {:>8.3} {:>8.3} {:>7.1}% {:>8.0}",
            self.count,
            count / seconds,
            quantile(0.5),
            quantile(0.99),
            errors,
            self.active,
        )
    }

    /// As PromQL's `histogram_quantile` over the time between the two, in seconds; 0 when nothing happened.
    fn quantile(&self, earlier: &Self, q: f64) -> f64 {
        // Bounds are not negative, so their bits are in the order of their values.
        let increase = |(bound, value): (&u64, &f64)| {
            (f64::from_bits(*bound), value - earlier.buckets.get(bound).unwrap_or(&0.0))
        };
        let buckets: Vec<_> = self.buckets.iter().map(increase).collect();
        let total = buckets.last().map_or(0.0, |(_, count)| *count);
        let rank = q * total;
        let (mut lower, mut below) = (0.0, 0.0);
        for (upper, count) in buckets {
            if count >= rank && count > below {
                let share = (rank - below) / (count - below);
                return if upper.is_finite() { lower + (upper - lower) * share } else { lower };
            }
            (lower, below) = (upper, count);
        }
        0.0
    }
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    labels.trim_end_matches('}').split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        (key == name).then(|| value.trim_matches('"'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLIER: &str = r#"# HELP http_server_request_duration_seconds Duration.
http_server_request_duration_seconds_bucket{http_route="/a",le="0.005"} 10
http_server_request_duration_seconds_bucket{http_route="/a",le="0.01"} 10
http_server_request_duration_seconds_bucket{http_route="/a",le="+Inf"} 10
http_server_request_duration_seconds_count{http_route="/a",http_response_status_code="200"} 10
"#;
    const LATER: &str = r#"
http_server_request_duration_seconds_bucket{http_route="/a",le="0.005"} 60
http_server_request_duration_seconds_bucket{http_route="/a",le="0.01"} 110
http_server_request_duration_seconds_bucket{http_route="/a",le="+Inf"} 110
http_server_request_duration_seconds_count{http_route="/a",http_response_status_code="200"} 100
http_server_request_duration_seconds_count{http_route="/b",http_response_status_code="500"} 10
http_server_active_requests 3
"#;

    #[test]
    fn a_row_shows_what_happened_since_the_last_one() {
        let row = Sample::parse(LATER).row(&Sample::parse(EARLIER), 10.0);
        let columns: Vec<_> = row.split_whitespace().collect();
        assert_eq!(columns, ["110", "10.0", "5.000", "9.900", "10.0%", "3"]);
    }

    #[test]
    fn nothing_happened() {
        let sample = Sample::parse(EARLIER);
        assert!(sample.row(&sample, 1.0).contains("0.00"));
    }
}
