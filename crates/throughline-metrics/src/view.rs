//! Views: how a stream differs from what its instrument asked for.
//!
//! A provider matches each new instrument against its views. Every view that matches makes a stream; without a match
//! the instrument has the stream it asked for. Called by `provider.rs`; the result is a `stream.rs`.
//!
//! Specification: [view](https://opentelemetry.io/docs/specs/otel/metrics/sdk/#view).

use std::borrow::Cow;

use throughline_core::{InstrumentKind, InstrumentationScope};

use crate::aggregation::exponential::Config;

/// Chooses instruments, and says how their streams are to be.
///
/// ```
/// use throughline_core::InstrumentKind;
/// use throughline_metrics::view::View;
///
/// let views = [
///     View::of("http.server.*").kind(InstrumentKind::Histogram).bounds([0.01, 0.1, 1.0]),
///     View::of("db.queries").drop_keys(["db.query.text"]).limit(100),
///     View::of("noisy.*").drop(),
/// ];
/// ```
#[derive(Clone, Debug)]
pub struct View {
    instrument: Cow<'static, str>,
    kind: Option<InstrumentKind>,
    unit: Option<Cow<'static, str>>,
    scope: Option<Cow<'static, str>>,
    pub(crate) stream: StreamChanges,
}

/// What a view changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamChanges {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) description: Option<Cow<'static, str>>,
    pub(crate) keys: KeyFilter,
    pub(crate) aggregation: Option<ViewAggregation>,
    pub(crate) limit: Option<usize>,
}

/// An aggregation that a view can choose.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ViewAggregation {
    Drop,
    Sum,
    LastValue,
    Histogram(Vec<f64>),
    Exponential { max_size: usize, max_scale: i32 },
}

impl View {
    /// A view of the instruments whose name matches: `*` stands for any number of characters, `?` for one.
    pub fn of(instrument: impl Into<Cow<'static, str>>) -> Self {
        let instrument = instrument.into();
        Self { instrument, kind: None, unit: None, scope: None, stream: StreamChanges::default() }
    }

    /// Only instruments of this kind.
    pub fn kind(mut self, kind: InstrumentKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only instruments with this unit.
    pub fn unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Only instruments of the scope with this name.
    pub fn scope(mut self, scope: impl Into<Cow<'static, str>>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Gives the stream another name.
    pub fn rename(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.stream.name = Some(name.into());
        self
    }

    /// Gives the stream another description.
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.stream.description = Some(description.into());
        self
    }

    /// Keeps only these attribute keys; series that then are equal become one.
    pub fn keep_keys<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.stream.keys = KeyFilter::Keep(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Drops these attribute keys; series that then are equal become one.
    pub fn drop_keys<K: Into<Cow<'static, str>>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.stream.keys = KeyFilter::Drop(keys.into_iter().map(Into::into).collect());
        self
    }

    /// Sets the limit of series.
    pub fn limit(mut self, limit: usize) -> Self {
        self.stream.limit = Some(limit);
        self
    }

    /// Makes no stream: recording on the instrument then costs next to nothing.
    pub fn drop(self) -> Self {
        self.aggregate(ViewAggregation::Drop)
    }

    /// Aggregates to a sum.
    pub fn sum(self) -> Self {
        self.aggregate(ViewAggregation::Sum)
    }

    /// Keeps the last value.
    pub fn last_value(self) -> Self {
        self.aggregate(ViewAggregation::LastValue)
    }

    /// Aggregates to a histogram with these upper bounds, ascending and finite; others are refused with a warning.
    pub fn bounds(self, bounds: impl Into<Vec<f64>>) -> Self {
        self.aggregate(ViewAggregation::Histogram(bounds.into()))
    }

    /// Aggregates to a base-2 exponential histogram with at most 160 buckets, at the finest scale they allow.
    pub fn exponential(self) -> Self {
        let Config { max_size, max_scale } = Config::DEFAULT;
        self.exponential_with(max_size, max_scale)
    }

    /// As [`exponential`](Self::exponential), with at most `max_size` buckets (2 to 512) on either side of zero and
    /// a scale of at most `max_scale` (-10 to 8). Values outside are brought inside.
    pub fn exponential_with(self, max_size: usize, max_scale: i32) -> Self {
        self.aggregate(ViewAggregation::Exponential { max_size, max_scale })
    }

    fn aggregate(mut self, aggregation: ViewAggregation) -> Self {
        self.stream.aggregation = Some(aggregation);
        self
    }

    /// Whether it chooses by a pattern: then an instrument that it cannot apply to is not worth a warning.
    pub(crate) fn is_pattern(&self) -> bool {
        self.instrument.contains(['*', '?'])
    }

    /// Whether an instrument is one of those chosen.
    pub(crate) fn matches(
        &self,
        scope: &InstrumentationScope,
        name: &str,
        kind: InstrumentKind,
        unit: &str,
    ) -> bool {
        let is = |wanted: &Option<Cow<'static, str>>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        glob(self.instrument.as_bytes(), name.as_bytes())
            && self.kind.is_none_or(|wanted| wanted == kind)
            && is(&self.unit, unit)
            && is(&self.scope, scope.name())
    }
}

/// Whether `text` matches `pattern`, ASCII letters in either case, as instrument names are compared.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        (Some((b'?', rest)), Some((_, text))) => glob(rest, text),
        (Some((a, pattern)), Some((b, text))) => a.eq_ignore_ascii_case(b) && glob(pattern, text),
        _ => false,
    }
}

/// Which attribute keys a stream keeps.
#[derive(Clone, Debug, Default)]
pub(crate) enum KeyFilter {
    #[default]
    All,
    Keep(Vec<Cow<'static, str>>),
    Drop(Vec<Cow<'static, str>>),
}

impl KeyFilter {
    pub(crate) fn keeps(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Keep(keys) => keys.iter().any(|kept| kept == key),
            Self::Drop(keys) => !keys.iter().any(|dropped| dropped == key),
        }
    }

    pub(crate) fn keeps_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("http.*", "http.server", true),
            ("http.*", "https", false),
            ("*.duration", "a.b.duration", true),
            ("h?p", "HTP", true),
            ("a*b*c", "a-b-b-c", true),
            ("a", "ab", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }
}
