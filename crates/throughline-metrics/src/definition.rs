//! What an instrument is to be, and whether it can be that.
//!
//! `meter.rs` fills a [`Definition`] in; `provider.rs` has it checked here before it makes streams of it. What cannot be
//! is said in a warning that names the instrument, and mended where that loses nothing.

use std::borrow::Cow;

use throughline_core::unit::default_bounds;
use throughline_core::{AttributeDef, InstrumentKind, InstrumentationScope, MetricDef, NumberKind};

use crate::aggregation::bounds::Bounds;
use crate::aggregation::histogram::MAX_BOUNDS;
use crate::aggregation::{Aggregation, exponential};
use crate::view::{View, ViewAggregation};

/// What an instrument is to be.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: Cow<'static, str>,
    pub(crate) kind: InstrumentKind,
    pub(crate) number: NumberKind,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) description: Cow<'static, str>,
    pub(crate) bounds: Option<Vec<f64>>,
    pub(crate) attributes: &'static [AttributeDef],
}

impl Definition {
    pub(crate) fn new(name: Cow<'static, str>, kind: InstrumentKind, number: NumberKind) -> Self {
        let (unit, description) = (Cow::Borrowed(""), Cow::Borrowed(""));
        Self { name, kind, number, unit, description, bounds: None, attributes: &[] }
    }
}

impl From<&MetricDef> for Definition {
    fn from(def: &MetricDef) -> Self {
        Self {
            unit: Cow::Borrowed(def.unit),
            description: Cow::Borrowed(def.description),
            bounds: def.bounds.map(<[f64]>::to_vec),
            attributes: def.attributes,
            ..Self::new(Cow::Borrowed(def.name), def.kind, def.number)
        }
    }
}

/// How an instrument is aggregated; `None` when a view drops it.
pub(crate) fn aggregation(
    definition: &Definition,
    view: Option<&View>,
    is_exponential: bool,
) -> Option<Aggregation> {
    let bounds = || match &definition.bounds {
        Some(bounds) => Bounds::new(bounds),
        None => Bounds::new(default_bounds(&definition.unit)),
    };
    let is_exponential =
        is_exponential && definition.kind == InstrumentKind::Histogram && definition.bounds.is_none();
    let default = || {
        if is_exponential {
            return Aggregation::Exponential(exponential::Config::DEFAULT);
        }
        Aggregation::default_for(definition.kind, bounds)
    };
    let observable = definition.kind.is_observable();
    Some(match view.and_then(|view| view.stream.aggregation.as_ref()) {
        Some(ViewAggregation::Drop) => return None,
        None => default(),
        // As the specification has it: what a histogram records is not negative, so its sum grows.
        Some(ViewAggregation::Sum) => Aggregation::Sum {
            monotonic: definition.kind.is_monotonic() || definition.kind == InstrumentKind::Histogram,
        },
        Some(ViewAggregation::LastValue) => Aggregation::LastValue,
        Some(ViewAggregation::Histogram(bounds)) if !observable && check_each(bounds).is_ok() => {
            Aggregation::Histogram { bounds: Bounds::new(bounds) }
        }
        Some(ViewAggregation::Exponential { max_size, max_scale }) if !observable => {
            Aggregation::Exponential(exponential::Config::new(*max_size, *max_scale))
        }
        // Who chooses by a pattern does not mean every instrument that it matches.
        Some(_) if observable && view.is_some_and(View::is_pattern) => default(),
        Some(other) => {
            tracing::warn!(target: "throughline", instrument = &*definition.name,
                "a view wants {other:?} of the {} `{}`, which cannot be; it keeps its own aggregation",
                definition.kind, definition.name);
            default()
        }
    })
}

/// The specification's [syntax of instrument
/// names](https://opentelemetry.io/docs/specs/otel/metrics/api/#instrument-name-syntax).
pub(crate) fn check_name(name: &str) -> Result<(), &'static str> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/');
    if name.is_empty() {
        Err("is empty")
    } else if name.len() > 255 {
        Err("is longer than 255 characters")
    } else if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        Err("does not start with a letter")
    } else if !name.chars().all(is_allowed) {
        Err("has a character that is not allowed")
    } else {
        Ok(())
    }
}

/// Units are at most 63 ASCII characters; another one is left out, the measurements are kept.
pub(crate) fn check_unit(definition: &mut Definition) {
    if definition.unit.len() > 63 || !definition.unit.is_ascii() {
        tracing::warn!(target: "throughline", instrument = &*definition.name,
            "the unit `{}` of `{}` is left out: a unit has at most 63 ASCII characters, such as `s` or `By`",
            definition.unit, definition.name);
        definition.unit = "".into();
    }
}

/// Bounds that make no histogram give way to those that fit the unit.
pub(crate) fn check_bounds(definition: &mut Definition) {
    let Some(bounds) = &definition.bounds else { return };
    if let Err(problem) = check_each(bounds) {
        tracing::warn!(target: "throughline", instrument = &*definition.name,
            "the {} bounds of `{}` {problem}; bounds that fit the unit are used instead",
            bounds.len(), definition.name);
        definition.bounds = None;
    }
}

fn check_each(bounds: &[f64]) -> Result<(), String> {
    if bounds.len() > MAX_BOUNDS {
        Err(format!("are more than {MAX_BOUNDS}"))
    } else if let Some(bound) = bounds.iter().find(|bound| !bound.is_finite()) {
        Err(format!("are not finite: {bound}"))
    } else if let Some([first, second]) = bounds.windows(2).find(|pair| pair[0] >= pair[1]) {
        Err(format!("do not ascend: {first} comes before {second}"))
    } else {
        Ok(())
    }
}

pub(crate) fn warn_of_difference(scope: &InstrumentationScope, existing: &Definition, new: &Definition) {
    let (name, scope) = (&existing.name, scope.name());
    if existing.kind != new.kind || existing.number != new.number {
        tracing::warn!(target: "throughline", instrument = &**name, scope,
            "`{name}` is a {} of {} already and was asked for again as a {} of {}: what is recorded on the second is \
             dropped and counted. Give one of them another name",
            existing.kind, existing.number, new.kind, new.number);
    } else if existing.unit != new.unit
        || existing.description != new.description
        || existing.bounds != new.bounds
    {
        tracing::warn!(target: "throughline", instrument = &**name, scope,
            "`{name}` was asked for again with another unit, description or bounds: those of the first stand \
             (unit `{}`, description `{}`)",
            existing.unit, existing.description);
    }
}
