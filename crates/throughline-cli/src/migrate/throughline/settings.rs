//! What set-up code of OpenTelemetry's SDK sets, and the same for this toolkit.

/// A signal of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

/// How one signal is exported. Values are code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Export {
    /// `Grpc`, `HttpProtobuf` or `HttpJson`.
    pub(super) protocol: Option<&'static str>,
    pub(super) endpoint: Option<String>,
    pub(super) timeout: Option<String>,
}

/// All that was set.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) service: Option<String>,
    pub(super) attributes: Vec<String>,
    pub(super) sampling: Option<String>,
    pub(super) interval: Option<String>,
    pub(super) temporality: Option<&'static str>,
    exports: Vec<(Signal, Export)>,
}

impl Settings {
    /// The export of a signal; there is one from now on.
    pub(super) fn export(&mut self, signal: Signal) -> &mut Export {
        let at = self.exports.iter().position(|(known, _)| *known == signal).unwrap_or_else(|| {
            self.exports.push((signal, Export::default()));
            self.exports.len() - 1
        });
        &mut self.exports[at].1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exports.is_empty()
    }

    /// The cargo feature that its protocols need.
    pub(super) fn feature(&self) -> &'static str {
        let grpc = self.exports.iter().any(|(_, export)| export.protocol == Some("Grpc"));
        if grpc { "otlp-grpc" } else { "otlp-http" }
    }

    /// The name of the service, as code.
    pub(super) fn service(&self) -> &str {
        self.service.as_deref().unwrap_or("env!(\"CARGO_PKG_NAME\")")
    }

    /// The calls that configure the toolkit in the same way. A signal that was not exported is not exported now.
    pub(super) fn calls(&self) -> Vec<String> {
        // Set-up of the SDK opens no port.
        let mut calls = vec![call("without_prometheus_endpoint", "")];
        calls.extend(self.attributes.iter().map(|attribute| call("with_resource_attribute", attribute)));
        calls.extend(self.exports.iter().map(|(signal, export)| self.of_signal(*signal, export)));
        calls
    }

    fn of_signal(&self, signal: Signal, export: &Export) -> String {
        let (method, head) = match signal {
            Signal::Traces => ("with_traces", "throughline::TraceConfig::new()"),
            Signal::Metrics => ("with_metrics", "throughline::MetricsConfig::new()"),
            Signal::Logs => ("with_logs", "throughline::LogConfig::new()"),
        };
        let mut calls = vec![call("with_export", &export.code(signal))];
        match signal {
            Signal::Traces => {
                calls.extend(self.sampling.iter().map(|sampling| call("with_sampling", sampling)));
            }
            Signal::Metrics => {
                let interval = self.interval.iter().map(|interval| call("with_export_interval", interval));
                calls.extend(interval);
                let temporality = self.temporality.map(|kind| format!("throughline::Temporality::{kind}"));
                calls.extend(temporality.map(|kind| call("with_temporality", &kind)));
            }
            Signal::Logs => {}
        }
        call(method, &built(head, &calls))
    }
}

impl Export {
    fn code(&self, signal: Signal) -> String {
        let protocol = self.protocol.unwrap_or("HttpProtobuf");
        // Without an endpoint, the environment says where to, or it is this machine.
        let destination = match (&self.endpoint, protocol) {
            (Some(endpoint), "Grpc") => call("with_endpoint", endpoint),
            (Some(endpoint), _) => match base(endpoint, signal) {
                Some(base) => call("with_endpoint", &base),
                None => call("with_url", endpoint),
            },
            (None, _) => call("with_exporters", "[throughline::Exporter::Otlp]"),
        };
        let mut calls =
            vec![destination, call("with_protocol", &format!("throughline::OtlpProtocol::{protocol}"))];
        calls.extend(self.timeout.iter().map(|timeout| call("with_timeout", timeout)));
        built("throughline::ExportConfig::new()", &calls)
    }
}

/// What rustfmt lets a chain of calls have on one line.
const CHAIN: usize = 60;

/// A builder and the calls on it, as rustfmt would write them.
pub(super) fn built(head: &str, calls: &[String]) -> String {
    let line = format!("{head}{}", calls.concat());
    if calls.is_empty() || line.len() <= CHAIN && !line.contains('\n') {
        return line;
    }
    calls.iter().fold(head.to_owned(), |text, call| format!("{text}\n    {}", call.replace('\n', "\n    ")))
}

/// A call of a method.
pub(super) fn call(method: &str, argument: &str) -> String {
    if argument.contains('\n') {
        return format!(".{method}(\n    {},\n)", argument.replace('\n', "\n    "));
    }
    format!(".{method}({argument})")
}

/// The base of a URL that is a literal and ends with the path of its signal.
fn base(endpoint: &str, signal: Signal) -> Option<String> {
    let path = match signal {
        Signal::Traces => "/v1/traces\"",
        Signal::Metrics => "/v1/metrics\"",
        Signal::Logs => "/v1/logs\"",
    };
    Some(format!("{}\"", endpoint.strip_suffix(path)?))
}
