//! Bytes that are the same in every export, encoded once: a stream's name, unit, description and bounds, and the
//! attributes of its series.
//!
//! Owned by the encoder, so that the engine knows nothing of OTLP. The bytes of a stream's series stand one after the
//! other in the order of the points' list of series, so an export walks through them; a look at the list's version says
//! whether they are still right. Streams that are gone are dropped when they are the greater part of the cache.

use std::collections::HashMap;

use throughline_core::protobuf::{Writer, varint_len};
use throughline_metrics::data::{Histograms, Metric, Points, Series, SeriesVersion, StreamId, Values};

use super::common;

/// What was encoded of each stream.
#[derive(Debug, Default)]
pub(super) struct EncodedCache {
    streams: HashMap<StreamId, EncodedStream>,
    /// Counts collections.
    round: u32,
    /// How many streams this round has used.
    used: usize,
}

/// So many unused streams are kept whatever the size: a small cache is not worth cleaning.
const SPARE_STREAMS: usize = 64;

impl EncodedCache {
    /// What is known of this stream, its fields that are the same in every export encoded. Allocates the first time.
    pub(super) fn stream(&mut self, metric: &Metric) -> &mut EncodedStream {
        let stream = self.streams.entry(metric.id).or_insert_with(|| EncodedStream {
            header: header(metric),
            bounds: Vec::new(),
            series: EncodedSeries::default(),
            round: self.round.wrapping_sub(1),
        });
        if stream.round != self.round {
            stream.round = self.round;
            self.used += 1;
        }
        stream
    }

    /// Ends a collection; what it did not use may be dropped.
    pub(super) fn end_round(&mut self) {
        if self.streams.len() > 2 * self.used + SPARE_STREAMS {
            self.streams.retain(|_, stream| stream.round == self.round);
        }
        self.used = 0;
        self.round = self.round.wrapping_add(1);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }
}

/// One stream's bytes.
#[derive(Debug)]
pub(super) struct EncodedStream {
    /// The fields of `Metric` before its data.
    pub(super) header: Vec<u8>,
    /// The field `explicit_bounds` of its points.
    pub(super) bounds: Vec<u8>,
    pub(super) series: EncodedSeries,
    /// The round that used it last.
    round: u32,
}

impl EncodedStream {
    /// Encodes the bounds, when they are not known yet. A stream's bounds never change.
    pub(super) fn learn_bounds(&mut self, field: u32, values: &Histograms) {
        if self.bounds.is_empty() && !values.bounds().is_empty() {
            let mut writer = Writer::default();
            writer.packed_fixed64(field, values.bounds().iter().map(|bound| bound.to_bits()));
            self.bounds = writer.take();
        }
    }
}

fn header(metric: &Metric) -> Vec<u8> {
    let mut writer = Writer::default();
    common::string(&mut writer, 1, &metric.name);
    common::string(&mut writer, 2, &metric.description);
    common::string(&mut writer, 3, &metric.unit);
    writer.take()
}

/// The attributes of a list of series.
#[derive(Debug, Default)]
pub(super) struct EncodedSeries {
    version: Option<SeriesVersion>,
    bytes: Writer,
    /// Where each series ends in `bytes`.
    ends: Vec<usize>,
    scratch: Writer,
}

/// How the attributes of a kind of point are encoded.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// As this field.
    Attributes(u32),
    /// As this field, behind the start of a point in the field 1 that has so many bytes more.
    PointOf(u32, usize),
}

impl EncodedSeries {
    /// Encodes what is new in the points' list of series.
    pub(super) fn follow<V: Values>(&mut self, points: &Points<V>, shape: Shape) {
        let version = points.version();
        if self.version == Some(version) {
            return;
        }
        if !self.version.is_some_and(|known| version.extends(known)) {
            self.bytes.clear();
            self.ends.clear();
        }
        self.version = Some(version);
        for series in &points.series()[self.ends.len()..] {
            self.encode(series, shape);
        }
    }

    fn encode(&mut self, series: &Series, shape: Shape) {
        match shape {
            Shape::Attributes(field) => common::attributes(&mut self.bytes, field, &series.attributes),
            Shape::PointOf(field, rest) => {
                self.scratch.clear();
                common::attributes(&mut self.scratch, field, &series.attributes);
                let attributes = self.scratch.as_bytes();
                self.bytes.sized_message_start(1, attributes.len() + rest);
                self.bytes.raw(attributes);
            }
        }
        self.ends.push(self.bytes.as_bytes().len());
    }

    /// The bytes of the series at this place of the list.
    #[inline]
    pub(super) fn at(&self, row: usize) -> &[u8] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.bytes.as_bytes()[start..self.ends[row]]
    }
}

/// The attributes alone of what was encoded as [`Shape::PointOf`].
pub(super) fn without_start(point: &[u8], rest: usize) -> &[u8] {
    // The length of the length depends on what it counts, the attributes, which are what is left of it.
    let fits = |length: &usize| {
        let attributes = point.len() - 1 - length;
        varint_len((attributes + rest) as u64) == *length
    };
    let length = (1..=point.len().saturating_sub(1).min(10)).find(fits).unwrap_or(0);
    &point[1 + length..]
}

#[cfg(test)]
mod tests {
    use throughline_core::{AttributeSet, KeyValue, Timestamp};
    use throughline_metrics::data::{MetricData, Numbers, SeriesId};

    use super::*;

    fn series(id: u64, attributes: &[KeyValue]) -> Series {
        Series { id: SeriesId(id), attributes: AttributeSet::new(attributes), start: Timestamp::default() }
    }

    #[test]
    fn streams_that_are_gone_leave_when_they_are_the_greater_part() {
        let metric = |id: u64| Metric {
            id: StreamId(id),
            name: id.to_string().into(),
            verbatim: false,
            description: "".into(),
            unit: "".into(),
            data: MetricData::Gauge { points: Points::new(Vec::new(), Numbers::U64(Vec::new())) },
        };
        let mut cache = EncodedCache::default();
        let mut round = |ids: std::ops::Range<u64>| {
            ids.for_each(|id| assert_eq!(cache.stream(&metric(id)).header, header(&metric(id))));
            cache.end_round();
            cache.len()
        };
        assert_eq!([round(0..1000), round(0..500), round(100..200), round(0..100)], [1000, 1000, 100, 200]);
    }

    #[test]
    fn the_start_of_a_point_is_told_from_its_attributes() {
        for length in [0, 1, 90, 97, 98, 99, 100, 101, 127, 128, 16_300, 16_370, 20_000] {
            let attributes = [KeyValue::new("k", "v".repeat(length))];
            let point = Points::new(vec![series(1, &attributes)], Numbers::U64(vec![1]));
            let encoded = |shape| {
                let mut encoded = EncodedSeries::default();
                encoded.follow(&point, shape);
                encoded.at(0).to_vec()
            };
            let (whole, alone) = (encoded(Shape::PointOf(7, 27)), encoded(Shape::Attributes(7)));
            assert_eq!(without_start(&whole, 27), alone, "{length}");
        }
        assert!(without_start(&[0x0A, 27], 27).is_empty());
    }
}
