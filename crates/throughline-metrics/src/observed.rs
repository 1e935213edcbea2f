//! The series that callbacks report: part of stop 5.
//!
//! They have no cells. `collect.rs` hands over what the callbacks said in one round; each reader remembers for itself which
//! series that were, so that a series keeps its id, and what it reported last.

use std::collections::HashMap;

use throughline_core::attribute::ValueRef;
use throughline_core::{AttributeSet, KeyValue, Timestamp};

use crate::data::SeriesId;
use crate::instrument::observable::Observation;
use crate::number::Number;
use crate::series::OVERFLOW_KEY;
use crate::stream::{Stream, next_series_id};

/// The series that callbacks report to one reader.
#[derive(Debug, Default)]
pub(crate) struct Observed {
    series: HashMap<AttributeSet, ObservedSeries, foldhash::fast::RandomState>,
    round: u64,
}

#[derive(Debug)]
pub(crate) struct ObservedSeries {
    pub(crate) id: SeriesId,
    pub(crate) attributes: AttributeSet,
    /// When this reader first saw it.
    pub(crate) start: Timestamp,
    pub(crate) bits: u64,
    /// What the last collection saw.
    pub(crate) reported: Option<u64>,
    /// In which round it was last reported.
    round: u64,
}

impl Observed {
    /// Takes in one round of observations and gives the series reported in it, in order of their first appearance.
    /// Those that were not reported are gone.
    pub(crate) fn update<N: Number>(
        &mut self,
        stream: &Stream,
        now: Timestamp,
        mut seen: Vec<Observation>,
        sums: bool,
    ) -> Vec<&mut ObservedSeries> {
        self.round += 1;
        let round = self.round;
        if sums && (!stream.keys.keeps_all() || seen.len() > stream.series.limit()) {
            keep_last(&mut seen);
        }
        let is_known = |seen: &Observation| self.series.contains_key(&seen.attributes);
        let seen = seen.into_iter().map(|seen| filtered(stream, seen));
        let (known, new): (Vec<_>, Vec<_>) = seen.partition(is_known);
        for observation in known {
            self.take::<N>(stream, now, observation, sums);
        }
        // What was not reported again makes room; the overflow series may still come.
        self.series.retain(|attributes, series| series.round == round || is_overflow(attributes));
        for mut observation in new {
            self.limit(stream, &mut observation);
            self.take::<N>(stream, now, observation, sums);
        }
        self.series.retain(|_, series| series.round == round);
        stream.series.note_observed(self.series.len());
        let mut current: Vec<_> = self.series.values_mut().collect();
        current.sort_unstable_by_key(|series| series.id);
        current
    }

    fn take<N: Number>(&mut self, stream: &Stream, now: Timestamp, seen: Observation, sums: bool) {
        let Observation { attributes, bits } = seen;
        let series = self.series.entry(attributes).or_insert_with_key(|attributes| ObservedSeries {
            id: next_series_id(),
            attributes: attributes.clone(),
            start: now,
            bits: 0,
            reported: None,
            round: 0,
        });
        // Observations that a view, or the limit, made equal are added up; otherwise the last one counts.
        let merged = series.round == self.round
            && sums
            && (!stream.keys.keeps_all() || is_overflow(&series.attributes));
        let sum = || N::from_bits(series.bits).plus(N::from_bits(bits)).saturated().to_bits();
        series.bits = if merged { sum() } else { bits };
        series.round = self.round;
    }

    /// Sends what is beyond the limit to the overflow series.
    fn limit(&self, stream: &Stream, seen: &mut Observation) {
        if self.series.len() < stream.series.limit() || self.series.contains_key(&seen.attributes) {
            return;
        }
        let overflow = AttributeSet::new(&[KeyValue::new(OVERFLOW_KEY, true)][..]);
        let series = self.series.len() - usize::from(self.series.contains_key(&overflow));
        if series >= stream.series.limit() {
            stream.series.note_overflow(stream, || self.series.keys().cloned().collect());
            seen.attributes = overflow;
        }
    }
}

/// Keeps the last observation of each attribute set, as callbacks gave it.
fn keep_last(seen: &mut Vec<Observation>) {
    let mut known = std::collections::HashSet::new();
    seen.reverse();
    seen.retain(|observation| known.insert(observation.attributes.clone()));
    seen.reverse();
}

fn is_overflow(attributes: &AttributeSet) -> bool {
    attributes.value(OVERFLOW_KEY) == Some(ValueRef::Bool(true))
}

/// The observation with those attributes that the stream keeps.
fn filtered(stream: &Stream, seen: Observation) -> Observation {
    if stream.keys.keeps_all() {
        return seen;
    }
    Observation { attributes: seen.attributes.filtered(|key| stream.keys.keeps(key)), ..seen }
}
