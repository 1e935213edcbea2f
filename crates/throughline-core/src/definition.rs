//! What a metric is, declared once: the source of the catalogue, the docs, the dashboards and the doctor's rules.
//!
//! Constants of [`MetricDef`] stand beside the instruments that use them, and a catalogue lists them all, recorded or
//! not, next to the instruments that were created at run time.

use std::fmt;

/// The kinds of instrument, as in the OpenTelemetry metrics API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification's closed list")]
pub enum InstrumentKind {
    /// A sum that only grows.
    Counter,
    /// A sum that grows and shrinks.
    UpDownCounter,
    /// The last value set.
    Gauge,
    /// A distribution of values.
    Histogram,
    /// A counter read by a callback.
    ObservableCounter,
    /// An up-down counter read by a callback.
    ObservableUpDownCounter,
    /// A gauge read by a callback.
    ObservableGauge,
}

impl InstrumentKind {
    /// The specification's name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::UpDownCounter => "up-down counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::ObservableCounter => "observable counter",
            Self::ObservableUpDownCounter => "observable up-down counter",
            Self::ObservableGauge => "observable gauge",
        }
    }

    /// Whether values come from callbacks.
    pub const fn is_observable(self) -> bool {
        matches!(self, Self::ObservableCounter | Self::ObservableUpDownCounter | Self::ObservableGauge)
    }

    /// Whether its sum only grows.
    pub const fn is_monotonic(self) -> bool {
        matches!(self, Self::Counter | Self::ObservableCounter)
    }
}

impl fmt::Display for InstrumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The number type an instrument records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification's closed list")]
pub enum NumberKind {
    /// Unsigned integers.
    U64,
    /// Signed integers.
    I64,
    /// Floats.
    F64,
}

impl fmt::Display for NumberKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F64 => "f64",
        })
    }
}

/// An attribute that an instrument may be recorded with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "plain data, written as a literal by the derive macro")]
pub struct AttributeDef {
    /// The key.
    pub key: &'static str,
    /// The values it may have, when they are a closed set of names; otherwise empty.
    pub values: &'static [&'static str],
    /// How many values there can be, when that is known.
    pub cardinality: Option<usize>,
}

/// The definition of one metric, as a constant beside the instrument that uses it.
///
/// ```
/// use throughline_core::{InstrumentKind, MetricDef, NumberKind};
///
/// const REQUESTS: MetricDef = MetricDef::new("http.requests", InstrumentKind::Counter, NumberKind::U64)
///     .with_unit("{request}")
///     .with_description("Requests answered.");
/// assert_eq!(REQUESTS.name, "http.requests");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct MetricDef {
    /// The instrument's name.
    pub name: &'static str,
    /// The kind of instrument.
    pub kind: InstrumentKind,
    /// The number type.
    pub number: NumberKind,
    /// The unit as [UCUM](https://ucum.org/ucum) writes it, or empty.
    pub unit: &'static str,
    /// What it measures, in a sentence, or empty.
    pub description: &'static str,
    /// The attributes that are known at compile time.
    pub attributes: &'static [AttributeDef],
    /// Histogram bounds that the declaration asks for.
    pub bounds: Option<&'static [f64]>,
    /// The field that is declared so, with the path of its struct, or empty.
    pub field: &'static str,
}

impl MetricDef {
    /// A definition without unit, description, attributes or bounds.
    pub const fn new(name: &'static str, kind: InstrumentKind, number: NumberKind) -> Self {
        Self { name, kind, number, unit: "", description: "", attributes: &[], bounds: None, field: "" }
    }

    /// Sets the unit.
    pub const fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Sets the description.
    pub const fn with_description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the attributes, usually to `<A as Attributes>::DEFINITIONS`.
    pub const fn with_attributes(mut self, attributes: &'static [AttributeDef]) -> Self {
        self.attributes = attributes;
        self
    }

    /// Says which field is declared so: `shop::Orders::placed`.
    pub const fn with_field(mut self, field: &'static str) -> Self {
        self.field = field;
        self
    }

    /// Sets the bounds of a histogram.
    pub const fn with_bounds(mut self, bounds: &'static [f64]) -> Self {
        self.bounds = Some(bounds);
        self
    }
}
