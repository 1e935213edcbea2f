//! Numbers, times and texts as people read them.

use std::fmt::{self, Display, Write as _};
use std::time::{Duration, UNIX_EPOCH};

use throughline_core::Timestamp;
use throughline_core::attribute::ValueRef;

/// A text that stays on its line and cannot control the terminal.
pub(super) struct Plain<'a>(pub(super) &'a str);

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .try_for_each(|c| if c.is_control() { c.escape_debug().fmt(f) } else { f.write_char(c) })
    }
}

/// A text of several lines, all but the first of which are indented: none looks like a record of its own.
pub(super) struct Indented<'a>(pub(super) &'a str);

impl Display for Indented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = self.0.lines();
        Plain(lines.next().unwrap_or_default()).fmt(f)?;
        lines.try_for_each(|line| write!(f, "\n    {}", Plain(line)))
    }
}

/// `key=value`, quoted when it would not be one word.
pub(super) struct Pair<'a>(pub(super) &'a str, pub(super) ValueRef<'a>);

impl Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(key, value) = self;
        write!(f, "{}=", Plain(key))?;
        match value {
            ValueRef::Str(text) if text.is_empty() || text.contains([' ', '"', '=']) => write!(f, "{text:?}"),
            ValueRef::Str(text) => Plain(text).fmt(f),
            other => write!(f, "{}", Plain(&other.to_string())),
        }
    }
}

/// Whether an attribute says where the program is, which fills lines and is rarely what one looks for.
pub(super) fn is_place(key: &str) -> bool {
    ["code.", "thread."].iter().any(|prefix| key.starts_with(prefix))
}

/// Date and time, in UTC.
pub(super) fn time(time: Timestamp) -> String {
    humantime::format_rfc3339_micros(UNIX_EPOCH + Duration::from_nanos(time.as_nanos())).to_string()
}

/// The time of day, in UTC.
pub(super) fn time_of_day(at: Timestamp) -> String {
    let time = time(at);
    let of_day = time.split_once('T').map_or(time.as_str(), |(_, of_day)| of_day);
    of_day.trim_end_matches('Z').to_owned()
}

/// A duration in the unit that fits, with three digits that count.
pub(super) fn seconds(seconds: f64) -> String {
    let units = [(1.0, "s"), (1e-3, "ms"), (1e-6, "µs")];
    match units.iter().find(|(size, _)| seconds.abs() >= *size) {
        Some((size, unit)) => format!("{}{unit}", number(seconds / size, 3)),
        None if seconds == 0.0 => "0s".to_owned(),
        None => format!("{}ns", number(seconds * 1e9, 3)),
    }
}

/// A number with so many digits that count, more only before the point.
pub(super) fn number(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..15).contains(&magnitude) {
        return format!("{value:.*e}", digits - 1);
    }
    let decimals = (digits as i32 - 1 - magnitude).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_count() {
        for (value, expected) in [
            (0.0, "0"),
            (1.0, "1"),
            (1234.5, "1234"),
            (12.345, "12.3"),
            (0.012_345, "0.0123"),
            (-2.5, "-2.5"),
            (1e-9, "1.00e-9"),
            (3e20, "3.00e20"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(number(value, 3), expected);
        }
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        for (value, expected) in
            [(0.0, "0s"), (5e-9, "5ns"), (1.5e-6, "1.5µs"), (0.0123, "12.3ms"), (1.0, "1s"), (90.0, "90s")]
        {
            assert_eq!(seconds(value), expected);
        }
    }

    #[test]
    fn no_text_controls_the_terminal_or_leaves_its_line() {
        assert_eq!(Plain("a\x1b[31m\nb").to_string(), r"a\u{1b}[31m\nb");
        assert_eq!(Indented("a\nb\x1b").to_string(), "a\n    b\\u{1b}");
        assert_eq!(Pair("k", ValueRef::Str("a b\n")).to_string(), r#"k="a b\n""#);
        assert_eq!(Pair("k", ValueRef::Str("")).to_string(), r#"k="""#);
        assert_eq!(Pair("k", ValueRef::Bool(true)).to_string(), "k=true");
    }
}
