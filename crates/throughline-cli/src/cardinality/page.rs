//! The series of a page that is scraped, of whatever exporter: asked for as Prometheus asks, and read line by line.

use std::collections::BTreeMap;
use std::hash::RandomState;
use std::io::{BufRead, BufReader, Read as _};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderValue};
use tokio::task::block_in_place;

use super::instrument::{Instrument, family_of};
use super::tally::{NUMBERS_MAX, Tally};
use crate::doctor::exposition::{Line, line};
use crate::http::{Client, shown};
use crate::progress::Progress;

/// What Prometheus asks for unless told: other formats have other series.
const FORMATS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

/// A page of a million series takes seconds, and over a slow line minutes.
const TIMEOUT: Duration = Duration::from_secs(600);

/// No line of a page is longer.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Reads the page.
///
/// # Errors
/// When it cannot be had, or a line of it is not in the format.
pub(super) async fn read(url: &str) -> anyhow::Result<Vec<Instrument>> {
    let place = shown(url);
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(FORMATS))]);
    let page = Client::new(TIMEOUT).open(url, headers).await;
    let page = page.map_err(|error| anyhow!("scrape {place}: {error}"))?;
    let tallies = block_in_place(|| tally(BufReader::new(page)));
    Ok(instruments(tallies.with_context(|| format!("read {place}"))?))
}

/// What is counted of each name of the page.
fn tally(mut page: impl BufRead) -> anyhow::Result<BTreeMap<String, Tally>> {
    let (hash, progress) = (RandomState::new(), Progress::count("series"));
    let (mut tallies, mut numbers, mut series) = (BTreeMap::<String, Tally>::new(), 0, 0);
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        let bytes = page.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
        if bytes == 0 {
            break;
        }
        match line(&String::from_utf8_lossy(&text)) {
            Ok(Line::Sample(sample)) => {
                numbers += tallies.entry(sample.name).or_default().add(&sample.labels, &hash);
                series += 1;
                progress.at(series);
            }
            Ok(_) => {}
            Err(problem) => bail!("line {number}: {problem}; `throughline doctor --scrape` says more"),
        }
        ensure!(
            numbers <= NUMBERS_MAX,
            "after {series} series there are too many to count exactly; ask Prometheus, which is asked for one \
             instrument after the other: --prometheus URL"
        );
    }
    ensure!(series > 0, "there are no metrics");
    Ok(tallies)
}

fn instruments(tallies: BTreeMap<String, Tally>) -> Vec<Instrument> {
    let families: BTreeMap<String, String> = tallies
        .keys()
        .map(|name| (name.clone(), family_of(name, |other| tallies.contains_key(other))))
        .collect();
    let mut by_family: BTreeMap<String, BTreeMap<String, Tally>> = BTreeMap::new();
    for (name, tally) in tallies {
        let family = families.get(&name).cloned().unwrap_or_default();
        by_family.entry(family).or_default().insert(name, tally);
    }
    by_family.into_iter().map(|(name, tallies)| Instrument::of(name, tallies)).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn a_histogram_has_the_series_of_the_store() {
        let mut page = String::from("# TYPE a histogram\n");
        for user in 0..20 {
            for route in ["/", "/b"] {
                let labels = format!("user=\"{user}\",route=\"{route}\"");
                for le in ["1", "+Inf"] {
                    writeln!(page, "a_bucket{{{labels},le=\"{le}\"}} 1").unwrap();
                }
                writeln!(page, "a_sum{{{labels}}} 1\na_count{{{labels}}} 1").unwrap();
            }
        }
        page.push_str("# TYPE b counter\nb_total{otel_metric_overflow=\"true\"} 1\n");
        let found = instruments(tally(page.as_bytes()).unwrap());
        let [a, b] = &*found else { panic!("{found:?}") };
        assert_eq!((&*a.name, a.series, a.sets, a.stored.len()), ("a", Some(160), Some(40), 3));
        let (user, left) = a.heaviest().unwrap();
        assert_eq!((&*user.key, user.values, left), ("user", Some(20), 8));
        assert!(b.has_overflow && b.heaviest().is_none() && !a.has_overflow);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for page in ["<html>\n", "", "a{b=1} 1\n"] {
            assert!(tally(page.as_bytes()).is_err(), "{page}");
        }
    }
}
