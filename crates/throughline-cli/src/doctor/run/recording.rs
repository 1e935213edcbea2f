//! What the application sent, added up as it comes: `proxy.rs` adds each request, `judge.rs` and `show.rs` read the sum.
//!
//! It comes from a program that is perhaps broken, so everything that is remembered has a limit, and what is beyond is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::decode::{Batch, Contents, Encoding, Metric, Signal};

/// Instruments whose points are counted.
const INSTRUMENTS_MAX: usize = 10_000;
/// Scopes of a signal.
const SCOPES_MAX: usize = 1000;
/// Resources: a process has one, a program of several processes a few.
const RESOURCES_MAX: usize = 50;
/// Attributes of a resource.
const ATTRIBUTES_MAX: usize = 100;
/// Of a name, a value or a path.
const TEXT_CHARS_MAX: usize = 200;
/// Encodings, senders and refusals that are told apart.
const KINDS_MAX: usize = 20;

/// A request as it came, and what was answered.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) path: String,
    pub(super) encoding: Encoding,
    /// Who sends, as it says itself.
    pub(super) agent: String,
    /// When it was complete, since the child was started.
    pub(super) at: Duration,
    pub(super) bytes_sent: u64,
    /// What is in it; none without a signal.
    pub(super) contents: Option<(Signal, Result<Contents, String>)>,
    pub(super) answer: Answer,
}

impl Exchange {
    pub(super) fn new(path: &str, encoding: Encoding, at: Duration) -> Self {
        let (path, agent) = (path.to_owned(), String::new());
        Self { path, encoding, agent, at, bytes_sent: 0, contents: None, answer: Answer::default() }
    }
}

/// How the request ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// In the words of an exporter; none when it was taken.
    pub(super) refusal: Option<String>,
    /// Items that were not taken, of a request that was.
    pub(super) rejected: u64,
    /// What was said about that.
    pub(super) message: String,
}

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Recording {
    pub(super) signals: BTreeMap<Signal, Traffic>,
    pub(super) resources: BTreeSet<Vec<(String, String)>>,
    /// By scope and name.
    pub(super) instruments: BTreeMap<(String, String), Instrument>,
    /// Paths that are not OTLP's, and how often each was refused. Other telemetry has paths of its own, and is taken.
    pub(super) strange: BTreeMap<String, u64>,
    /// What could not be read, and how often.
    pub(super) unreadable: BTreeMap<String, u64>,
    /// Instruments, scopes and resources beyond the limits.
    pub(super) forgotten: u64,
}

/// The requests of a signal.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) requests: u64,
    /// Points, spans or log records that were sent; what was sent again counts again.
    pub(super) items: u64,
    /// Those that were taken.
    pub(super) taken: u64,
    /// As they were sent, and without compression.
    pub(super) bytes_sent: u64,
    pub(super) bytes: u64,
    pub(super) encodings: BTreeSet<Encoding>,
    pub(super) agents: BTreeSet<String>,
    /// Items by scope.
    pub(super) scopes: BTreeMap<String, u64>,
    pub(super) first: Option<Duration>,
    pub(super) last: Duration,
    pub(super) longest_gap: Duration,
    /// Why requests were refused, and how often.
    pub(super) refusals: BTreeMap<String, u64>,
    pub(super) rejected: u64,
    pub(super) rejected_because: String,
}

/// The metrics of one name.
#[derive(Debug, Default)]
pub(super) struct Instrument {
    pub(super) unit: String,
    pub(super) kind: &'static str,
    pub(super) temporality: &'static str,
    pub(super) points: u64,
    pub(super) exports: u64,
}

impl Recording {
    pub(super) fn add(&mut self, exchange: Exchange) {
        let Exchange { path, encoding, agent, at, bytes_sent, contents, answer } = exchange;
        let (path, agent) = (bounded(path), bounded(agent));
        let Some((signal, contents)) = contents else {
            if answer.refusal.is_some() {
                count(&mut self.strange, path);
            }
            return;
        };
        let Contents { bytes, batches } = match contents {
            Ok(contents) => contents,
            Err(why) => {
                count(&mut self.unreadable, format!("{}: {why}", signal.name()));
                Contents { bytes: bytes_sent, batches: Vec::new() }
            }
        };
        let items = batches.iter().map(Batch::items).sum();
        let traffic = self.signals.entry(signal).or_default();
        traffic.add(at, items, answer);
        traffic.bytes_sent += bytes_sent;
        traffic.bytes += bytes;
        remember(&mut traffic.encodings, encoding, KINDS_MAX);
        remember(&mut traffic.agents, agent, KINDS_MAX);
        for batch in batches {
            self.add_batch(signal, batch);
        }
    }

    fn add_batch(&mut self, signal: Signal, batch: Batch) {
        let items = batch.items();
        let Batch { resource, scope, metrics, records: _ } = batch;
        let resource = resource.into_iter().take(ATTRIBUTES_MAX);
        let resource = resource.map(|(key, value)| (bounded(key), bounded(value))).collect();
        let scope = bounded(scope);
        if !remember(&mut self.resources, resource, RESOURCES_MAX) {
            self.forgotten += 1;
        }
        let scopes = &mut self.signals.entry(signal).or_default().scopes;
        match place(scopes, scope.clone(), SCOPES_MAX) {
            Some(of_scope) => *of_scope += items,
            None => self.forgotten += 1,
        }
        for Metric { name, unit, kind, temporality, points } in metrics {
            match place(&mut self.instruments, (scope.clone(), bounded(name)), INSTRUMENTS_MAX) {
                Some(instrument) => {
                    let (points, exports) = (instrument.points + points, instrument.exports + 1);
                    *instrument = Instrument { unit: bounded(unit), kind, temporality, points, exports };
                }
                None => self.forgotten += 1,
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.signals.is_empty() && self.strange.is_empty()
    }

    /// When the last request came.
    pub(super) fn last(&self) -> Option<Duration> {
        self.signals.values().map(|traffic| traffic.last).max()
    }
}

impl Traffic {
    fn add(&mut self, at: Duration, items: u64, answer: Answer) {
        let Answer { refusal, rejected, message } = answer;
        if self.first.is_some() {
            self.longest_gap = self.longest_gap.max(at.saturating_sub(self.last));
        }
        self.first.get_or_insert(at);
        self.last = self.last.max(at);
        self.requests += 1;
        self.items += items;
        match refusal {
            Some(refusal) => count(&mut self.refusals, refusal),
            None => self.taken += items.saturating_sub(rejected),
        }
        if rejected > 0 {
            self.rejected += rejected;
            self.rejected_because = message;
        }
    }
}

fn bounded(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

fn count(counts: &mut BTreeMap<String, u64>, what: String) {
    // What is beyond is counted with the last one: there is more than enough to mend.
    if counts.len() < KINDS_MAX || counts.contains_key(&what) {
        *counts.entry(what).or_default() += 1;
    } else if let Some(mut last) = counts.last_entry() {
        *last.get_mut() += 1;
    }
}

/// False when there is no room for it.
fn remember<T: Ord>(known: &mut BTreeSet<T>, value: T, limit: usize) -> bool {
    known.contains(&value) || (known.len() < limit && known.insert(value))
}

/// The entry of a key, a new one while there is room.
fn place<K: Ord, V: Default>(known: &mut BTreeMap<K, V>, key: K, limit: usize) -> Option<&mut V> {
    if known.len() >= limit && !known.contains_key(&key) {
        return None;
    }
    Some(known.entry(key).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(at: u64, name: &str, answer: Answer) -> Exchange {
        let metrics = vec![Metric { name: name.to_owned(), points: 3, kind: "counter", ..Metric::default() }];
        let batch = Batch { scope: "shop".to_owned(), metrics, ..Batch::default() };
        Exchange {
            path: "/v1/metrics".to_owned(),
            encoding: Encoding { protocol: "grpc".to_owned(), compression: "gzip".to_owned() },
            agent: "test".to_owned(),
            at: Duration::from_secs(at),
            bytes_sent: 10,
            contents: Some((Signal::Metrics, Ok(Contents { bytes: 20, batches: vec![batch] }))),
            answer,
        }
    }

    #[test]
    fn requests_are_added_up() {
        let mut recording = Recording::default();
        recording.add(exchange(1, "a", Answer::default()));
        recording.add(exchange(5, "a", Answer { rejected: 2, ..Answer::default() }));
        recording.add(exchange(6, "b", Answer { refusal: Some("no".to_owned()), ..Answer::default() }));
        let traffic = &recording.signals[&Signal::Metrics];
        assert_eq!((traffic.requests, traffic.items, traffic.taken, traffic.rejected), (3, 9, 4, 2));
        assert_eq!((traffic.bytes_sent, traffic.bytes, traffic.scopes["shop"]), (30, 60, 9));
        assert_eq!(traffic.first, Some(Duration::from_secs(1)));
        assert_eq!((traffic.longest_gap, traffic.last), (Duration::from_secs(4), Duration::from_secs(6)));
        let instrument = &recording.instruments[&("shop".to_owned(), "a".to_owned())];
        assert_eq!((instrument.points, instrument.exports), (6, 2));
    }

    #[test]
    fn what_is_remembered_has_limits() {
        let mut recording = Recording::default();
        let refused = || Answer { refusal: Some("no".to_owned()), ..Answer::default() };
        for number in 0..INSTRUMENTS_MAX + 5 {
            recording.add(exchange(1, &number.to_string(), Answer::default()));
        }
        assert_eq!((recording.instruments.len(), recording.forgotten), (INSTRUMENTS_MAX, 5));
        for number in 0..2 * KINDS_MAX {
            let path = format!("/{number}");
            recording.add(Exchange { path, contents: None, ..exchange(1, "", refused()) });
        }
        assert_eq!(recording.strange.len(), KINDS_MAX);
        assert_eq!(recording.strange.values().sum::<u64>(), 2 * KINDS_MAX as u64);
    }
}
