//! What is decided about pushing one signal: where to, and how.
//!
//! `enabled.rs` and `records/` ask for each signal that can be pushed. What code says of the signal wins over what it says of all,
//! which wins over the signal's variable, which wins over the variable of all.

use std::fmt;
use std::time::Duration;

use throughline_otlp::{
    Compression, Endpoint, EndpointError, OtlpConfig, Protocol, Signal, parse_duration, parse_headers,
};

use super::Names;
use super::security::{self, Security};
use crate::config::{Destination, ExportConfig, OtlpCompression, OtlpProtocol};
use crate::error::Source;
use crate::settings::Settings;

/// How to push one signal.
pub(super) struct Push {
    config: OtlpConfig,
}

impl Push {
    /// None when it cannot be done: then there is a problem among the settings.
    pub(super) fn decide(
        signal: Signal,
        names: &Names,
        (destination, source): (Destination, Source),
        own: &ExportConfig,
        all: &ExportConfig,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        // Decided even when the endpoint cannot be used, so that all problems are reported.
        let protocol = protocol(names, own.protocol.or(all.protocol), settings);
        let compression = compression(names, own.compression.or(all.compression), settings);
        let timeout = settings.decide(
            names.timeout.0,
            own.timeout.or(all.timeout).map(|timeout| ("with_timeout", Shown(timeout))),
            &names.timeout.1,
            parse_time,
            Shown(Duration::from_secs(10)),
        );
        let headers = headers(names, own.headers.as_ref().or(all.headers.as_ref()), settings);
        let security = Security::decide(names, own, all, settings);
        let insecure = security::insecure(names, own.insecure.or(all.insecure), settings);
        let protocol = known_protocol(protocol);
        let endpoint = match (protocol, &destination) {
            (Protocol::Grpc, Destination::Base(url) | Destination::Url(url)) => {
                Endpoint::grpc(url, signal, insecure)
            }
            (_, Destination::Base(url)) => Endpoint::base(url, signal),
            (_, Destination::Url(url)) => Endpoint::verbatim(url),
            (_, Destination::Prometheus(url)) => Endpoint::prometheus(url),
        };
        let endpoint = usable(endpoint, names, &destination, source, settings)?;
        for warning in endpoint.warnings(signal) {
            tracing::warn!(target: "throughline", "{warning}");
        }
        let config = OtlpConfig::new(endpoint)
            .with_protocol(protocol)
            .with_compression(known_compression(compression))
            .with_timeout(timeout.0)
            .with_headers(headers);
        Some(Self { config: security.apply(config, settings) })
    }

    pub(super) fn goes_to_prometheus(&self) -> bool {
        self.config.endpoint().is_prometheus()
    }

    pub(super) fn config(self) -> OtlpConfig {
        self.config
    }
}

const fn known_protocol(protocol: OtlpProtocol) -> Protocol {
    match protocol {
        OtlpProtocol::HttpProtobuf => Protocol::HttpProtobuf,
        OtlpProtocol::HttpJson => Protocol::HttpJson,
        OtlpProtocol::Grpc => Protocol::Grpc,
    }
}

const fn known_compression(compression: OtlpCompression) -> Compression {
    match compression {
        OtlpCompression::None => Compression::None,
        OtlpCompression::Gzip => Compression::Gzip,
        OtlpCompression::Zstd => Compression::Zstd,
    }
}

/// The endpoint, or a problem among the settings.
fn usable(
    endpoint: Result<Endpoint, EndpointError>,
    names: &Names,
    destination: &Destination,
    source: Source,
    settings: &mut Settings<'_>,
) -> Option<Endpoint> {
    let (Destination::Base(url) | Destination::Url(url) | Destination::Prometheus(url)) = destination;
    match endpoint {
        Err(error) => {
            settings.problem(source, redacted(url), error.to_string());
            None
        }
        Ok(endpoint) => {
            settings.decided(names.endpoint.0, &endpoint, source);
            Some(endpoint)
        }
    }
}

/// A URL that could not be parsed may hold a password anywhere before its `@`.
fn redacted(url: &str) -> String {
    url.rsplit_once('@').map_or_else(|| url.to_owned(), |(_, rest)| format!("…@{rest}"))
}

fn protocol(names: &Names, code: Option<OtlpProtocol>, settings: &mut Settings<'_>) -> OtlpProtocol {
    let parse = |text: &str| match text {
        "http/protobuf" => Ok(OtlpProtocol::HttpProtobuf),
        "http/json" => Ok(OtlpProtocol::HttpJson),
        "grpc" if Protocol::Grpc.is_built_in() => Ok(OtlpProtocol::Grpc),
        "grpc" => {
            Err("is not in this build: add the cargo feature `otlp-grpc`, or write http/protobuf and the \
                       receiver's HTTP port, usually 4318"
                .to_owned())
        }
        _ => Err("is no OTLP protocol; write http/protobuf, http/json or grpc".to_owned()),
    };
    let code = code.map(|protocol| ("with_protocol", protocol));
    settings.decide(names.protocol.0, code, &names.protocol.1, parse, OtlpProtocol::default())
}

fn compression(names: &Names, code: Option<OtlpCompression>, settings: &mut Settings<'_>) -> OtlpCompression {
    let parse = |text: &str| match text {
        "gzip" => Ok(OtlpCompression::Gzip),
        "none" => Ok(OtlpCompression::None),
        "zstd" if Compression::Zstd.is_built_in() => Ok(OtlpCompression::Zstd),
        "zstd" => Err("is not in this build: add the cargo feature `zstd`, or write gzip".to_owned()),
        _ => Err("is no compression that can be sent; write gzip, zstd or none".to_owned()),
    };
    let code = code.map(|compression| ("with_compression", compression));
    settings.decide(names.compression.0, code, &names.compression.1, parse, OtlpCompression::default())
}

/// Headers by their names; values are secrets.
fn headers(
    names: &Names,
    code: Option<&Vec<(String, String)>>,
    settings: &mut Settings<'_>,
) -> Vec<(String, String)> {
    let (headers, source) = match (code, settings.variable(&names.headers.1)) {
        (Some(headers), _) => (headers.clone(), Source::Code("with_header")),
        (None, Some((variable, list))) => match parse_headers(&list) {
            Ok(headers) => (headers, Source::Environment(variable)),
            Err(error) => {
                settings.problem(Source::Environment(variable), "…", error.to_string());
                return Vec::new();
            }
        },
        (None, None) => return Vec::new(),
    };
    let shown: Vec<_> = headers.iter().map(|(name, _)| format!("{name}=…")).collect();
    settings.decided(names.headers.0, &shown.join(","), source);
    headers
}

/// Reads a time that is not zero.
pub(super) fn parse_time(text: &str) -> Result<Shown, String> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => Err("is no time at all; write milliseconds, or 15s".to_owned()),
        Ok(duration) => Ok(Shown(duration)),
        Err(error) => Err(error.to_string()),
    }
}

/// A duration as a person writes it.
pub(super) struct Shown(pub(super) Duration);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}
