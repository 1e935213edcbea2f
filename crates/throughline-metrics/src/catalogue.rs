//! The catalogue: every metric of a program, recorded or not.
//!
//! [`MeterProvider::catalogue`](crate::MeterProvider::catalogue) makes it of the instruments there are and of the
//! definitions that the linker collected (`statics.rs`).

use throughline_core::{AttributeDef, InstrumentKind, MetricDef, NumberKind};

use crate::definition::Definition;
use crate::provider::InstrumentEntry;

/// One metric of a program, as [`MeterProvider::catalogue`](crate::MeterProvider::catalogue) lists it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CatalogueEntry {
    /// The name of the instrumentation scope.
    pub scope: String,
    /// The instrument's name.
    pub name: String,
    /// The kind of instrument.
    pub kind: InstrumentKind,
    /// The number type.
    pub number: NumberKind,
    /// The unit, or empty.
    pub unit: String,
    /// The description, or empty.
    pub description: String,
    /// The attributes that are known at compile time.
    pub attributes: &'static [AttributeDef],
    /// Histogram bounds that the declaration asks for.
    pub bounds: Option<Vec<f64>>,
    /// How many series it has now. Zero: declared, but nothing was recorded.
    pub series: usize,
    /// Whether it ever reached its limit of series.
    pub overflowed: bool,
}

impl CatalogueEntry {
    pub(crate) fn new(scope: &str, entry: &InstrumentEntry) -> Self {
        let Definition { name, kind, number, unit, description, bounds, attributes } =
            entry.definition.clone();
        Self {
            scope: scope.to_owned(),
            name: name.into_owned(),
            kind,
            number,
            unit: unit.into_owned(),
            description: description.into_owned(),
            attributes,
            bounds,
            series: entry.streams.iter().map(|stream| stream.series.len()).sum(),
            overflowed: entry.streams.iter().any(|stream| stream.series.has_overflowed()),
        }
    }

    pub(crate) fn declared(scope: &str, def: &MetricDef) -> Self {
        Self::new(scope, &InstrumentEntry { definition: def.into(), streams: Vec::new() })
    }
}
