//! What code, environment and files say of settings: which one wins, what has which effect, and what is said of the rest.
#![expect(clippy::panic, reason = "a test's helpers fail by panicking")]

mod aliases;
mod bad;
#[cfg(feature = "spool")]
mod buffer;
mod documentation;
mod documents;
mod effects;
mod endpoint;
mod layers;
mod receiver;
mod security;
mod warnings;

use std::collections::HashMap;
use std::net::SocketAddr;

use throughline::{Detector, TelemetryConfig, TelemetryProviders, init_telemetry};

/// The variables of one test.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn any_port() -> SocketAddr {
    ([127, 0, 0, 1], 0).into()
}

/// Telemetry with just these variables, touching nothing global.
fn with(variables: Variables<'_>) -> TelemetryConfig {
    let variables: HashMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    TelemetryConfig::new("shop")
        .without_globals()
        .with_environment_variables(move |name| variables.get(name).cloned())
}

/// The same, started, with an endpoint of its own.
fn started(variables: Variables<'_>) -> TelemetryProviders {
    init_telemetry(with(variables).with_prometheus_address(any_port()))
        .unwrap_or_else(|error| panic!("{variables:?}: {error}"))
}

/// The same without anything that differs from process to process.
fn bare(variables: Variables<'_>) -> TelemetryConfig {
    with(variables).with_resource_detectors(Vec::<Detector>::new()).without_prometheus_endpoint()
}
