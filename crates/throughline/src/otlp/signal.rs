//! What is decided about pushing one signal: where to, and how.
//!
//! `enabled.rs` and `records/` ask for each signal that can be pushed. What code says of the signal wins over what it says of all,
//! which wins over the signal's variable, which wins over the variable of all.

use std::fmt;
use std::time::Duration;

use throughline_otlp::{Compression, Endpoint, EndpointError, OtlpConfig, Protocol, Signal, parse_headers};

use super::security::{self, Security};
use crate::config::{Destination, ExportConfig, OtlpCompression, OtlpProtocol};
use crate::selection::Wanted;
use crate::settings::catalogue::OtlpSettings;
use crate::settings::parse::{Shown, time};
use crate::settings::{Settings, without_credentials};

/// How to push one signal.
pub(super) struct Push {
    config: OtlpConfig,
    timeout: Duration,
}

impl Push {
    /// None when it cannot be done: then there is a problem among the settings.
    pub(super) fn decide(
        signal: Signal,
        of_push: &'static OtlpSettings,
        wanted: &Wanted,
        own: &ExportConfig,
        all: &ExportConfig,
        settings: &mut Settings<'_>,
    ) -> Option<Self> {
        // Decided even when the endpoint cannot be used, so that all problems are reported.
        let protocol = protocol(of_push, own.protocol.or(all.protocol), settings);
        let compression = compression(of_push, own.compression.or(all.compression), settings);
        let timeout = own.timeout.or(all.timeout).map(|timeout| ("with_timeout", Shown(timeout)));
        let timeout = settings.decide(&of_push.timeout, timeout, time);
        let headers = headers(of_push, own.headers.as_ref().or(all.headers.as_ref()), settings);
        let security = Security::decide(of_push, own, all, settings);
        let insecure = security::insecure(of_push, own.insecure.or(all.insecure), settings);
        let endpoint = endpoint(known_protocol(protocol), signal, &wanted.destination, insecure);
        let endpoint = usable(endpoint, of_push, wanted, settings)?;
        for warning in endpoint.warnings(signal) {
            settings.warn(warning);
        }
        let config = OtlpConfig::new(endpoint)
            .with_protocol(known_protocol(protocol))
            .with_compression(known_compression(compression))
            .with_timeout(timeout.0)
            .with_headers(headers);
        Some(Self { config: security.apply(config, settings), timeout: timeout.0 })
    }

    /// The same, taking no longer than this.
    pub(super) fn within(mut self, timeout: Duration) -> Self {
        self.config = self.config.with_timeout(self.timeout.min(timeout));
        self
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

fn endpoint(
    protocol: Protocol,
    signal: Signal,
    destination: &Destination,
    insecure: bool,
) -> Result<Endpoint, EndpointError> {
    match (protocol, destination) {
        (Protocol::Grpc, Destination::Base(url) | Destination::Url(url)) => {
            Endpoint::grpc(url, signal, insecure)
        }
        (Protocol::Grpc, Destination::Local) => Endpoint::grpc(LOCAL_GRPC, signal, insecure),
        (_, Destination::Local) => Endpoint::base(LOCAL_HTTP, signal),
        (_, Destination::Base(url)) => Endpoint::base(url, signal),
        (_, Destination::Url(url)) => Endpoint::verbatim(url),
        (_, Destination::Prometheus(url)) => Endpoint::prometheus(url),
    }
}

/// Where OTLP goes that was asked for without saying where to.
const LOCAL_HTTP: &str = "http://localhost:4318";
/// … and over gRPC.
const LOCAL_GRPC: &str = "http://localhost:4317";

/// The endpoint, or a problem among the settings.
fn usable(
    endpoint: Result<Endpoint, EndpointError>,
    of_push: &'static OtlpSettings,
    Wanted { destination, source, overrode }: &Wanted,
    settings: &mut Settings<'_>,
) -> Option<Endpoint> {
    match endpoint {
        Err(error) => {
            let url = without_credentials(destination.url());
            settings.problem_of(&of_push.endpoint, source.clone(), url, error.to_string());
            None
        }
        Ok(endpoint) => {
            settings.note(&of_push.endpoint, endpoint.to_string(), source.clone(), overrode.clone());
            Some(endpoint)
        }
    }
}

fn protocol(
    of_push: &'static OtlpSettings,
    code: Option<OtlpProtocol>,
    settings: &mut Settings<'_>,
) -> OtlpProtocol {
    let parse = |text: &str| match text.parse() {
        Ok(OtlpProtocol::Grpc) if !Protocol::Grpc.is_built_in() => {
            Err("is not in this build: add the cargo feature `otlp-grpc`, or write http/protobuf and the \
                       receiver's HTTP port, usually 4318"
                .to_owned())
        }
        Ok(protocol) => Ok(protocol),
        Err(error) => Err(error.to_string()),
    };
    settings.decide(&of_push.protocol, code.map(|protocol| ("with_protocol", protocol)), parse)
}

fn compression(
    of_push: &'static OtlpSettings,
    code: Option<OtlpCompression>,
    settings: &mut Settings<'_>,
) -> OtlpCompression {
    let parse = |text: &str| match text {
        "gzip" => Ok(OtlpCompression::Gzip),
        "none" => Ok(OtlpCompression::None),
        "zstd" if Compression::Zstd.is_built_in() => Ok(OtlpCompression::Zstd),
        "zstd" => Err("is not in this build: add the cargo feature `zstd`, or write gzip".to_owned()),
        _ => Err("is no compression that can be sent; write gzip, zstd or none".to_owned()),
    };
    settings.decide(&of_push.compression, code.map(|compression| ("with_compression", compression)), parse)
}

/// Headers by their names; values are secrets.
fn headers(
    of_push: &'static OtlpSettings,
    code: Option<&Vec<(String, String)>>,
    settings: &mut Settings<'_>,
) -> Vec<(String, String)> {
    let code = code.map(|headers| ("with_header", Headers(headers.clone())));
    let parse = |list: &str| parse_headers(list).map(Headers).map_err(|error| error.to_string());
    settings.choose(&of_push.headers, code, parse).map(|Headers(headers)| headers).unwrap_or_default()
}

/// Headers without their values.
struct Headers(Vec<(String, String)>);

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.0.iter().map(|(name, _)| format!("{name}=…")).collect();
        f.write_str(&shown.join(","))
    }
}
