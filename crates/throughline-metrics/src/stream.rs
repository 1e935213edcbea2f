//! A stream: one instrument as one view shows it, and the series recorded in it.
//!
//! Made by `provider.rs` when an instrument is created. Recording comes in through `series.rs`, which finds the
//! series, and leaves through [`Stream::record`], which aggregates; `collect.rs` reads the series.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use throughline_core::attribute::{AttributeEncoder, Attributes};
use throughline_core::{AttributeSet, Clock, InstrumentKind, NumberKind};

use crate::aggregation::Aggregation;
use crate::cache::Scopes;
use crate::cell::Sharing;
use crate::data::{SeriesId, StreamId};
use crate::drops::Drops;
use crate::exemplar::{ExemplarFilter, Reservoir, TraceContext};
use crate::number::Number;
use crate::series::{Series, SeriesTable};
use crate::view::KeyFilter;

/// What all streams of a provider share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) drops: Drops,
    pub(crate) exemplars: ExemplarFilter,
}

/// One instrument as one view shows it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) name: Arc<str>,
    pub(crate) description: Arc<str>,
    pub(crate) unit: Arc<str>,
    pub(crate) kind: InstrumentKind,
    pub(crate) number: NumberKind,
    pub(crate) aggregation: Aggregation,
    pub(crate) keys: KeyFilter,
    pub(crate) series: SeriesTable,
    pub(crate) scopes: Scopes,
    pub(crate) shared: Arc<Shared>,
    /// How many series have exemplars, or had: at least that many. While it stays, readers know which.
    pub(crate) reservoirs: AtomicUsize,
}

/// Exemplars kept of a series whose buckets are not known beforehand.
const EXPONENTIAL_EXEMPLARS: usize = 8;

impl Stream {
    /// Records a finite value, measured with these attributes, in one of this stream's series. Who can do without an
    /// exemplar, and knows where the series has its cells, is faster alone.
    #[inline(never)]
    pub(crate) fn record<N: Number, A: Attributes + ?Sized>(
        &self,
        series: &Series,
        value: N,
        attributes: &A,
    ) {
        self.aggregation.record(&series.cells, value);
        if let Some(context) = self.shared.exemplars.admit() {
            self.offer_exemplar(series, value, context, self.dropped(attributes));
        }
    }

    /// Those attributes that the stream does not keep.
    pub(crate) fn dropped<A: Attributes + ?Sized>(&self, attributes: &A) -> AttributeSet {
        if self.keys.keeps_all() {
            return AttributeSet::empty();
        }
        AttributeEncoder::default().encode(attributes, |key| !self.keys.keeps(key)).to_set()
    }

    #[cold]
    fn offer_exemplar<N: Number>(
        &self,
        series: &Series,
        value: N,
        context: TraceContext,
        dropped: AttributeSet,
    ) {
        let time = self.shared.clock.now();
        let (places, place) = match &self.aggregation {
            Aggregation::Histogram { bounds } => (bounds.len() + 1, bounds.bucket(value.as_f64())),
            // Half a power of two for each place, so that exemplars show small values as well as large ones.
            Aggregation::Exponential(_) => {
                let half_octave = value.as_f64().to_bits() >> (f64::MANTISSA_DIGITS - 2);
                (EXPONENTIAL_EXEMPLARS, half_octave as usize % EXPONENTIAL_EXEMPLARS)
            }
            Aggregation::Sum { .. } | Aggregation::LastValue => (1, 0),
        };
        let is_first = series.exemplars.get().is_none();
        let reservoir = series.exemplars.get_or_init(|| Box::new(Reservoir::new(places)));
        if is_first {
            // Release: whoever sees it counted finds it.
            self.reservoirs.fetch_add(1, Ordering::Release);
        }
        reservoir.offer(place, value.to_data(), time, context, dropped);
    }

    /// Whether this is its name, in either case.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// A new series. Allocates, and takes slots.
    pub(crate) fn new_series(&self, attributes: AttributeSet, sharing: Sharing) -> Series {
        Series::new(next_series_id(), attributes, self.shared.clock.now(), self.aggregation.cells(sharing))
    }
}

/// A number for a series, never given twice in a process.
pub(crate) fn next_series_id() -> SeriesId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    SeriesId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A number for a stream, never given twice in a process.
pub(crate) fn next_stream_id() -> StreamId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    StreamId(NEXT.fetch_add(1, Ordering::Relaxed))
}
