//! Which exemplars are shown, and with which labels.
//!
//! Part of stop 7, called by `text.rs` (OpenMetrics) and `protobuf.rs`. Text 0.0.4 has no exemplars.

use std::borrow::Cow;

use throughline_metrics::data::Exemplar;

use crate::labels::LabelNamer;

/// How many characters names and values of an exemplar's labels may have together; from the OpenMetrics standard.
const LABELS_MAX: usize = 128;

/// The latest exemplar whose value `fits`: a sample can show one.
pub(crate) fn latest(exemplars: &[Exemplar], fits: impl Fn(f64) -> bool) -> Option<&Exemplar> {
    exemplars.iter().filter(|exemplar| fits(exemplar.value.as_f64())).max_by_key(|exemplar| exemplar.time)
}

/// The labels: the trace first, then those attributes that there is room for.
pub(crate) fn labels<'a>(exemplar: &'a Exemplar, namer: LabelNamer) -> Vec<(Cow<'a, str>, String)> {
    let mut labels: Vec<(Cow<'a, str>, String)> = Vec::with_capacity(2);
    if exemplar.trace_id != [0; 16] {
        labels.push((namer.escaping.label_name("trace_id"), hex(&exemplar.trace_id)));
        labels.push((namer.escaping.label_name("span_id"), hex(&exemplar.span_id)));
    }
    let length = |name: &str, value: &str| name.chars().count() + value.chars().count();
    let mut room = LABELS_MAX.saturating_sub(labels.iter().map(|(name, value)| length(name, value)).sum());
    for (key, value) in &exemplar.attributes {
        let (name, value) = (namer.name(key), value.to_string());
        let needed = length(&name, &value);
        if needed <= room && labels.iter().all(|(present, _)| *present != name) {
            room -= needed;
            labels.push((name, value));
        }
    }
    labels
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use throughline_core::name::TranslationStrategy;
    use throughline_core::{AttributeSet, KeyValue, Timestamp};
    use throughline_metrics::data::Number;

    use super::*;
    use crate::Escaping;

    fn made(value: u64, seconds: u64, attributes: &[KeyValue]) -> Exemplar {
        Exemplar {
            value: Number::U64(value),
            time: Timestamp::from_nanos(seconds * 1_000_000_000),
            trace_id: [0xAB; 16],
            span_id: [0x01; 8],
            attributes: AttributeSet::new(attributes),
        }
    }

    const NAMER: LabelNamer = LabelNamer {
        strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
        escaping: Escaping::Underscores,
    };

    #[test]
    fn the_latest_that_fits_is_shown() {
        let exemplars = [made(1, 5, &[]), made(2, 3, &[]), made(9, 9, &[])];
        let shown = latest(&exemplars, |value| value < 5.0).expect("two fit");
        assert_eq!(shown.value, Number::U64(1));
    }

    #[test]
    fn labels_stay_within_the_limit_of_the_standard() {
        let attributes = [KeyValue::new("a.long", "x".repeat(100)), KeyValue::new("b", "é".repeat(64))];
        let exemplar = made(1, 1, &attributes);
        let labels = labels(&exemplar, NAMER);
        let names: Vec<_> = labels.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["trace_id", "span_id", "b"], "63 characters, then 65 more fit");
        assert_eq!(labels[0].1, "ab".repeat(16));
    }

    #[test]
    fn an_attribute_cannot_pose_as_the_trace_and_no_trace_is_no_label() {
        let exemplar = Exemplar { trace_id: [0; 16], ..made(1, 1, &[]) };
        assert!(labels(&exemplar, NAMER).is_empty());
        let forged = made(1, 1, &[KeyValue::new("trace.id", "forged")]);
        assert_eq!(labels(&forged, NAMER).len(), 2);
    }
}
