//! Where each signal is pushed, as the toolkit itself decides it from environment and files.
//!
//! `settings.rs` judges them, and every later hop goes along them.

use throughline::{Description, Setting, Source};

use super::address::Address;

/// What is pushed, in the words of the variables.
const SIGNALS: [&str; 3] = ["metrics", "traces", "logs"];

/// The way of one signal.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub(crate) signal: &'static str,
    /// As it is used, without secrets.
    pub(crate) url: String,
    /// None for a Unix socket.
    pub(crate) address: Option<Address>,
    /// `http/protobuf`, `http/json` or `grpc`.
    pub(crate) protocol: String,
    /// The variable that the endpoint comes from, if it comes from one.
    endpoint_variable: Option<String>,
    protocol_variable: Option<String>,
    /// Where the endpoint comes from, for people.
    pub(crate) source: String,
}

impl Route {
    pub(crate) fn is_grpc(&self) -> bool {
        self.protocol == "grpc"
    }

    /// The URL without what the exporter added for the signal.
    pub(crate) fn base_url(&self) -> &str {
        self.url.strip_suffix(&format!("/v1/{}", self.signal)).unwrap_or(&self.url)
    }
}

/// The routes of all signals that are pushed.
pub(crate) fn routes(description: &Description) -> Vec<Route> {
    SIGNALS.into_iter().filter_map(|signal| route(description, signal)).collect()
}

fn route(description: &Description, signal: &'static str) -> Option<Route> {
    let endpoint = setting(description, &format!("{signal}.otlp.endpoint"))?;
    let protocol = setting(description, &format!("{signal}.otlp.protocol"))?;
    Some(Route {
        signal,
        url: endpoint.value.clone(),
        address: Address::parse(&endpoint.value),
        protocol: protocol.value.clone(),
        endpoint_variable: variable(endpoint),
        protocol_variable: variable(protocol),
        source: endpoint.source.to_string(),
    })
}

/// A setting as it was decided.
pub(crate) fn setting<'a>(description: &'a Description, name: &str) -> Option<&'a Setting> {
    description.settings().iter().find(|setting| setting.name == name)
}

/// The variable that a setting comes from.
pub(crate) fn variable(setting: &Setting) -> Option<String> {
    match &setting.source {
        Source::Environment(name) => Some(name.to_string()),
        _ => None,
    }
}

/// Variables that give these routes, out of all, another protocol.
pub(crate) fn with_protocol(all: &[Route], some: &[&Route], protocol: &str) -> Vec<(String, Option<String>)> {
    let variables = some.iter().map(|route| {
        let own = || of_signal("PROTOCOL", route.signal, all.len() == some.len());
        (route.protocol_variable.clone().unwrap_or_else(own), Some(protocol.to_owned()))
    });
    unique(variables)
}

/// Variables that send these routes, out of all, elsewhere. `base` makes the new base URL of a route.
pub(crate) fn with_base(
    all: &[Route],
    some: &[&Route],
    base: impl Fn(&Route) -> String,
) -> Vec<(String, Option<String>)> {
    let variables = some.iter().map(|route| {
        let is_general = match &route.endpoint_variable {
            Some(variable) => variable == ALL,
            None => true,
        };
        if is_general && all.len() == some.len() {
            return (ALL.to_owned(), Some(base(route)));
        }
        let path = if route.is_grpc() { String::new() } else { format!("/v1/{}", route.signal) };
        (of_signal("ENDPOINT", route.signal, false), Some(base(route) + &path))
    });
    unique(variables)
}

/// The variable of all signals.
pub(crate) const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

fn of_signal(what: &str, signal: &str, is_for_all: bool) -> String {
    if is_for_all {
        format!("OTEL_EXPORTER_OTLP_{what}")
    } else {
        format!("OTEL_EXPORTER_OTLP_{}_{what}", signal.to_uppercase())
    }
}

fn unique(variables: impl Iterator<Item = (String, Option<String>)>) -> Vec<(String, Option<String>)> {
    let mut variables: Vec<_> = variables.collect();
    variables.sort();
    variables.dedup();
    variables
}

/// The signals of some routes, for people.
pub(crate) fn signals<'a>(routes: impl IntoIterator<Item = &'a Route>) -> String {
    routes.into_iter().map(|route| route.signal).collect::<Vec<_>>().join(", ")
}
