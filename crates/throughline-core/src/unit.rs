//! Units: from [UCUM](https://ucum.org/ucum) codes to the words that end a Prometheus name, and the histogram bounds
//! that fit a unit.
//!
//! OpenTelemetry writes `s` and `By/s`, Prometheus writes `seconds` and `bytes_per_second`. The tables are those of
//! Prometheus' own OTLP receiver (3.15) and of the Collector, spellings included (`TiBy` is `tibibytes` there): a unit
//! has to become the same word on every path. A unit that is in no table is taken as the word itself.
//!
//! Called by [`name`](crate::name), which puts the words into names, by the engine, which picks bounds, and by
//! whoever accepts a unit from a user and wants to [`normalize`] it.

use std::borrow::Cow;

/// The UCUM spelling of a unit that is commonly written as a word; any other unit is returned as it is.
///
/// Units are case sensitive; the words are not. Only exact spellings are known, `requests` stays `requests`.
///
/// ```
/// use throughline_core::unit::normalize;
///
/// assert_eq!(normalize("seconds"), "s");
/// assert_eq!(normalize("bytes/sec"), "By/s");
/// assert_eq!(normalize("{request}"), "{request}");
/// ```
pub fn normalize(unit: &str) -> Cow<'_, str> {
    let trimmed = unit.trim();
    match trimmed.split_once('/') {
        Some((main, per)) => {
            let (new_main, new_per) = (spelling(main), spelling(per));
            if (new_main, new_per) == (main, per) {
                Cow::Borrowed(trimmed)
            } else {
                Cow::Owned(format!("{new_main}/{new_per}"))
            }
        }
        None => Cow::Borrowed(spelling(trimmed)),
    }
}

/// The Prometheus word for a unit, `bytes_per_second` for `By/s`; empty for `1`, for annotations such as
/// `{request}`, and for no unit.
///
/// This is what `# UNIT` says, where the name ends with it. Allocates only for units in no table.
///
/// ```
/// use throughline_core::unit::prometheus_word;
///
/// assert_eq!(prometheus_word("ms"), "milliseconds");
/// assert_eq!(prometheus_word("{request}/s"), "per_second");
/// assert_eq!(prometheus_word("{request}"), "");
/// ```
pub fn prometheus_word(unit: &str) -> Cow<'_, str> {
    let Words { main, per } = words(unit);
    let (main, per) = (clean(main), clean(&per).into_owned());
    let joined = match (main.is_empty(), per.is_empty()) {
        (_, true) => main,
        (true, false) => Cow::Owned(per),
        (false, false) => Cow::Owned(format!("{main}_{per}")),
    };
    let without = joined.strip_suffix('_').map(str::to_owned);
    without.map_or(joined, Cow::Owned)
}

/// Upper bounds for a histogram of this unit, when its declaration asks for none.
///
/// - Time (`s`, `ms`, `us`, `ns`, and their common spellings): 1 ms to 60 s. These are the bounds that the HTTP semantic
///   conventions ask for, 5 ms to 10 s, so that dashboards made for those work, with two more below for calls inside a
///   machine and two above for calls to models and batches. The p95 of anything from 1 ms to 60 s can be told.
/// - `By`: each four times the one before, 64 B to 1 GiB: messages, bodies, files.
/// - Anything else: the default bounds of the OpenTelemetry specification, 0 to 10 000.
///
/// ```
/// use throughline_core::unit::default_bounds;
///
/// assert_eq!(default_bounds("s").len(), default_bounds("ms").len());
/// assert_eq!(default_bounds("By").last(), Some(&1_073_741_824.0));
/// ```
pub fn default_bounds(unit: &str) -> &'static [f64] {
    match &*normalize(unit) {
        "s" => &SECONDS,
        "ms" => &MILLISECONDS,
        "us" => &MICROSECONDS,
        "ns" => &NANOSECONDS,
        "By" => &BYTES,
        _ => &COUNTS,
    }
}

/// A unit's two parts as Prometheus words, before characters that a name cannot have are replaced.
pub(crate) struct Words<'a> {
    /// The part before the slash, or empty.
    pub(crate) main: &'a str,
    /// `per_` and the part behind the slash, or empty.
    pub(crate) per: String,
}

pub(crate) fn words(unit: &str) -> Words<'_> {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let per = match without_annotation(per) {
        "" => String::new(),
        per => format!("per_{}", singular(per)),
    };
    Words { main: plural(without_annotation(main)), per }
}

/// Replaces what a name cannot have by `_`, runs of it by one, and drops one in front.
pub(crate) fn clean(word: &str) -> Cow<'_, str> {
    if word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b':') {
        return Cow::Borrowed(word);
    }
    let mut cleaned = String::with_capacity(word.len());
    for c in word.chars() {
        if c.is_ascii_alphanumeric() || c == ':' {
            cleaned.push(c);
        } else if !cleaned.ends_with('_') {
            cleaned.push('_');
        }
    }
    match cleaned.strip_prefix('_') {
        Some(rest) => Cow::Owned(rest.to_owned()),
        None => Cow::Owned(cleaned),
    }
}

/// `{request}` counts things: it is no unit. A part with an annotation anywhere is dropped whole, as Prometheus does.
fn without_annotation(part: &str) -> &str {
    if part.contains(['{', '}']) { "" } else { part.trim() }
}

fn plural(unit: &str) -> &str {
    match unit {
        "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => other,
    }
}

fn singular(per: &str) -> &str {
    match per {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => other,
    }
}

/// Kilobytes are written `KBy`, not UCUM's `kBy`, because that is the code that Prometheus and the Collector know.
fn spelling(unit: &str) -> &str {
    const SPELLINGS: [(&[&str], &str); 18] = [
        (&["seconds", "second", "secs", "sec"], "s"),
        (&["milliseconds", "millisecond", "millis", "msec", "msecs"], "ms"),
        (&["microseconds", "microsecond", "micros", "usec", "usecs", "µs", "μs"], "us"),
        (&["nanoseconds", "nanosecond", "nanos", "nsec", "nsecs"], "ns"),
        (&["minutes", "minute", "mins"], "min"),
        (&["hours", "hour"], "h"),
        (&["days", "day"], "d"),
        (&["bytes", "byte"], "By"),
        (&["bits", "bit"], "bit"),
        (&["kibibytes", "kibibyte", "kib"], "KiBy"),
        (&["mebibytes", "mebibyte", "mib"], "MiBy"),
        (&["gibibytes", "gibibyte", "gib"], "GiBy"),
        (&["tebibytes", "tebibyte", "tib"], "TiBy"),
        (&["kilobytes", "kilobyte"], "KBy"),
        (&["megabytes", "megabyte"], "MBy"),
        (&["gigabytes", "gigabyte"], "GBy"),
        (&["percent", "percents"], "%"),
        (&["ratio"], "1"),
    ];
    let known = SPELLINGS.iter().find(|(words, _)| words.iter().any(|word| word.eq_ignore_ascii_case(unit)));
    known.map_or(unit, |(_, ucum)| ucum)
}

const SECONDS: [f64; 18] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0,
    60.0,
];

const MILLISECONDS: [f64; 18] = [
    1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1e3, 2.5e3, 5e3, 7.5e3, 1e4, 3e4, 6e4,
];

const MICROSECONDS: [f64; 18] =
    [1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 7.5e4, 1e5, 2.5e5, 5e5, 7.5e5, 1e6, 2.5e6, 5e6, 7.5e6, 1e7, 3e7, 6e7];

const NANOSECONDS: [f64; 18] = [
    1e6, 2.5e6, 5e6, 1e7, 2.5e7, 5e7, 7.5e7, 1e8, 2.5e8, 5e8, 7.5e8, 1e9, 2.5e9, 5e9, 7.5e9, 1e10, 3e10, 6e10,
];

const BYTES: [f64; 13] = [
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
    268_435_456.0,
    1_073_741_824.0,
];

const COUNTS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_become_the_words_of_prometheus() {
        for (unit, word) in [
            ("", ""),
            ("1", ""),
            ("s", "seconds"),
            ("ms", "milliseconds"),
            ("us", "microseconds"),
            ("ns", "nanoseconds"),
            ("min", "minutes"),
            ("h", "hours"),
            ("d", "days"),
            ("By", "bytes"),
            ("KiBy", "kibibytes"),
            ("MiBy", "mebibytes"),
            ("GiBy", "gibibytes"),
            ("TiBy", "tibibytes"),
            ("KBy", "kilobytes"),
            ("MBy", "megabytes"),
            ("GBy", "gigabytes"),
            ("TBy", "terabytes"),
            ("bit", "bit"),
            ("m", "meters"),
            ("V", "volts"),
            ("A", "amperes"),
            ("J", "joules"),
            ("W", "watts"),
            ("g", "grams"),
            ("Cel", "celsius"),
            ("Hz", "hertz"),
            ("%", "percent"),
            ("{request}", ""),
            ("By/s", "bytes_per_second"),
            (" By / m ", "bytes_per_minute"),
            ("1/h", "per_hour"),
            ("{x}/d", "per_day"),
            ("By/w", "bytes_per_week"),
            ("By/mo", "bytes_per_month"),
            ("By/y", "bytes_per_year"),
            ("By/{x}", "bytes"),
            ("widgets", "widgets"),
            ("m/s/s", "meters_per_s_s"),
            ("m²", "m"),
            ("€", ""),
        ] {
            assert_eq!(prometheus_word(unit), word, "unit {unit:?}");
        }
    }

    #[test]
    fn common_spellings_are_normalised_and_codes_stay() {
        for (given, expected) in [
            ("Seconds", "s"),
            ("milliseconds", "ms"),
            ("µs", "us"),
            ("bytes", "By"),
            ("MiB", "MiBy"),
            ("percent", "%"),
            ("bytes/second", "By/s"),
            (" s ", "s"),
            ("s", "s"),
            ("m", "m"),
            ("By/s", "By/s"),
            ("requests", "requests"),
            ("", ""),
        ] {
            assert_eq!(normalize(given), expected, "unit {given:?}");
        }
    }

    #[test]
    fn bounds_rise_and_the_time_units_are_the_same_bounds_scaled() {
        for (unit, scale) in [("s", 1.0), ("ms", 1e3), ("us", 1e6), ("nanoseconds", 1e9)] {
            let bounds = default_bounds(unit);
            for (bound, second) in bounds.iter().zip(SECONDS) {
                assert!((bound / scale / second - 1.0).abs() < 1e-12, "{unit}: {bound}");
            }
        }
        for unit in ["s", "ms", "us", "ns", "By", "1", "{request}", ""] {
            assert!(default_bounds(unit).windows(2).all(|pair| pair[0] < pair[1]), "{unit}");
        }
    }
}
