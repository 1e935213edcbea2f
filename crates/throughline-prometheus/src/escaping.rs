//! What becomes of names that Prometheus before version 3 could not read, when the scraper asks for it.
//!
//! A name first is what the configured [`TranslationStrategy`](throughline_core::name::TranslationStrategy) makes of
//! it; a strategy that keeps dots then meets the `escaping=` that the scraper asked for. Called by `view.rs`, once
//! for each name.
//!
//! Prometheus 3.15 asks for `allow-utf-8` with OpenMetrics 1.0.0 and text 1.0.0 only. With protobuf, which it prefers
//! when it scrapes native histograms, it asks for nothing, and then gets underscores, from us as from its own clients:
//! strategies that keep dots do not go well with native histograms.
//!
//! The schemes are those of
//! [Prometheus](https://prometheus.io/docs/instrumenting/escaping_schemes/).

use std::borrow::Cow;
use std::fmt::Write as _;

/// An escaping scheme of the exposition formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the closed list of the formats")]
pub enum Escaping {
    /// `allow-utf-8`: names as they are, in quotes where they need them.
    AllowUtf8,
    /// `underscores`: what a scraper gets that asks for nothing. `a.b` is `a_b`; cannot be undone.
    #[default]
    Underscores,
    /// `dots`: `a.b` is `a_dot_b`, and `a_b` is `a__b`.
    Dots,
    /// `values`: `a.b` is `U__a_2e_b`; can be undone.
    Values,
}

impl Escaping {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::AllowUtf8, Self::Underscores, Self::Dots, Self::Values];

    /// The scheme as the `escaping` parameter writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }

    pub(crate) fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.as_str().eq_ignore_ascii_case(value))
    }

    pub(crate) fn metric_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, |c| is_label_char(c) || c == ':')
    }

    pub(crate) fn label_name(self, name: &str) -> Cow<'_, str> {
        self.escape(name, is_label_char)
    }

    fn escape(self, name: &str, is_valid: impl Fn(char) -> bool) -> Cow<'_, str> {
        let valid_at = |place: usize, c: char| is_valid(c) && !(place == 0 && c.is_ascii_digit());
        let keep = match self {
            Self::AllowUtf8 => true,
            Self::Underscores | Self::Values => name.char_indices().all(|(place, c)| valid_at(place, c)),
            Self::Dots => false,
        };
        if keep {
            return Cow::Borrowed(name);
        }
        let mut out = String::with_capacity(name.len() + 8);
        if self == Self::Values {
            out.push_str("U__");
        }
        for (place, c) in name.char_indices() {
            match (self, c) {
                (Self::Dots | Self::Values, '_') => out.push_str("__"),
                (Self::Dots, '.') => out.push_str("_dot_"),
                _ if valid_at(place, c) => out.push(c),
                (Self::Values, _) => write!(out, "_{:x}_", u32::from(c)).expect("a string takes everything"),
                (Self::Dots, _) => out.push_str("__"),
                _ => out.push('_'),
            }
        }
        Cow::Owned(out)
    }
}

/// Whether a metric name has to stand in quotes.
pub(crate) fn metric_needs_quotes(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(|c| is_label_char(c) || c == ':')
}

/// Whether a label name has to stand in quotes.
pub(crate) fn label_needs_quotes(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(is_label_char)
}

fn is_label_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_as_the_scheme_says() {
        for (name, underscores, dots, values) in [
            ("plain:name", "plain:name", "plain:name", "plain:name"),
            ("snake_name", "snake_name", "snake__name", "snake_name"),
            ("a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"),
            ("1st", "_st", "__st", "U___31_st"),
            ("é", "_", "__", "U___e9_"),
        ] {
            assert_eq!(Escaping::Underscores.metric_name(name), underscores);
            assert_eq!(Escaping::Dots.metric_name(name), dots);
            assert_eq!(Escaping::Values.metric_name(name), values);
            assert_eq!(Escaping::AllowUtf8.metric_name(name), name);
        }
    }

    #[test]
    fn a_colon_is_for_metric_names_only() {
        assert_eq!(Escaping::Underscores.label_name("a:b"), "a_b");
        assert!(label_needs_quotes("a:b") && !metric_needs_quotes("a:b"));
    }
}
