//! What a request says, in whatever encoding it came: the counts, names and attributes that the report is made of.
//!
//! `proxy.rs` calls [`read`] with each request. What cannot be read is told in words, for that is a finding.

mod json;
mod protobuf;

use std::io::Read;

use axum::http::HeaderMap;

/// A request that says more is not read on: it would be one of the child's faults, and not the most urgent.
pub(super) const BODY_BYTES_MAX: u64 = 64 << 20;

/// A kind of telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Signal {
    Metrics,
    Traces,
    Logs,
}

impl Signal {
    const ALL: [Self; 3] = [Self::Metrics, Self::Traces, Self::Logs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Traces => "traces",
            Self::Logs => "logs",
        }
    }

    /// What is counted of it, one of them.
    pub(super) fn item(self) -> &'static str {
        match self {
            Self::Metrics => "point",
            Self::Traces => "span",
            Self::Logs => "record",
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }

    /// The signal of a path of HTTP or a method of gRPC. A path that was put together twice has none.
    pub(super) fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|signal| {
            if path == signal.method() {
                return true;
            }
            let base = path.strip_suffix(&format!("/v1/{}", signal.name()));
            base.is_some_and(|base| {
                Self::ALL.iter().all(|other| !base.contains(&format!("/v1/{}", other.name())))
            })
        })
    }
}

/// How a request is encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Encoding {
    /// `http/protobuf`, `http/json` or `grpc`; the content type, when it is none of them.
    pub(super) protocol: String,
    /// As the header says; `none` without one.
    pub(super) compression: String,
}

impl Encoding {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type =
            header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let protocol = match content_type.as_str() {
            "application/x-protobuf" => "http/protobuf",
            "application/json" => "http/json",
            other if other.starts_with("application/grpc") => "grpc",
            other => other,
        };
        let compression = header(if protocol == "grpc" { "grpc-encoding" } else { "content-encoding" });
        let compression = if matches!(compression, "" | "identity") { "none" } else { compression };
        Self { protocol: protocol.to_owned(), compression: compression.to_owned() }
    }

    pub(super) fn is_grpc(&self) -> bool {
        self.protocol == "grpc"
    }
}

/// What one scope of one resource says in one request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Batch {
    /// Keys and shown values.
    pub(super) resource: Vec<(String, String)>,
    pub(super) scope: String,
    pub(super) metrics: Vec<Metric>,
    /// Spans or log records.
    pub(super) records: u64,
}

impl Batch {
    pub(super) fn items(&self) -> u64 {
        self.records + self.metrics.iter().map(|metric| metric.points).sum::<u64>()
    }
}

/// A metric of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Metric {
    pub(super) name: String,
    pub(super) unit: String,
    /// As the field calls it: `counter`, `up-down counter`, `gauge`, `histogram`, `exponential histogram`, `summary`.
    pub(super) kind: &'static str,
    /// `cumulative`, `delta` or `unspecified`; empty for what has none.
    pub(super) temporality: &'static str,
    pub(super) points: u64,
}

/// As the protocol numbers them.
const TEMPORALITIES: [&str; 3] = ["unspecified", "delta", "cumulative"];

/// What was read.
#[derive(Debug)]
pub(super) struct Contents {
    /// Bytes of the message, without compression.
    pub(super) bytes: u64,
    pub(super) batches: Vec<Batch>,
}

/// Reads the body of a request.
pub(super) fn read(signal: Signal, encoding: &Encoding, body: &[u8]) -> Result<Contents, String> {
    let message = if encoding.is_grpc() {
        grpc_message(encoding, body)?
    } else {
        decompress(&encoding.compression, body)?
    };
    let batches = match encoding.protocol.as_str() {
        "http/json" => json::read(signal, &message).ok_or("the body is no OTLP in JSON"),
        "http/protobuf" | "grpc" => protobuf::read(signal, &message).ok_or("the body is no OTLP in protobuf"),
        _ => return Err(format!("`content-type: {}` is not one of OTLP", encoding.protocol)),
    };
    Ok(Contents { bytes: message.len() as u64, batches: batches? })
}

/// A flag that tells whether it is compressed, the length in four bytes, and the message.
fn grpc_message(encoding: &Encoding, body: &[u8]) -> Result<Vec<u8>, String> {
    const FRAME: &str = "the body is no message of gRPC";
    let (head, message) = body.split_at_checked(5).ok_or(FRAME)?;
    let length = head[1..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    if message.len() != length {
        return Err(FRAME.to_owned());
    }
    decompress(if head[0] == 0 { "none" } else { &encoding.compression }, message)
}

fn decompress(name: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    match name {
        "none" => Ok(bytes.to_vec()),
        "gzip" => read_all(name, flate2::read::MultiGzDecoder::new(bytes)),
        "deflate" => read_all(name, flate2::read::ZlibDecoder::new(bytes)),
        "zstd" => read_all(name, zstd::stream::read::Decoder::new(bytes).map_err(|error| error.to_string())?),
        _ => Err(format!("`content-encoding: {name}` is not one that receivers take")),
    }
}

fn read_all(name: &str, reader: impl Read) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let read = reader.take(BODY_BYTES_MAX + 1).read_to_end(&mut out);
    read.map_err(|error| format!("the body is not compressed with {name} as it says: {error}"))?;
    if out.len() as u64 > BODY_BYTES_MAX {
        return Err(format!("the body is larger than {BODY_BYTES_MAX} bytes"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_methods_have_their_signal() {
        for (path, signal) in [
            ("/v1/metrics", Some(Signal::Metrics)),
            ("/api/v1/otlp/v1/metrics", Some(Signal::Metrics)),
            ("/tenant/v1/traces", Some(Signal::Traces)),
            ("/opentelemetry.proto.collector.logs.v1.LogsService/Export", Some(Signal::Logs)),
            ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", Some(Signal::Traces)),
            ("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export", Some(Signal::Metrics)),
            ("/v1/traces/v1/traces", None),
            ("/v1/metrics/v1/traces", None),
            ("/", None),
            ("/v1/profiles", None),
        ] {
            assert_eq!(Signal::of(path), signal, "{path}");
        }
    }

    #[test]
    fn what_is_no_request_is_told() {
        let encoding = |protocol: &str, compression: &str| Encoding {
            protocol: protocol.to_owned(),
            compression: compression.to_owned(),
        };
        for (protocol, compression, body) in [
            ("http/protobuf", "none", &b"\xff\xff\xff"[..]),
            ("http/protobuf", "gzip", b"no gzip"),
            ("http/protobuf", "zstd", b"no zstd"),
            ("http/protobuf", "snappy", b""),
            ("http/json", "none", b"{"),
            ("http/json", "none", b"[]"),
            ("grpc", "none", b"\0\0\0\0\x05abc"),
            ("grpc", "none", b""),
            ("text/plain", "none", b"hello"),
        ] {
            let read = read(Signal::Metrics, &encoding(protocol, compression), body);
            assert!(read.is_err(), "{protocol} {compression} {body:?}: {read:?}");
        }
        assert!(
            read(Signal::Logs, &encoding("http/protobuf", "none"), b"").is_ok_and(|it| it.batches.is_empty())
        );
    }
}
