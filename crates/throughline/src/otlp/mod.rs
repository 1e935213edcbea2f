//! Pushing over OTLP, when the cargo feature `otlp-http` is on; otherwise a clear refusal of what needs it.

#[cfg(feature = "otlp-http")]
mod enabled;
#[cfg(feature = "otlp-http")]
pub(crate) use enabled::{Otlp, Plan};

#[cfg(not(feature = "otlp-http"))]
mod disabled;
#[cfg(not(feature = "otlp-http"))]
pub(crate) use disabled::{Otlp, Plan};

use crate::config::{OtlpEndpoint, TelemetryConfig};
use crate::error::Source;
use crate::settings::Settings;

const METRICS_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// Where metrics are to be pushed, and who says so. Nobody: nothing is pushed.
fn endpoint(config: &TelemetryConfig, settings: &Settings<'_>) -> Option<(OtlpEndpoint, Source)> {
    if let Some(endpoint) = &config.otlp_endpoint {
        let method = match endpoint {
            OtlpEndpoint::Base(_) => "with_otlp_endpoint",
            OtlpEndpoint::Metrics(_) => "with_otlp_metrics_endpoint",
            OtlpEndpoint::Prometheus(_) => "with_otlp_to_prometheus",
        };
        return Some((endpoint.clone(), Source::Code(method)));
    }
    let (variable, url) = settings.variable(&[METRICS_ENDPOINT, ENDPOINT])?;
    let endpoint = if variable == ENDPOINT { OtlpEndpoint::Base(url) } else { OtlpEndpoint::Metrics(url) };
    Some((endpoint, Source::Environment(variable)))
}
