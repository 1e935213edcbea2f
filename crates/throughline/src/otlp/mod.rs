//! Pushing over OTLP, when the cargo feature `otlp-http` is on; otherwise a clear refusal of what needs it.

#[cfg(feature = "otlp-http")]
mod enabled;
#[cfg(feature = "otlp-http")]
mod pushed;
#[cfg(feature = "otlp-http")]
mod records;
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
    /// The variable that names exporters, and the names it may have.
    exporter: (&'static str, &'static [&'static str]),
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

macro_rules! named {
    ($signal:literal, $variable:literal, $setting:literal, $name:literal) => {
        (
            concat!($signal, $setting),
            [concat!("OTEL_EXPORTER_OTLP_", $variable, "_", $name), concat!("OTEL_EXPORTER_OTLP_", $name)],
        )
    };
}

macro_rules! names {
    ($signal:literal, $variable:literal, $exporters:expr) => {
        Names {
            exporter: (concat!("OTEL_", $variable, "_EXPORTER"), $exporters),
            endpoint: named!($signal, $variable, ".otlp.endpoint", "ENDPOINT"),
            protocol: named!($signal, $variable, ".otlp.protocol", "PROTOCOL"),
            compression: named!($signal, $variable, ".otlp.compression", "COMPRESSION"),
            timeout: named!($signal, $variable, ".otlp.timeout", "TIMEOUT"),
            headers: named!($signal, $variable, ".otlp.headers", "HEADERS"),
            insecure: named!($signal, $variable, ".otlp.insecure", "INSECURE"),
            roots: named!($signal, $variable, ".otlp.certificate", "CERTIFICATE"),
            client_certificate: named!($signal, $variable, ".otlp.client_certificate", "CLIENT_CERTIFICATE"),
            client_key: named!($signal, $variable, ".otlp.client_key", "CLIENT_KEY"),
        }
    };
}

const METRICS: Names = names!("metrics", "METRICS", &["otlp", "prometheus", "console", "none"]);
#[cfg_attr(
    all(feature = "otlp-http", not(feature = "tracing")),
    expect(dead_code, reason = "there are none to push")
)]
const TRACES: Names = names!("traces", "TRACES", &["otlp", "console", "none"]);
#[cfg_attr(
    all(feature = "otlp-http", not(feature = "tracing")),
    expect(dead_code, reason = "there are none to push")
)]
const LOGS: Names = names!("logs", "LOGS", &["otlp", "console", "none"]);

/// Where OTLP goes that was asked for without saying where to.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";

/// Where a signal is to be pushed, and who says so. Nobody: it is not pushed, and that is noted.
fn destination(
    names: &Names,
    own: &ExportConfig,
    all: &ExportConfig,
    settings: &mut Settings<'_>,
) -> Option<(Destination, Source)> {
    if let Some(destination) = own.destination.as_ref().or(all.destination.as_ref()) {
        return Some((destination.clone(), Source::Code(method(destination))));
    }
    let exporters = exporters(names, settings);
    let [of_signal, of_all] = names.endpoint.1;
    let source = match (exporters, settings.variable(&[of_signal, of_all])) {
        (Some((variable, exporters)), _) if !exporters.contains("otlp") => Source::Environment(variable),
        (_, Some((variable, url))) if variable == of_all => {
            return Some((Destination::Base(url), Source::Environment(variable)));
        }
        (_, Some((variable, url))) => return Some((Destination::Url(url), Source::Environment(variable))),
        (Some((variable, _)), None) => {
            return Some((Destination::Base(DEFAULT_ENDPOINT.to_owned()), Source::Environment(variable)));
        }
        (None, None) => Source::Default,
    };
    settings.decided(names.endpoint.0, &"none", source);
    None
}

fn method(destination: &Destination) -> &'static str {
    match destination {
        Destination::Base(_) => "with_otlp_endpoint",
        Destination::Url(_) => "ExportConfig::with_url",
        Destination::Prometheus(_) => "with_otlp_to_prometheus",
    }
}

/// The list of exporters that the environment asks for; none when it does not, or when one of them is not known.
fn exporters(names: &Names, settings: &mut Settings<'_>) -> Option<(&'static str, String)> {
    let (variable, known) = names.exporter;
    let (_, list) = settings.variable(&[variable])?;
    let unknown = list.split(',').map(str::trim).find(|name| !known.contains(name));
    if let Some(unknown) = unknown {
        let what = format!("there is no exporter `{unknown}`; write {}", known.join(", "));
        settings.problem(Source::Environment(variable), list, what);
        return None;
    }
    Some((variable, list))
}
