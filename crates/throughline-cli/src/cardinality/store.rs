//! The series that a Prometheus has: those of its head, which are what it keeps in memory and says of itself in
//! `/api/v1/status/tsdb`. Asked for one instrument after the other, so that memory holds one at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::RandomState;
use std::time::Duration;

use axum::http::HeaderMap;

use super::instrument::{Instrument, family_of};
use super::tally::{NUMBERS_MAX, Tally};
use crate::generate::server::Server;
use crate::http::Client;
use crate::progress::Progress;

/// A million series take it some seconds to list, and a slow line minutes to carry.
const TIMEOUT: Duration = Duration::from_secs(600);

/// Reads the store.
///
/// # Errors
/// When it cannot be asked, or has more of one instrument than can be counted.
pub(super) async fn read(url: &str) -> anyhow::Result<Vec<Instrument>> {
    let server = Server::new(Client::new(TIMEOUT), url, HeaderMap::new());
    let since = since(&server).await;
    let range: Vec<_> = since.iter().map(|since| ("start", &**since)).collect();
    let names = server.data("label/__name__/values", &range).await?;
    let names: BTreeSet<String> = serde_json::from_value(names)?;
    let mut families: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in &names {
        families.entry(family_of(name, |other| names.contains(other))).or_default().push(name);
    }
    let progress = Progress::of("instruments", families.len());
    let (mut instruments, hash) = (Vec::new(), RandomState::new());
    for (family, names) in families {
        let mut tallies = BTreeMap::new();
        for name in names {
            let tally = tally(&server, name, &range, &hash).await?;
            // A series may have gone since names were listed.
            if !tally.series.is_empty() {
                tallies.insert(name.to_owned(), tally);
            }
        }
        if !tallies.is_empty() {
            instruments.push(Instrument::of(family, tallies));
        }
        progress.step();
    }
    Ok(instruments)
}

/// The beginning of the head, in seconds. Servers that only speak Prometheus' language may not say: all is looked at then.
async fn since(server: &Server) -> Option<String> {
    let head = server.data("status/tsdb", &[]).await.ok()?;
    let milliseconds = head["headStats"]["minTime"].as_i64().filter(|time| *time > 0)?;
    Some(format!("{:.3}", milliseconds as f64 / 1e3))
}

async fn tally(
    server: &Server,
    name: &str,
    range: &[(&str, &str)],
    hash: &RandomState,
) -> anyhow::Result<Tally> {
    let matcher = format!("{{__name__={name:?}}}");
    let query: Vec<_> = range.iter().copied().chain([("match[]", &*matcher)]).collect();
    let (mut tally, mut numbers) = (Tally::default(), 0);
    let mut add = |mut labels: BTreeMap<String, String>| {
        labels.remove("__name__");
        numbers += tally.add(&labels, hash);
        if numbers > NUMBERS_MAX {
            return Err(format!(
                "{name} has more than {} series: too many to count exactly",
                tally.series.len()
            ));
        }
        Ok(())
    };
    server.each_series(&query, &mut add).await?;
    Ok(tally)
}
