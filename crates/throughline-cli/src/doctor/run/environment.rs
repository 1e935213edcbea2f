//! Where the application would send, and the variables that make it send to the proxy instead.
//!
//! Each server that the environment names gets a listener of its own, so that requests are passed on as they come, with their
//! own paths: what is wrong with a path stays wrong.

use std::path::PathBuf;

use throughline::{Description, TelemetryConfig};

use crate::doctor::address::Address;
use crate::doctor::examine::roots;
use crate::doctor::routes::{ALL, Route, routes};
use crate::http::shown;

const OF_SIGNALS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT",
];

/// An endpoint that the application is to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) variable: &'static str,
    /// Where it leads; none when nobody is named.
    pub(super) server: Option<Address>,
    /// User name and password with their sign, as they stand in the URL.
    credentials: String,
}

impl Endpoint {
    fn parse(variable: &'static str, url: &str) -> Option<Self> {
        // Some exporters of gRPC take a name and port alone.
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let server = Address::parse(&url)?;
        let authority = url.split('/').nth(2).unwrap_or_default();
        let credentials =
            authority.rfind('@').and_then(|at| authority.get(..=at)).unwrap_or_default().to_owned();
        Some(Self { variable, server: Some(server), credentials })
    }

    /// The value that leads to the proxy at this port of loopback.
    pub(super) fn through(&self, port: u16) -> String {
        let path = self.server.as_ref().map_or("", |server| &server.path);
        format!("http://{}127.0.0.1:{port}{path}", self.credentials)
    }
}

/// What the environment says.
#[derive(Debug)]
pub(super) struct Environment {
    pub(super) endpoints: Vec<Endpoint>,
    /// Variables that are taken from the application.
    pub(super) removed: Vec<&'static str>,
    /// Endpoints that no proxy can stand in for: Unix sockets, what is no URL.
    pub(super) elsewhere: Vec<String>,
    /// As the toolkit would send.
    pub(super) routes: Vec<Route>,
    /// Certificates that are trusted beside the system's.
    pub(super) roots: Vec<PathBuf>,
}

impl Environment {
    /// Of this process, or with everything sent to `forward`.
    pub(super) fn read(forward: Option<&str>) -> anyhow::Result<Self> {
        Self::look_up(forward, |name| {
            let value = std::env::var_os(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        })
    }

    fn look_up(
        forward: Option<&str>,
        variable: impl Fn(&str) -> Option<String> + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let mut found = Self {
            endpoints: Vec::new(),
            removed: Vec::new(),
            elsewhere: Vec::new(),
            routes: Vec::new(),
            roots: Vec::new(),
        };
        if let Some(url) = forward {
            let endpoint = Endpoint::parse(ALL, url);
            found
                .endpoints
                .push(endpoint.ok_or_else(|| anyhow::anyhow!("--forward: `{}` is no URL", shown(url)))?);
            found.removed = OF_SIGNALS.into_iter().filter(|name| variable(name).is_some()).collect();
        } else {
            for name in OF_SIGNALS.into_iter().chain([ALL]) {
                let Some(url) = variable(name) else { continue };
                match Endpoint::parse(name, &url) {
                    Some(endpoint) => found.endpoints.push(endpoint),
                    None => found.elsewhere.push(name.to_owned()),
                }
            }
        }
        let description = as_the_toolkit(forward.map(str::to_owned), variable);
        (found.routes, found.roots) = (routes(&description), roots(&description));
        if found.endpoints.is_empty() && found.elsewhere.is_empty() {
            found.endpoints.push(Endpoint { variable: ALL, server: None, credentials: String::new() });
        }
        Ok(found)
    }

    /// The servers that are named, each once.
    pub(super) fn servers(&self) -> Vec<Option<Address>> {
        let mut servers: Vec<Option<Address>> =
            self.endpoints.iter().map(|endpoint| endpoint.server.as_ref().map(without_path)).collect();
        servers.sort();
        servers.dedup();
        servers
    }
}

pub(super) fn without_path(address: &Address) -> Address {
    Address { path: String::new(), ..address.clone() }
}

fn as_the_toolkit(
    forward: Option<String>,
    variable: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
) -> Description {
    let lookup = move |name: &str| match &forward {
        Some(url) if name == ALL => Some(url.clone()),
        Some(_) if OF_SIGNALS.contains(&name) => None,
        _ => variable(name),
    };
    TelemetryConfig::new("unknown_service").with_environment_variables(lookup).explain()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked_up(forward: Option<&str>, set: &'static [(&str, &str)]) -> Environment {
        let variable =
            |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Environment::look_up(forward, variable).unwrap()
    }

    #[test]
    fn endpoints_keep_their_paths_and_servers_are_told_apart() {
        let environment = looked_up(
            None,
            &[
                (ALL, "https://u:p@collector/tenant"),
                (OF_SIGNALS[0], "http://prometheus:9090/api/v1/otlp/v1/metrics"),
                (OF_SIGNALS[1], "collector:4317"),
            ],
        );
        assert_eq!(environment.servers().len(), 3);
        let values: Vec<_> = environment.endpoints.iter().map(|endpoint| endpoint.through(7)).collect();
        let expected = [
            "http://127.0.0.1:7/api/v1/otlp/v1/metrics",
            "http://127.0.0.1:7",
            "http://u:p@127.0.0.1:7/tenant",
        ];
        assert_eq!(values, expected);
        assert!(environment.endpoints[2].server.as_ref().unwrap().is_tls);
    }

    #[test]
    fn nobody_named_is_recorded_only() {
        let environment = looked_up(None, &[]);
        assert_eq!(environment.servers(), [None]);
        assert_eq!(environment.endpoints[0].through(7), "http://127.0.0.1:7");
        let sockets = looked_up(None, &[(ALL, "unix:///run/otel.sock")]);
        assert_eq!((sockets.endpoints.len(), sockets.elsewhere.len()), (0, 1));
    }

    #[test]
    fn what_is_forwarded_goes_to_one_server() {
        let environment =
            looked_up(Some("http://here:4318"), &[(ALL, "http://there"), (OF_SIGNALS[2], "http://x/y")]);
        assert_eq!((environment.servers().len(), environment.removed.as_slice()), (1, &OF_SIGNALS[2..]));
        assert_eq!(environment.routes.len(), 3);
        assert!(environment.routes.iter().all(|route| route.url.starts_with("http://here:4318")));
    }
}
