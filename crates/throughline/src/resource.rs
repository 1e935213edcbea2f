//! What the telemetry comes from: detectors, the environment and the application, later ones winning over earlier.
//!
//! Called by `init.rs`; the finding out is done in `throughline-core/src/resource/`.

use throughline_core::resource::{Detector, ResourceBuilder, parse_attributes};
use throughline_core::{KeyValue, Resource};

use crate::config::TelemetryConfig;
use crate::error::Source;
use crate::settings::{Given, Overridden, Settings, catalogue};

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
    let parse = |list: &str| {
        let attributes = parse_attributes(list).map_err(|error| error.to_string())?;
        Ok(Listed { list: list.to_owned(), attributes })
    };
    let listed = settings.choose(&catalogue::RESOURCE_ATTRIBUTES, None, parse);
    listed.map(|listed| listed.attributes).unwrap_or_default()
}

/// Attributes, and how they were written.
struct Listed {
    list: String,
    attributes: Vec<KeyValue>,
}

impl std::fmt::Display for Listed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.list)
    }
}

/// The deployment's name for the service wins over the one that the program has for itself.
fn service_name(
    config: &TelemetryConfig,
    from_environment: &[KeyValue],
    settings: &mut Settings<'_>,
) -> String {
    let fixed = config.service_name_override.iter();
    let fixed = fixed.map(|name| (name.clone(), Source::Code("with_service_name")));
    let given: Vec<_> = settings.given(&catalogue::SERVICE_NAME);
    let (in_file, variables): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|given| given.variable.is_none());
    let said = |given: Given| (given.text, given.source);
    let of_attributes = from_environment.iter().rfind(|pair| pair.key.as_str() == "service.name");
    let of_attributes =
        of_attributes.map(|pair| (pair.value.as_str().into_owned(), attributes_source(settings)));
    let own = (config.service_name.clone(), Source::Code("TelemetryConfig::new"));
    let mut names: Vec<_> = fixed.chain(variables.into_iter().map(said)).chain(of_attributes).collect();
    settings.sort(&mut names, |(_, source)| source);
    let mut names = names.into_iter().chain(in_file.into_iter().map(said)).chain([own]);
    let (name, source) = names.next().expect("the program's own name is always there");
    let overrode = names.map(|(value, source)| Overridden { value, source }).collect();
    if name.is_empty() {
        let what = "is no service name; give the service one, such as `shop`";
        settings.problem_of(&catalogue::SERVICE_NAME, source.clone(), "", what);
    }
    settings.note(&catalogue::SERVICE_NAME, name.clone(), source, overrode);
    name
}

fn attributes_source(settings: &mut Settings<'_>) -> Source {
    let given = settings.given(&catalogue::RESOURCE_ATTRIBUTES).into_iter().next();
    given.map_or(Source::Default, |given| given.source)
}

fn detectors(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Vec<Detector> {
    let code = config.detectors.clone().map(|detectors| ("with_resource_detectors", Shown(detectors)));
    let parse = |list: &str| Detector::parse_list(list).map(Shown).map_err(|error| error.to_string());
    settings.decide(&catalogue::RESOURCE_DETECTORS, code, parse).0
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
