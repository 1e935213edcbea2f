//! What is known of a callsite: which of its fields are measurements, and the instruments they are recorded on.

use std::cell::OnceCell;

use throughline_macros::{AttributeValue, Attributes};
use throughline_metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use tracing::Metadata;
use tracing::field::Field;

use super::attributes::{EventAttributes, name};

/// Fields that begin so are measurements. None begins as another does.
const PREFIXES: [(&str, Kind); 4] = [
    ("monotonic_counter.", Kind::Counter),
    ("counter.", Kind::UpDownCounter),
    ("histogram.", Kind::Histogram),
    ("gauge.", Kind::Gauge),
];

#[derive(Clone, Copy, Debug)]
enum Kind {
    Counter,
    UpDownCounter,
    Histogram,
    Gauge,
}

/// Whether a field of this name is a measurement.
pub(super) fn is_metric(name: &str) -> bool {
    PREFIXES.iter().any(|(prefix, _)| name.starts_with(prefix))
}

/// What the fields of a callsite are, by their places.
pub(super) struct Site(Vec<Role>);

enum Role {
    Measurement(Measured),
    Attribute,
    /// The text of an event, which is no attribute.
    Message,
}

impl Site {
    pub(super) fn new(metadata: &Metadata<'_>) -> Self {
        Self(metadata.fields().iter().map(|field| Role::of(&field)).collect())
    }

    /// The measurement that this field is.
    pub(super) fn measured(&self, field: &Field) -> Option<&Measured> {
        match self.0.get(field.index())? {
            Role::Measurement(measured) => Some(measured),
            Role::Attribute | Role::Message => None,
        }
    }

    pub(super) fn is_attribute(&self, field: &Field) -> bool {
        matches!(self.0.get(field.index()), Some(Role::Attribute))
    }
}

impl Role {
    fn of(field: &Field) -> Self {
        let name = name(field);
        let metric = PREFIXES.iter().find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(prefix)?)));
        match metric {
            Some((kind, name)) => Self::Measurement(Measured::new(kind, name)),
            None if name == "message" => Self::Message,
            None => Self::Attribute,
        }
    }
}

/// A measurement, with the instruments for both types of number, as they are needed.
pub(super) struct Measured {
    kind: Kind,
    name: &'static str,
    integers: OnceCell<Integers>,
    floats: OnceCell<Floats>,
}

enum Integers {
    Counter(Counter<u64, EventAttributes<'static>>),
    UpDownCounter(UpDownCounter<i64, EventAttributes<'static>>),
    Gauge(Gauge<i64, EventAttributes<'static>>),
    /// Histograms have sums of floats everywhere, so there is one for all numbers.
    Histogram,
}

enum Floats {
    Counter(Counter<f64, EventAttributes<'static>>),
    UpDownCounter(UpDownCounter<f64, EventAttributes<'static>>),
    Gauge(Gauge<f64, EventAttributes<'static>>),
    Histogram(Histogram<f64, EventAttributes<'static>>),
}

/// Why a measurement was not recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Attributes)]
#[attribute(crate = throughline_core)]
pub(super) struct Dropped {
    pub(super) reason: Reason,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
pub(super) enum Reason {
    /// A counter that only grows was given a negative number.
    NegativeIncrement,
    /// An integer that is larger than the largest signed one.
    OutOfRange,
    /// The field has no number.
    NotANumber,
}

impl Measured {
    fn new(kind: Kind, name: &'static str) -> Self {
        Self { kind, name, integers: OnceCell::new(), floats: OnceCell::new() }
    }

    /// Records an integer, or says why not.
    pub(super) fn integer(
        &self,
        meter: &Meter,
        value: i64,
        attributes: &EventAttributes<'_>,
    ) -> Result<(), Reason> {
        match self.integers(meter) {
            Integers::Counter(counter) => {
                counter.add(u64::try_from(value).map_err(|_negative| Reason::NegativeIncrement)?, attributes);
            }
            Integers::UpDownCounter(counter) => counter.add(value, attributes),
            Integers::Gauge(gauge) => gauge.set(value, attributes),
            Integers::Histogram => self.float(meter, value as f64, attributes),
        }
        Ok(())
    }

    /// The same for one without a sign.
    pub(super) fn unsigned(
        &self,
        meter: &Meter,
        value: u64,
        attributes: &EventAttributes<'_>,
    ) -> Result<(), Reason> {
        match self.integers(meter) {
            Integers::Counter(counter) => counter.add(value, attributes),
            Integers::Histogram => self.float(meter, value as f64, attributes),
            Integers::UpDownCounter(_) | Integers::Gauge(_) => {
                let value = i64::try_from(value).map_err(|_too_large| Reason::OutOfRange)?;
                self.integer(meter, value, attributes)?;
            }
        }
        Ok(())
    }

    /// Records a float. The engine drops and counts what cannot be.
    pub(super) fn float(&self, meter: &Meter, value: f64, attributes: &EventAttributes<'_>) {
        match self.floats(meter) {
            Floats::Counter(counter) => counter.add(value, attributes),
            Floats::UpDownCounter(counter) => counter.add(value, attributes),
            Floats::Gauge(gauge) => gauge.set(value, attributes),
            Floats::Histogram(histogram) => histogram.record(value, attributes),
        }
    }

    fn integers(&self, meter: &Meter) -> &Integers {
        self.integers.get_or_init(|| match self.kind {
            Kind::Counter => Integers::Counter(meter.u64_counter(self.name).with_attributes().build()),
            Kind::UpDownCounter => {
                Integers::UpDownCounter(meter.i64_up_down_counter(self.name).with_attributes().build())
            }
            Kind::Gauge => Integers::Gauge(meter.i64_gauge(self.name).with_attributes().build()),
            Kind::Histogram => Integers::Histogram,
        })
    }

    fn floats(&self, meter: &Meter) -> &Floats {
        self.floats.get_or_init(|| match self.kind {
            Kind::Counter => Floats::Counter(meter.f64_counter(self.name).with_attributes().build()),
            Kind::UpDownCounter => {
                Floats::UpDownCounter(meter.f64_up_down_counter(self.name).with_attributes().build())
            }
            Kind::Gauge => Floats::Gauge(meter.f64_gauge(self.name).with_attributes().build()),
            Kind::Histogram => Floats::Histogram(meter.f64_histogram(self.name).with_attributes().build()),
        })
    }
}
