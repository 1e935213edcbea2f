//! Numbers as the text formats write them.
//!
//! Called by `text.rs` for every sample, so nothing here allocates. Values are written the shortest way that reads back
//! to the same number: integers of all 64 bits exactly. Bounds (`le`) are written as Go does, because they are part of
//! the series' name, see [`write_bound`].

use throughline_core::Timestamp;
use throughline_metrics::data::Number;

/// Appends a value.
pub(crate) fn write_number(out: &mut Vec<u8>, number: Number) {
    match number {
        Number::U64(value) => write_u64(out, value),
        Number::I64(value) => write_i64(out, value),
        Number::F64(value) => write_f64(out, value),
    }
}

/// Appends an integer that can be negative.
#[inline]
pub(crate) fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an integer.
#[inline]
pub(crate) fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a float, whole ones without `.0`.
pub(crate) fn write_f64(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(non_finite(value));
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let text = buffer.format_finite(value);
    out.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
}

/// Appends the upper bound of a bucket.
///
/// `1.0`, not `1`, and `1e+06`, not `1000000`: this is what Prometheus makes of `le` when it reads text (since version
/// 3), what it makes of the bounds in protobuf (always), and what OpenMetrics calls canonical. Written like this in
/// every format, a series has the same `le` whichever format was scraped, with older versions too. Only bounds that
/// come over OTLP are different: the receiver writes `1` and `1000000`.
pub(crate) fn write_bound(out: &mut Vec<u8>, bound: f64) {
    if !bound.is_finite() {
        out.extend_from_slice(non_finite(bound));
        return;
    }
    let mut buffer = zmij::Buffer::new();
    let Decimal { negative, digits, length, exponent } = Decimal::parse(buffer.format_finite(bound));
    let digits = &digits[..length];
    if negative {
        out.push(b'-');
    }
    if (-4..6).contains(&exponent) {
        write_plain(out, digits, exponent);
    } else {
        write_scientific(out, digits, exponent);
    }
}

/// Appends seconds since the Unix epoch, to the nanosecond.
pub(crate) fn write_seconds(out: &mut Vec<u8>, time: Timestamp) {
    const NANOS: u64 = 1_000_000_000;
    write_u64(out, time.as_nanos() / NANOS);
    let mut rest = time.as_nanos() % NANOS;
    out.push(b'.');
    let mut place = NANOS / 10;
    loop {
        out.push(b'0' + u8::try_from(rest / place).unwrap_or(0));
        rest %= place;
        place /= 10;
        if rest == 0 || place == 0 {
            return;
        }
    }
}

fn non_finite(value: f64) -> &'static [u8] {
    if value.is_nan() {
        b"NaN"
    } else if value > 0.0 {
        b"+Inf"
    } else {
        b"-Inf"
    }
}

/// A finite float as `d.ddd × 10^exponent`, at most 17 digits.
struct Decimal {
    negative: bool,
    digits: [u8; 24],
    length: usize,
    exponent: i32,
}

impl Decimal {
    /// Reads what `zmij` writes: digits with or without a point, with or without an exponent.
    fn parse(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut exponent: i32 = exponent.parse().unwrap_or(0);
        let negative = mantissa.starts_with('-');
        let mut digits = [0; 24];
        let (mut length, mut before_point, mut point_seen) = (0, 0, false);
        for byte in mantissa.bytes().filter(|byte| *byte != b'-') {
            if byte == b'.' {
                point_seen = true;
                continue;
            }
            if length > 0 || byte != b'0' {
                digits[length] = byte;
                length += 1;
            }
            match (point_seen, length > 0) {
                (false, true) => before_point += 1,
                (true, false) => before_point -= 1,
                _ => {}
            }
        }
        while length > 0 && digits[length - 1] == b'0' {
            length -= 1;
        }
        exponent += before_point - 1;
        if length == 0 {
            (digits[0], length, exponent) = (b'0', 1, 0);
        }
        Self { negative, digits, length, exponent }
    }
}

fn write_plain(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let zeros = |out: &mut Vec<u8>, count: i32| (0..count).for_each(|_| out.push(b'0'));
    let Ok(last_whole) = usize::try_from(exponent) else {
        out.extend_from_slice(b"0.");
        zeros(out, -exponent - 1);
        out.extend_from_slice(digits);
        return;
    };
    let whole = digits.len().min(last_whole + 1);
    out.extend_from_slice(&digits[..whole]);
    (whole..=last_whole).for_each(|_| out.push(b'0'));
    out.push(b'.');
    let fraction = &digits[whole..];
    out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.unsigned_abs() < 10 {
        out.push(b'0');
    }
    write_u64(out, u64::from(exponent.unsigned_abs()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn values_are_short_and_exact() {
        for (number, expected) in [
            (Number::U64(u64::MAX), "18446744073709551615"),
            (Number::I64(i64::MIN), "-9223372036854775808"),
            (Number::F64(1.0), "1"),
            (Number::F64(-0.5), "-0.5"),
            (Number::F64(f64::NAN), "NaN"),
            (Number::F64(-f64::NAN), "NaN"),
            (Number::F64(f64::INFINITY), "+Inf"),
            (Number::F64(f64::NEG_INFINITY), "-Inf"),
        ] {
            assert_eq!(text(|out| write_number(out, number)), expected);
        }
    }

    /// Answers of Go's `labels.FormatOpenMetricsFloat`.
    #[test]
    fn bounds_are_written_as_prometheus_writes_them() {
        for (bound, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.0, "-1.0"),
            (0.005, "0.005"),
            (0.0001, "0.0001"),
            (0.000_012_5, "1.25e-05"),
            (2.5, "2.5"),
            (10.0, "10.0"),
            (7_500.0, "7500.0"),
            (100_000.0, "100000.0"),
            (123_456.75, "123456.75"),
            (1e6, "1e+06"),
            (1_048_576.0, "1.048576e+06"),
            (6e10, "6e+10"),
            (1e100, "1e+100"),
            (5e-324, "5e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(text(|out| write_bound(out, bound)), expected);
        }
    }

    #[test]
    fn times_keep_their_nanoseconds() {
        for (nanos, expected) in [
            (0, "0.0"),
            (1_700_000_000_000_000_000, "1700000000.0"),
            (1_700_000_000_250_000_000, "1700000000.25"),
            (1_000_000_001, "1.000000001"),
        ] {
            assert_eq!(text(|out| write_seconds(out, Timestamp::from_nanos(nanos))), expected);
        }
    }

    proptest::proptest! {
        #[test]
        fn every_float_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            for written in [text(|out| write_f64(out, value)), text(|out| write_bound(out, value))] {
                let read: f64 = written.parse().expect("a number");
                assert!(read.to_bits() == bits || (read.is_nan() && value.is_nan()), "{written}");
            }
        }
    }
}
