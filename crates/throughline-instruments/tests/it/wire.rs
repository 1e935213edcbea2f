//! What readers of a provider make of what a registry has: a scrape, and a push.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint, number_data_point};
use prost::Message as _;
use throughline_metrics::{MeterProvider, TemporalityPreference};
use throughline_otlp::ProtobufEncoder;
use throughline_prometheus::{Escaping, Exposition, Format, PrometheusConfig, Renderer};

/// The text that Prometheus gets in this format.
pub(crate) fn scraped(provider: &MeterProvider, exposition: Exposition) -> String {
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let config = PrometheusConfig::default().with_target_info(false);
    let format = Format { exposition, escaping: Escaping::default() };
    let mut text = Vec::new();
    Renderer::new(config).render(reader.collect(), format, &mut text);
    String::from_utf8(text).unwrap()
}

/// The samples of an exposition, sorted: `name{labels}` with the value.
pub(crate) fn samples(exposition: &str) -> Vec<(String, f64)> {
    let lines = exposition.lines().filter(|line| !line.starts_with('#'));
    let mut samples: Vec<(String, f64)> = lines.map(sample).collect();
    samples.sort_by(|(a, _), (b, _)| a.cmp(b));
    samples
}

fn sample(line: &str) -> (String, f64) {
    let (line, _exemplar) = line.split_once(" # ").unwrap_or((line, ""));
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) =
        series.strip_suffix('}').and_then(|series| series.split_once('{')).unwrap_or((series, ""));
    // Values of labels have no commas in these tests. How a bound is written is up to who writes it.
    let mut labels: Vec<String> = labels.split(',').map(|label| label.replace(".0\"", "\"")).collect();
    labels.sort();
    (format!("{name}{{{}}}", labels.join(",")), value.parse().unwrap())
}

/// The metric of this name, as it is pushed.
pub(crate) fn pushed(provider: &MeterProvider, name: &str) -> Metric {
    let mut reader = provider.reader(TemporalityPreference::Cumulative);
    let mut encoder = ProtobufEncoder::default();
    let request = ExportMetricsServiceRequest::decode(encoder.encode(reader.collect())).unwrap();
    let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
    scopes.flat_map(|scope| scope.metrics).find(|metric| metric.name == name).unwrap()
}

/// The value of a point, when it is a float.
pub(crate) fn float(point: &NumberDataPoint) -> Option<f64> {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => Some(value),
        _ => None,
    }
}
