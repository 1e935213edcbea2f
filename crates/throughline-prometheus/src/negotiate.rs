//! Which format a scraper gets: the `Accept` and `Accept-Encoding` headers.
//!
//! Called by `exporter.rs` with headers that anybody may have sent: whatever is in them, there is an answer, and never
//! an error. What is not understood is passed over; when nothing is left, the answer is text 0.0.4 with underscores,
//! which everything can read.

use std::fmt;

use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderName};

use crate::Escaping;
use crate::family::Shape;

/// How much of a header is read: Prometheus sends some 300 characters.
const HEADER_LENGTH_MAX: usize = 4096;

/// An exposition format with an escaping scheme: what a `Content-Type` says.
///
/// The default is what a request without `Accept` gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "plain data: the two things a content type says")]
pub struct Format {
    /// The format.
    pub exposition: Exposition,
    /// How names are written that old versions cannot read.
    pub escaping: Escaping,
}

/// The exposition formats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exposition {
    /// The Prometheus text format, version 0.0.4.
    #[default]
    Text0_0_4,
    /// The Prometheus text format, version 1.0.0: the same bytes; its readers know quoted names.
    Text1_0_0,
    /// OpenMetrics, version 1.0.0: exemplars, units, creation times.
    OpenMetrics1_0_0,
    /// Length-delimited `io.prometheus.client.MetricFamily`: native histograms, exemplars, creation times.
    Protobuf,
}

impl Exposition {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Text0_0_4, Self::Text1_0_0, Self::OpenMetrics1_0_0, Self::Protobuf];

    /// The media type with its parameters, without the escaping.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Text0_0_4 => "text/plain; version=0.0.4; charset=utf-8",
            Self::Text1_0_0 => "text/plain; version=1.0.0; charset=utf-8",
            Self::OpenMetrics1_0_0 => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    pub(crate) const fn shape(self) -> Shape {
        match self {
            Self::Text0_0_4 | Self::Text1_0_0 => Shape::Text,
            Self::OpenMetrics1_0_0 => Shape::OpenMetrics,
            Self::Protobuf => Shape::Protobuf,
        }
    }
}

impl Format {
    /// The format that the `Accept` header asks for most.
    ///
    /// Of equal weights the one named first is taken. Never fails: see the module's documentation.
    ///
    /// ```
    /// use http::HeaderMap;
    /// use throughline_prometheus::{Exposition, Format};
    ///
    /// let mut headers = HeaderMap::new();
    /// headers.insert("accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5".parse()?);
    /// assert_eq!(Format::negotiate(&headers).exposition, Exposition::OpenMetrics1_0_0);
    /// # Ok::<(), http::header::InvalidHeaderValue>(())
    /// ```
    pub fn negotiate(headers: &HeaderMap) -> Self {
        let mut best = (0, Self::default());
        each_member(headers, &ACCEPT, |member| {
            if let Some((weight, format)) = read_member(member).filter(|(weight, _)| *weight > best.0) {
                best = (weight, format);
            }
        });
        best.1
    }
}

/// The content type.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; escaping={}", self.exposition.media_type(), self.escaping.as_str())
    }
}

/// Whether the answer may, and should rather, be compressed with gzip.
pub(crate) fn wants_gzip(headers: &HeaderMap) -> bool {
    let (mut gzip, mut any, mut identity) = (None, None, None);
    each_member(headers, &ACCEPT_ENCODING, |member| {
        let mut parts = split(member, b';');
        let coding = parts.next().unwrap_or("").trim();
        let weight = Some(parts.find_map(weight).unwrap_or(WEIGHT_MAX));
        match &*coding.to_ascii_lowercase() {
            "gzip" | "x-gzip" => gzip = weight,
            "identity" => identity = weight,
            "*" => any = weight,
            _ => {}
        }
    });
    let gzip = gzip.or(any).unwrap_or(0);
    gzip > 0 && gzip >= identity.unwrap_or(0)
}

/// Weights are counted in thousandths, as finely as HTTP writes them.
const WEIGHT_MAX: u16 = 1000;

fn read_member(member: &str) -> Option<(u16, Format)> {
    let mut parts = split(member, b';');
    let media = parts.next()?.trim();
    let (mut q, mut version, mut proto, mut encoding, mut escaping) = (WEIGHT_MAX, None, None, None, None);
    for (key, value) in parts.filter_map(parameter) {
        match &*key.to_ascii_lowercase() {
            "q" => q = weight_value(value),
            "version" => version = Some(value),
            "proto" => proto = Some(value),
            "encoding" => encoding = Some(value),
            "escaping" => escaping = Escaping::from_parameter(value),
            _ => {}
        }
    }
    let is = |name: &str| media.eq_ignore_ascii_case(name);
    let exposition = if is("application/vnd.google.protobuf") {
        let ours = proto == Some("io.prometheus.client.MetricFamily") && encoding == Some("delimited");
        ours.then_some(Exposition::Protobuf)?
    } else if is("application/openmetrics-text") {
        matches!(version, None | Some("1.0.0")).then_some(Exposition::OpenMetrics1_0_0)?
    } else if is("text/plain") {
        match version {
            None | Some("0.0.4") => Exposition::Text0_0_4,
            Some("1.0.0") => Exposition::Text1_0_0,
            Some(_) => return None,
        }
    } else if is("application/*") {
        Exposition::OpenMetrics1_0_0
    } else if is("text/*") || is("*/*") {
        Exposition::Text0_0_4
    } else {
        return None;
    };
    Some((q, Format { exposition, escaping: escaping.unwrap_or_default() }))
}

fn weight(part: &str) -> Option<u16> {
    parameter(part).filter(|(key, _)| key.eq_ignore_ascii_case("q")).map(|(_, value)| weight_value(value))
}

/// `0.5` is 500; what is not a weight counts as if it were not there.
fn weight_value(value: &str) -> u16 {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
    match whole {
        "0" if digits => format!("{fraction:0<3}").parse().unwrap_or(WEIGHT_MAX),
        _ => WEIGHT_MAX,
    }
}

fn parameter(part: &str) -> Option<(&str, &str)> {
    let (key, value) = part.split_once('=')?;
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    Some((key.trim(), unquoted.unwrap_or(value)))
}

/// Shows each member of a list header, of all its lines together.
fn each_member(headers: &HeaderMap, name: &HeaderName, mut show: impl FnMut(&str)) {
    let mut room = HEADER_LENGTH_MAX;
    for line in headers.get_all(name) {
        let Some(text) = line.to_str().ok().filter(|text| text.len() <= room) else {
            continue;
        };
        room -= text.len();
        split(text, b',').for_each(&mut show);
    }
}

/// Splits at `at` outside of quoted strings.
fn split(text: &str, at: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut quoted = false;
        let end = text.bytes().position(|byte| {
            quoted ^= byte == b'"';
            byte == at && !quoted
        });
        let (part, behind) = match end {
            Some(end) => text.split_at_checked(end).map(|(part, behind)| (part, behind.get(1..)))?,
            None => (text, None),
        };
        rest = behind;
        Some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &[u8]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_bytes(value).expect("a header value"));
        headers
    }

    fn content_type(accept: &str) -> String {
        Format::negotiate(&headers(ACCEPT, accept.as_bytes())).to_string()
    }

    const PROTOBUF: &str =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    #[test]
    fn scrapers_get_what_they_ask_for() {
        let protobuf = format!("{PROTOBUF};escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.2");
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=";
        for (accept, expected) in [
            (prometheus_3, format!("{openmetrics}allow-utf-8")),
            (&*protobuf, format!("{}; escaping=allow-utf-8", Exposition::Protobuf.media_type())),
            (
                "text/plain;version=1.0.0;escaping=values",
                "text/plain; version=1.0.0; charset=utf-8; escaping=values".into(),
            ),
            ("*/*", Format::default().to_string()),
            ("", Format::default().to_string()),
            ("text/html,application/xhtml+xml,*/*;q=0.8", Format::default().to_string()),
            (
                "text/plain;q=0.1, application/openmetrics-text;q=0.9;escaping=dots",
                format!("{openmetrics}dots"),
            ),
            ("APPLICATION/OpenMetrics-Text; Version=\"1.0.0\"", format!("{openmetrics}underscores")),
            ("application/openmetrics-text;escaping=runes", format!("{openmetrics}underscores")),
            ("application/openmetrics-text;q=0", Format::default().to_string()),
            ("application/openmetrics-text;version=2.0.0", Format::default().to_string()),
        ] {
            assert_eq!(content_type(accept), expected, "{accept}");
        }
    }

    #[test]
    fn protobuf_is_sent_only_when_it_is_ours() {
        for accept in [
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;proto=other.Message;encoding=delimited",
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
            &format!("{PROTOBUF};q=0"),
            &format!("{PROTOBUF};q=0.1,text/plain;q=0.2"),
        ] {
            assert_eq!(content_type(accept), Format::default().to_string(), "{accept}");
        }
    }

    #[test]
    fn hostile_headers_get_plain_text() {
        for accept in [
            &b"\xFF\xFE"[..],
            b";;;,,,=;q=,\"",
            b"text/plain;version=\"0.0.4",
            &[b','; 9_000],
            &[b'"'; 9_999],
        ] {
            let format = Format::negotiate(&headers(ACCEPT, accept));
            assert_eq!(format, Format::default());
            wants_gzip(&headers(ACCEPT_ENCODING, accept));
        }
        for q in ["nan", "inf", "-1", "1e9", "0.9999", "2", "", "0.1.1"] {
            content_type(&format!("application/openmetrics-text;q={q},*/*;q={q}"));
        }
    }

    #[test]
    fn gzip_is_sent_only_when_it_is_wanted() {
        for (accept, expected) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("identity, gzip;q=0.5", false),
            ("identity;q=0.5, gzip;q=0.5", true),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(wants_gzip(&headers(ACCEPT_ENCODING, accept.as_bytes())), expected, "{accept}");
        }
    }
}
