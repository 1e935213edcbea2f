//! The scrape endpoint: decided, bound, served.
//!
//! Called by `init.rs`. What is served comes from `throughline-prometheus/src/exporter.rs`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;

use serde_json::json;
use throughline_core::name::TranslationStrategy;
use throughline_metrics::{MeterProvider, TemporalityPreference};
use throughline_prometheus::server::Server;
use throughline_prometheus::{Exposition, Format, PrometheusConfig, PrometheusExporter};
use tokio::sync::Notify;

use super::security::Security;
use crate::config::TelemetryConfig;
use crate::error::{Error, Source};
use crate::exporters::Task;
use crate::settings::Settings;
use crate::status::ExporterStatus;

/// The specification's default port of the Prometheus exporter; its host is that of the local machine.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);

/// What was decided about the endpoint.
#[derive(Debug)]
pub(crate) struct Plan {
    address: Option<SocketAddr>,
    config: PrometheusConfig,
    security: Security,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let strategy = settings.decide(
            "prometheus.translation_strategy",
            config.translation.map(|strategy| ("with_translation_strategy", strategy)),
            &[],
            |_never| Ok(TranslationStrategy::default()),
            TranslationStrategy::default(),
        );
        let address = if config.prometheus == Some(false) {
            settings.decided("prometheus.endpoint", &"none", Source::Code("without_prometheus_endpoint"));
            None
        } else {
            Some(decide_address(config, settings))
        };
        let security = match address {
            Some(_) => Security::decide(&config.scrape, settings),
            None => Security::default(),
        };
        let config =
            PrometheusConfig::default().with_strategy(strategy).with_scope_labels(config.scope_labels);
        Self { address, config, security }
    }

    /// Opens the port, when there is to be one.
    pub(crate) fn start(self, provider: &MeterProvider) -> Result<Prometheus, Error> {
        let listener = match self.address {
            Some(address) => {
                Some(TcpListener::bind(address).map_err(|source| Error::Bind { address, source })?)
            }
            None => None,
        };
        let exporter =
            PrometheusExporter::new(provider.reader(TemporalityPreference::Cumulative), self.config);
        let address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        if let Some(address) = address {
            self.security.warn(address);
        }
        Ok(Prometheus { exporter, address, listener, security: self.security, stop: Arc::new(Notify::new()) })
    }
}

fn decide_address(config: &TelemetryConfig, settings: &mut Settings<'_>) -> SocketAddr {
    if let Some(address) = config.prometheus_address {
        settings.decided("prometheus.endpoint", &address, Source::Code("with_prometheus_address"));
        return address;
    }
    let host = settings.variable(&["OTEL_EXPORTER_PROMETHEUS_HOST"]);
    let port = settings.variable(&["OTEL_EXPORTER_PROMETHEUS_PORT"]);
    let source =
        host.as_ref().or(port.as_ref()).map_or(Source::Default, |(name, _)| Source::Environment(name));
    let mut address = DEFAULT_ADDRESS;
    if let Some((variable, host)) = host {
        match parse_host(&host) {
            Some(host) => address.set_ip(host),
            None => settings.problem(
                Source::Environment(variable),
                host,
                "is no address of this machine; write an IP address, such as 127.0.0.1 or 0.0.0.0, or localhost",
            ),
        }
    }
    if let Some((variable, port)) = port {
        match port.parse() {
            Ok(port) => address.set_port(port),
            Err(_) => settings.problem(
                Source::Environment(variable),
                port,
                "is no port; write a number from 0 to 65535, where 0 takes any free port",
            ),
        }
    }
    settings.decided("prometheus.endpoint", &address, source);
    address
}

fn parse_host(host: &str) -> Option<IpAddr> {
    if host.eq_ignore_ascii_case("localhost") { Some(Ipv4Addr::LOCALHOST.into()) } else { host.parse().ok() }
}

/// The exporter, and the endpoint when there is one.
#[derive(Debug)]
pub(crate) struct Prometheus {
    pub(crate) exporter: PrometheusExporter,
    pub(crate) address: Option<SocketAddr>,
    listener: Option<TcpListener>,
    security: Security,
    stop: Arc<Notify>,
}

impl Prometheus {
    /// What the exporter thread has to do for the endpoint.
    pub(crate) fn task(&mut self, status: impl Fn() -> String + Send + Sync + 'static) -> Option<Task> {
        let listener = self.listener.take()?;
        let server = Server::new(self.exporter.clone()).with_status(status);
        let server = std::mem::take(&mut self.security).apply(server);
        let stop = Arc::clone(&self.stop);
        Some(Box::pin(async move {
            if let Err(error) = server.serve(listener, async move { stop.notified().await }).await {
                tracing::error!(target: "throughline", %error, "the scrape endpoint has ended");
            }
        }))
    }

    /// Closes the port; scrapes under way are finished.
    pub(crate) fn stop(&self) {
        self.stop.notify_one();
    }

    /// The metrics as OpenMetrics text.
    pub(crate) fn render(&self) -> String {
        let exposition = Exposition::OpenMetrics1_0_0;
        self.exporter.render_text(Format { exposition, ..Format::default() })
    }

    /// Where the endpoint is, and what cannot be shown as it was recorded.
    pub(crate) fn status(&self) -> ExporterStatus {
        let (exporter, address) = (self.exporter.clone(), self.address);
        Box::new(move || {
            let problems: Vec<_> = exporter.problems().iter().map(ToString::to_string).collect();
            json!({ "address": address.map(|address| address.to_string()), "problems": problems })
        })
    }
}
