//! What the telemetry comes from: detectors, the environment and the application, later ones winning over earlier.
//!
//! Called by `init.rs`; the finding out is done in `throughline-core/src/resource/`.

use throughline_core::resource::{Detector, ResourceBuilder, parse_attributes};
use throughline_core::{KeyValue, Resource};

use crate::config::TelemetryConfig;
use crate::error::Source;
use crate::settings::Settings;

/// The resource and the service's name.
pub(crate) fn resource(config: &TelemetryConfig, settings: &mut Settings<'_>) -> (Resource, String) {
    let environment = config.environment.clone();
    let from_environment = attributes(settings);
    let service = service_name(config, &from_environment, settings);
    let resource = ResourceBuilder::new()
        .with_environment(move |variable| environment.value(variable))
        .with_detectors(detectors(config, settings))
        .with_attributes(from_environment)
        .with_attributes(config.resource.iter().cloned())
        .with_service_name(service.clone())
        .build();
    (resource, service)
}

/// The attributes that the deployment gives.
fn attributes(settings: &mut Settings<'_>) -> Vec<KeyValue> {
    let variable = "OTEL_RESOURCE_ATTRIBUTES";
    let Some((_, list)) = settings.variable(&[variable]) else { return Vec::new() };
    match parse_attributes(&list) {
        Ok(attributes) => {
            settings.decided("resource.attributes", &list, Source::Environment(variable));
            attributes
        }
        Err(error) => {
            settings.problem(Source::Environment(variable), list, error.to_string());
            Vec::new()
        }
    }
}

fn service_name(
    config: &TelemetryConfig,
    from_environment: &[KeyValue],
    settings: &mut Settings<'_>,
) -> String {
    let of_attributes = from_environment.iter().rfind(|pair| pair.key.as_str() == "service.name");
    let (name, source) = if let Some(name) = &config.service_name_override {
        (name.clone(), Source::Code("with_service_name"))
    } else if let Some((variable, name)) = settings.variable(&["OTEL_SERVICE_NAME"]) {
        (name, Source::Environment(variable))
    } else if let Some(pair) = of_attributes {
        (pair.value.as_str().into_owned(), Source::Environment("OTEL_RESOURCE_ATTRIBUTES"))
    } else {
        (config.service_name.clone(), Source::Code("TelemetryConfig::new"))
    };
    if name.is_empty() {
        settings.problem(source.clone(), "", "is no service name; give the service one, such as `shop`");
    }
    settings.decided("service.name", &name, source);
    name
}

fn detectors(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Vec<Detector> {
    let code = config.detectors.clone().map(|detectors| ("with_resource_detectors", Shown(detectors)));
    let parse = |list: &str| Detector::parse_list(list).map(Shown).map_err(|error| error.to_string());
    let variables = ["OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"];
    settings.decide("resource.detectors", code, &variables, parse, Shown(Detector::ALL.to_vec())).0
}

/// Detectors as a list of names.
struct Shown(Vec<Detector>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 == Detector::ALL {
            return f.write_str("all");
        }
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<_> = self.0.iter().map(|detector| detector.name()).collect();
        f.write_str(&names.join(","))
    }
}
