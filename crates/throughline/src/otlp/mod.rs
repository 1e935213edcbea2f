//! Pushing over OTLP, when the cargo feature `otlp-http` is on; otherwise a clear refusal of what needs it.

#[cfg(feature = "otlp-http")]
mod enabled;
#[cfg(feature = "otlp-http")]
mod security;
#[cfg(feature = "otlp-http")]
mod signal;
#[cfg(feature = "otlp-http")]
pub(crate) use enabled::{Otlp, Plan};

#[cfg(not(feature = "otlp-http"))]
mod disabled;
#[cfg(not(feature = "otlp-http"))]
pub(crate) use disabled::{Otlp, Plan};

use crate::config::{Destination, ExportConfig};
use crate::error::Source;
use crate::settings::Settings;

/// A setting's name in the description, and the variables it can come from: the signal's own, then that of all.
type Named = (&'static str, [&'static str; 2]);

/// What the settings of one signal are called.
#[cfg_attr(
    not(feature = "otlp-http"),
    expect(dead_code, reason = "only the endpoint is asked for, to refuse it")
)]
struct Names {
    endpoint: Named,
    protocol: Named,
    compression: Named,
    timeout: Named,
    headers: Named,
    insecure: Named,
    roots: Named,
    client_certificate: Named,
    client_key: Named,
}

macro_rules! names {
    ($signal:literal, $variable:literal) => {
        Names {
            endpoint: names!($signal, $variable, ".otlp.endpoint", "ENDPOINT"),
            protocol: names!($signal, $variable, ".otlp.protocol", "PROTOCOL"),
            compression: names!($signal, $variable, ".otlp.compression", "COMPRESSION"),
            timeout: names!($signal, $variable, ".otlp.timeout", "TIMEOUT"),
            headers: names!($signal, $variable, ".otlp.headers", "HEADERS"),
            insecure: names!($signal, $variable, ".otlp.insecure", "INSECURE"),
            roots: names!($signal, $variable, ".otlp.certificate", "CERTIFICATE"),
            client_certificate: names!($signal, $variable, ".otlp.client_certificate", "CLIENT_CERTIFICATE"),
            client_key: names!($signal, $variable, ".otlp.client_key", "CLIENT_KEY"),
        }
    };
    ($signal:literal, $variable:literal, $setting:literal, $name:literal) => {
        (
            concat!($signal, $setting),
            [concat!("OTEL_EXPORTER_OTLP_", $variable, "_", $name), concat!("OTEL_EXPORTER_OTLP_", $name)],
        )
    };
}

const METRICS: Names = names!("metrics", "METRICS");

/// Where a signal is to be pushed, and who says so. Nobody: it is not pushed.
fn destination(
    names: &Names,
    own: &ExportConfig,
    all: &ExportConfig,
    settings: &Settings<'_>,
) -> Option<(Destination, Source)> {
    if let Some(destination) = own.destination.as_ref().or(all.destination.as_ref()) {
        let method = match destination {
            Destination::Base(_) => "with_otlp_endpoint",
            Destination::Url(_) => "ExportConfig::with_url",
            Destination::Prometheus(_) => "with_otlp_to_prometheus",
        };
        return Some((destination.clone(), Source::Code(method)));
    }
    let [of_signal, of_all] = names.endpoint.1;
    let (variable, url) = settings.variable(&[of_signal, of_all])?;
    let destination = if variable == of_all { Destination::Base(url) } else { Destination::Url(url) };
    Some((destination, Source::Environment(variable)))
}
