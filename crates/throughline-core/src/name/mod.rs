//! The one translator from OpenTelemetry names to Prometheus names.
//!
//! It belongs to no stop: the Prometheus exporter, the dashboards, the alerts, the generated docs and the doctor all
//! ask it, so that a query written by one finds the series written by another. It is also what keeps the two ways into
//! Prometheus together: a metric that is scraped has the name that it gets when it is sent over OTLP. Therefore,
//! wherever the OpenTelemetry [compatibility specification] and the OTLP receiver of Prometheus 3.15 part, the
//! receiver is followed, and `receiver.tsv` beside this file holds its answers for the test to compare with. They part here:
//!
//! | the specification says | Prometheus 3.15 and this module do |
//! |---|---|
//! | runs of `_` become one, in metric names and labels | only in metric names with suffixes; label `a..b` is `a__b` |
//! | a unit is a suffix: `seconds_left`, `s` is `seconds_left_seconds` | a unit anywhere in the name is not added again |
//! | only the `{…}` of a unit is dropped: `By{x}` is `bytes` | the part with the `{…}` is dropped: nothing is added |
//! | nothing on labels that start with `_` | `_a` is `key_a` (and `__a` stays) |
//!
//! No suffix stands twice: `requests_total` stays, and `connections.total.open` becomes `connections_open_total`. This is
//! the one place where the receiver is not followed: it makes `sent_per_second_per_second` of `sent_per_second` with the
//! unit `1/s`, which nobody means. Who names a metric so and sends it over OTLP too should leave the unit out.
//! Units are taken as they are; whoever accepts them from a user may [`normalize`](crate::unit::normalize) them first,
//! and then sends the normalised ones over OTLP too.
//!
//! [compatibility specification]: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::InstrumentKind;
use crate::unit;

/// How much of a name is translated; what `translation_strategy` means to Prometheus and to OpenTelemetry.
///
/// ```
/// use throughline_core::name::{FamilyKind, TranslationStrategy};
///
/// let strategy = TranslationStrategy::default();
/// assert_eq!(strategy.metric_name("http.requests", "{request}", FamilyKind::Counter)?, "http_requests_total");
/// assert_eq!(strategy.metric_name("http.latency", "s", FamilyKind::Histogram)?, "http_latency_seconds");
/// assert_eq!(strategy.label_name("http.method"), "http_method");
/// # Ok::<(), throughline_core::name::NameError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the specification's closed list")]
pub enum TranslationStrategy {
    /// Characters that old Prometheus versions refuse become `_`; unit and `_total` are added.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Characters that old Prometheus versions refuse become `_`; nothing is added.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay as they are, dots too; unit and `_total` are added.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are.
    NoTranslation,
}

impl TranslationStrategy {
    /// All of them, the default first.
    pub const ALL: [Self; 4] = [
        Self::UnderscoreEscapingWithSuffixes,
        Self::UnderscoreEscapingWithoutSuffixes,
        Self::NoUtf8EscapingWithSuffixes,
        Self::NoTranslation,
    ];

    /// The specification's spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnderscoreEscapingWithSuffixes => "UnderscoreEscapingWithSuffixes",
            Self::UnderscoreEscapingWithoutSuffixes => "UnderscoreEscapingWithoutSuffixes",
            Self::NoUtf8EscapingWithSuffixes => "NoUTF8EscapingWithSuffixes",
            Self::NoTranslation => "NoTranslation",
        }
    }

    /// Whether names keep characters that old Prometheus versions refuse.
    pub const fn keeps_utf8(self) -> bool {
        matches!(self, Self::NoUtf8EscapingWithSuffixes | Self::NoTranslation)
    }

    /// Whether unit and `_total` are added.
    pub const fn adds_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }

    /// The name of the metric family, `_total` of a counter included; a histogram's `_bucket`, `_sum` and `_count`
    /// come behind it. Allocates.
    ///
    /// # Errors
    /// When nothing of the name is left: it is empty, or consists of characters that are all replaced.
    pub fn metric_name(self, name: &str, unit: &str, kind: FamilyKind) -> Result<String, NameError> {
        let translated = match (self.keeps_utf8(), self.adds_suffixes()) {
            (false, true) => escaped_with_suffixes(name, unit, kind),
            (false, false) => escaped(name),
            (true, true) if !name.is_empty() => kept_with_suffixes(name, unit, kind),
            (true, _) => name.to_owned(),
        };
        let only_underscores =
            !self.keeps_utf8() && translated != name && translated.bytes().all(|b| b == b'_');
        let nothing_left = translated.is_empty() || only_underscores;
        if nothing_left { Err(NameError { name: name.to_owned() }) } else { Ok(translated) }
    }

    /// The name of the label of an attribute. Allocates only when it differs from the key.
    ///
    /// Two keys can get the same label name; whoever writes the labels joins the values with `;`, in order of the keys.
    /// Keys of which nothing is left, for which Prometheus refuses the whole metric, become `key_` and underscores,
    /// so that the series still arrives.
    pub fn label_name(self, key: &str) -> Cow<'_, str> {
        if key.is_empty() {
            return Cow::Borrowed("key_");
        }
        if self.keeps_utf8() {
            return Cow::Borrowed(key);
        }
        let sanitized = replace(key, |c| c.is_ascii_alphanumeric() || c == '_');
        let prefix = match sanitized.as_bytes() {
            [b'0'..=b'9', ..] => "key_",
            [b'_', b'_', rest @ ..] if rest.iter().all(|b| *b == b'_') => "key_",
            [b'_', b'_', ..] => "",
            [b'_', ..] => "key",
            _ => "",
        };
        if prefix.is_empty() { sanitized } else { Cow::Owned(format!("{prefix}{sanitized}")) }
    }
}

impl fmt::Display for TranslationStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads the specification's spelling, in any case, and with underscores between the words as in configuration files.
impl FromStr for TranslationStrategy {
    type Err = ParseStrategyError;

    fn from_str(text: &str) -> Result<Self, ParseStrategyError> {
        let letters: String = text.trim().chars().filter(|c| *c != '_').collect();
        let known = Self::ALL.into_iter().find(|strategy| strategy.as_str().eq_ignore_ascii_case(&letters));
        known.ok_or_else(|| ParseStrategyError { text: text.to_owned() })
    }
}

/// What a metric is to Prometheus; it decides the suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the data model's closed list")]
pub enum FamilyKind {
    /// A sum that only grows: `_total`.
    Counter,
    /// A sum that grows and shrinks; Prometheus calls it a gauge.
    UpDown,
    /// A last value; `_ratio` when the unit is `1`.
    Gauge,
    /// A distribution, with explicit bounds or exponential.
    Histogram,
}

impl From<InstrumentKind> for FamilyKind {
    fn from(kind: InstrumentKind) -> Self {
        match kind {
            InstrumentKind::Counter | InstrumentKind::ObservableCounter => Self::Counter,
            InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => Self::UpDown,
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Self::Gauge,
            InstrumentKind::Histogram => Self::Histogram,
        }
    }
}

/// A name of which nothing is left in Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameError {
    name: String,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the name `{}` has no character that a Prometheus name can have", self.name)
    }
}

impl std::error::Error for NameError {}

/// A word that is no translation strategy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseStrategyError {
    text: String,
}

impl fmt::Display for ParseStrategyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no translation strategy; there are", self.text)?;
        let mut separator = " ";
        for strategy in TranslationStrategy::ALL {
            write!(f, "{separator}{strategy}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl std::error::Error for ParseStrategyError {}

/// The name cut into its words, without those that will be added, then put together again.
fn escaped_with_suffixes(name: &str, unit: &str, kind: FamilyKind) -> String {
    let mut tokens: Vec<&str> = name.split(|c| !is_name_char(c)).filter(|token| !token.is_empty()).collect();
    let unit::Words { main, per } = unit::words(unit);
    let (main, per) = (unit::clean(main), unit::clean(&per));
    let per = match &*per {
        "per_" => "",
        per => per.strip_suffix('_').unwrap_or(per),
    };
    let is_rate = tokens.join("_").trim_end_matches("_total").ends_with(per) && !per.is_empty();
    let per = if is_rate { "" } else { per };
    let mut main = if tokens.contains(&&*main) { "" } else { &*main };
    if !per.is_empty() {
        main = main.strip_suffix('_').unwrap_or(main);
    }
    tokens.extend([main, per].into_iter().filter(|token| !token.is_empty()));
    if let Some(suffix) = kind_suffix(unit, kind) {
        tokens.retain(|token| *token != suffix);
        tokens.push(suffix);
    }
    prefix_digit(tokens.join("_"))
}

fn escaped(name: &str) -> String {
    let tokens = name.split(|c| !is_name_char(c) && c != '_').filter(|token| !token.is_empty());
    prefix_digit(tokens.collect::<Vec<_>>().join("_"))
}

/// The suffixes behind a name that is kept. A suffix that is there is cut off, with the one character before it, and
/// added again, so that the order is always unit, rate, kind.
fn kept_with_suffixes(name: &str, unit: &str, kind: FamilyKind) -> String {
    let kind = kind_suffix(unit, kind);
    let unit::Words { main, per } = unit::words(unit);
    let mut rest = name;
    for suffix in [kind.unwrap_or(""), &per] {
        rest = cut_suffix(rest, suffix);
    }
    let mut translated = rest.to_owned();
    let missing_main = if rest.ends_with(main) { "" } else { main };
    for suffix in [missing_main, &per, kind.unwrap_or("")] {
        if !suffix.is_empty() {
            translated.push('_');
            translated.push_str(suffix);
        }
    }
    translated
}

fn cut_suffix<'a>(name: &'a str, suffix: &str) -> &'a str {
    let Some(rest) = name.strip_suffix(suffix).filter(|_| !suffix.is_empty()) else {
        return name;
    };
    let mut chars = rest.chars();
    chars.next_back();
    if chars.as_str().is_empty() { name } else { chars.as_str() }
}

fn kind_suffix(unit: &str, kind: FamilyKind) -> Option<&'static str> {
    match kind {
        FamilyKind::Counter => Some("total"),
        FamilyKind::Gauge if unit == "1" => Some("ratio"),
        FamilyKind::Gauge | FamilyKind::UpDown | FamilyKind::Histogram => None,
    }
}

fn prefix_digit(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}

fn replace(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.chars().all(&keep) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|c| if keep(c) { c } else { '_' }).collect())
}

#[cfg(test)]
mod tests;
