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

use crate::config::TelemetryConfig;
use crate::error::Error;
use crate::exporters::Task;
use crate::selection::Selection;
use crate::settings::{Settings, catalogue};
use crate::status::ExporterStatus;

/// A build with it has a scrape endpoint unless somebody says otherwise.
pub(crate) const IS_BUILT_IN: bool = true;

/// What was decided about the endpoint.
#[derive(Debug)]
pub(crate) struct Plan {
    address: Option<SocketAddr>,
    config: PrometheusConfig,
}

impl Plan {
    pub(crate) fn new(config: &TelemetryConfig, selection: &Selection, settings: &mut Settings<'_>) -> Self {
        let strategy = config.translation.map(|strategy| ("with_translation_strategy", strategy));
        let strategy = settings.decide(&catalogue::PROMETHEUS_STRATEGY, strategy, |text| {
            text.parse::<TranslationStrategy>().map_err(|error| error.to_string())
        });
        let labels = config.scope_labels.map(|labels| ("without_scope_labels", labels));
        let labels = settings.switch(&catalogue::PROMETHEUS_SCOPES, labels);
        let address = selection.metrics.prometheus.is_some().then(|| decide_address(config, settings));
        let config = PrometheusConfig::default().with_strategy(strategy).with_scope_labels(labels);
        Self { address, config }
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
        Ok(Prometheus { exporter, address, listener, stop: Arc::new(Notify::new()) })
    }
}

fn decide_address(config: &TelemetryConfig, settings: &mut Settings<'_>) -> SocketAddr {
    let code = config.prometheus_address;
    let method = "with_prometheus_address";
    let host = code.map(|address| (method, address.ip()));
    let host = settings.decide(&catalogue::PROMETHEUS_HOST, host, parse_host);
    let port = code.map(|address| (method, address.port()));
    let port = settings.decide(&catalogue::PROMETHEUS_PORT, port, |port| {
        port.parse().map_err(|_not_a_port| {
            "is no port; write a number from 0 to 65535, where 0 takes any free port".to_owned()
        })
    });
    SocketAddr::new(host, port)
}

fn parse_host(host: &str) -> Result<IpAddr, String> {
    if host.eq_ignore_ascii_case("localhost") {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    host.parse().map_err(|_not_an_address| {
        "is no address of this machine; write an IP address, such as 127.0.0.1 or 0.0.0.0, or localhost"
            .to_owned()
    })
}

/// The exporter, and the endpoint when there is one.
#[derive(Debug)]
pub(crate) struct Prometheus {
    pub(crate) exporter: PrometheusExporter,
    pub(crate) address: Option<SocketAddr>,
    listener: Option<TcpListener>,
    stop: Arc<Notify>,
}

impl Prometheus {
    /// What the exporter thread has to do for the endpoint.
    pub(crate) fn task(&mut self, status: impl Fn() -> String + Send + Sync + 'static) -> Option<Task> {
        let listener = self.listener.take()?;
        let server = Server::new(self.exporter.clone()).with_status(status);
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
