//! A series' labels, rendered once and kept by its [`SeriesId`](throughline_metrics::data::SeriesId).
//!
//! Part of stop 7. `family.rs` asks for them when it sees a series for the first time and keeps the bytes for as long as
//! the series lives, so that a scrape copies them. Text formats get `a="1",b="2"`, protobuf gets `LabelPair` fields.

use std::borrow::Cow;
use std::fmt::Write as _;

use throughline_core::attribute::ValueRef;
use throughline_core::name::TranslationStrategy;
use throughline_core::protobuf::Writer;
use throughline_core::{AttributeSet, InstrumentationScope};

use crate::escaping::{Escaping, label_needs_quotes};

/// Label names and values, sorted by name, each name once, no value empty.
pub(crate) type Labels = Vec<(String, String)>;

/// The bucket bound's label: an attribute of that name on a histogram would forge buckets.
pub(crate) const BOUND: &str = "le";

/// How keys become label names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LabelNamer {
    pub(crate) strategy: TranslationStrategy,
    pub(crate) escaping: Escaping,
}

impl LabelNamer {
    /// The label name of a key.
    pub(crate) fn name(self, key: &str) -> Cow<'_, str> {
        match self.strategy.label_name(key) {
            Cow::Borrowed(name) => self.escaping.label_name(name),
            Cow::Owned(name) => Cow::Owned(self.escaping.label_name(&name).into_owned()),
        }
    }

    /// The labels of an attribute set. Values of keys that get the same name are joined with `;` in order of the keys.
    ///
    /// `__name__` would rename the series and is left out. Empty values are left out too: to Prometheus they are no
    /// label at all, and two series that differ by them alone would be one.
    pub(crate) fn labels(self, attributes: &AttributeSet) -> Labels {
        let mut labels = Labels::with_capacity(attributes.len());
        for (key, value) in attributes {
            let name = self.name(key);
            if name != "__name__" {
                add(&mut labels, name, value);
            }
        }
        finish(&mut labels);
        labels
    }

    /// The labels that name a scope: `otel_scope_name` and its like.
    pub(crate) fn scope_labels(self, scope: &InstrumentationScope) -> Labels {
        let mut labels = Labels::new();
        let own =
            [("name", Some(scope.name())), ("version", scope.version()), ("schema_url", scope.schema_url())];
        for attribute in scope.attributes() {
            let key = attribute.key.as_str();
            if own.iter().all(|(reserved, _)| *reserved != key) {
                add(&mut labels, self.name(&format!("otel_scope_{key}")), ValueRef::from(&attribute.value));
            }
        }
        for (key, value) in own {
            add(&mut labels, self.name(&format!("otel_scope_{key}")), ValueRef::Str(value.unwrap_or("")));
        }
        finish(&mut labels);
        labels
    }

    /// The labels of a series: its attributes', then its scope's, which win. On a histogram an attribute `le` becomes
    /// `exported_le`, as Prometheus itself does with labels that are in the way.
    pub(crate) fn series(self, attributes: &AttributeSet, scope: &Labels, histogram: bool) -> Labels {
        let mut labels = self.labels(attributes);
        labels.retain(|(name, _)| scope.iter().all(|(scope_name, _)| scope_name != name));
        labels.extend_from_slice(scope);
        if histogram {
            for (name, _) in labels.iter_mut().filter(|(name, _)| name == BOUND) {
                "exported_le".clone_into(name);
            }
        }
        finish(&mut labels);
        labels
    }
}

fn add(labels: &mut Labels, name: Cow<'_, str>, value: ValueRef<'_>) {
    if let Some((_, present)) = labels.iter_mut().find(|(present, _)| *present == name) {
        let separator = if present.is_empty() { "" } else { ";" };
        write!(present, "{separator}{value}").expect("a string takes everything");
    } else {
        labels.push((name.into_owned(), value.to_string()));
    }
}

fn finish(labels: &mut Labels) {
    labels.retain(|(_, value)| !value.is_empty());
    labels.sort_by(|(a, _), (b, _)| a.cmp(b));
    labels.dedup_by(|(later, _), (first, _)| later == first);
}

/// Labels as the text formats have them, without the braces.
pub(crate) fn to_text(labels: &[(impl AsRef<str>, impl AsRef<str>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        if !out.is_empty() {
            out.push(b',');
        }
        write_name(&mut out, name.as_ref(), label_needs_quotes(name.as_ref()));
        out.extend_from_slice(b"=\"");
        escape(&mut out, value.as_ref(), true);
        out.push(b'"');
    }
    out
}

/// Labels as `LabelPair` messages in the field `field`.
pub(crate) fn to_protobuf(writer: &mut Writer, field: u32, labels: &[(impl AsRef<str>, impl AsRef<str>)]) {
    for (name, value) in labels {
        writer.message(field, |pair| {
            pair.string(1, name.as_ref());
            pair.string(2, value.as_ref());
        });
    }
}

/// Appends a name, in quotes if it needs them.
pub(crate) fn write_name(out: &mut Vec<u8>, name: &str, quoted: bool) {
    if quoted {
        out.push(b'"');
        escape(out, name, true);
        out.push(b'"');
    } else {
        out.extend_from_slice(name.as_bytes());
    }
}

/// Appends text with backslash and line feed escaped, and the double quote where `quotes` says so.
///
/// These three are all that the formats know. Everything else, tab, carriage return, NUL and zero-width characters
/// included, stands for itself: an escape that no parser knows would be read as two characters.
pub(crate) fn escape(out: &mut Vec<u8>, text: &str, quotes: bool) {
    let mut rest = text.as_bytes();
    let special = |byte: &u8| *byte == b'\\' || *byte == b'\n' || (quotes && *byte == b'"');
    while let Some(place) = rest.iter().position(special) {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(match rest[place] {
            b'\n' => br"\n",
            b'"' => br#"\""#,
            _ => br"\\",
        });
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use throughline_core::KeyValue;

    use super::*;

    const NAMER: LabelNamer = LabelNamer {
        strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
        escaping: Escaping::Underscores,
    };

    fn rendered(attributes: &[(&'static str, &'static str)]) -> String {
        let attributes: Vec<_> = attributes.iter().map(|(k, v)| KeyValue::new(*k, *v)).collect();
        let labels = NAMER.labels(&AttributeSet::new(&attributes[..]));
        String::from_utf8(to_text(&labels)).expect("UTF-8")
    }

    #[test]
    fn keys_with_the_same_label_name_are_joined_in_their_order() {
        assert_eq!(
            rendered(&[("http_method", "b"), ("http.method", "a"), ("a", "z")]),
            r#"a="z",http_method="a;b""#
        );
        assert_eq!(rendered(&[("x.y", ""), ("x_y", "b")]), r#"x_y="b""#);
    }

    #[test]
    fn what_would_rename_the_series_or_is_empty_is_left_out() {
        assert_eq!(rendered(&[("__name__", "forged"), ("empty", ""), ("1st", "x")]), r#"key_1st="x""#);
    }

    #[test]
    fn only_what_the_formats_know_is_escaped() {
        let value = "C:\\x \\\\ \" \n \t \r \0 \u{200b} é";
        let expected = "v=\"C:\\\\x \\\\\\\\ \\\" \\n \t \r \0 \u{200b} é\"";
        assert_eq!(rendered(&[("v", value)]), expected);
    }

    #[test]
    fn names_that_need_quotes_have_them() {
        let namer =
            LabelNamer { strategy: TranslationStrategy::NoTranslation, escaping: Escaping::AllowUtf8 };
        let attributes = AttributeSet::new(&[KeyValue::new("a.\"b", 1)][..]);
        assert_eq!(to_text(&namer.labels(&attributes)), br#""a.\"b"="1""#);
    }

    #[test]
    fn the_scope_wins_and_its_reserved_attributes_are_left_out() {
        let scope = InstrumentationScope::builder("lib")
            .with_attributes([KeyValue::new("name", "other"), KeyValue::new("mascot.kind", "bear")])
            .build();
        let labels = NAMER.series(
            &AttributeSet::new(&[KeyValue::new("otel.scope.name", "forged"), KeyValue::new("le", "1")][..]),
            &NAMER.scope_labels(&scope),
            true,
        );
        let expected = br#"exported_le="1",otel_scope_mascot_kind="bear",otel_scope_name="lib""#;
        assert_eq!(to_text(&labels), expected);
    }
}
