//! `throughline config collector|prometheus|compose|k8s`: the servers that telemetry goes to, set up to fit it.
//!
//! Templates stand beside this file, as those who read them know the format. What has to be the same at both ends is put
//! in: the way metrics go, how names are translated, and versions that were tried together.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::generate::{File, Naming, Path, all_dashboards, all_rules, write_or_show};

/// Where files go, and what they agree on.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where to put the files; without it they are shown.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    naming: Naming,
}

/// How the Collector gives metrics to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MetricsTo {
    /// Prometheus scrapes them.
    Scrape,
    /// Written by remote write.
    RemoteWrite,
    /// Pushed to an OTLP receiver.
    Otlp,
}

impl MetricsTo {
    fn of(path: Path) -> Self {
        if path == Path::Otlp { Self::Otlp } else { Self::Scrape }
    }

    /// The name and the text of the exporter.
    fn exporter(self) -> (&'static str, &'static str) {
        match self {
            Self::Scrape => ("prometheus", include_str!("metrics_scraped.yaml")),
            Self::RemoteWrite => ("prometheusremotewrite", include_str!("metrics_written.yaml")),
            Self::Otlp => ("otlphttp/metrics", include_str!("metrics_pushed.yaml")),
        }
    }
}

/// Images, as of November 2026: the newest of each that fit together.
const IMAGES: [(&str, &str); 6] = [
    ("{{image.alertmanager}}", "docker.io/prom/alertmanager:v0.31.1"),
    ("{{image.collector}}", "docker.io/otel/opentelemetry-collector-contrib:0.159.0"),
    ("{{image.grafana}}", "docker.io/grafana/grafana:13.2.0"),
    ("{{image.jaeger}}", "docker.io/jaegertracing/jaeger:2.20.0"),
    ("{{image.mimir}}", "docker.io/grafana/mimir:3.1.2"),
    ("{{image.prometheus}}", "docker.io/prom/prometheus:v3.15.0"),
];

pub(crate) fn collector(arguments: &Arguments, metrics_to: Option<MetricsTo>) -> anyhow::Result<ExitCode> {
    let metrics_to = metrics_to.unwrap_or_else(|| MetricsTo::of(arguments.naming.path));
    arguments.write(&[File::new("collector.yaml", collector_file(arguments.naming, metrics_to))])
}

pub(crate) fn prometheus(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    arguments.write(&[File::new("prometheus.yml", prometheus_file(arguments.naming))])
}

/// The whole stack for one machine, dashboards and rules included.
pub(crate) fn compose(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let naming = arguments.naming;
    let mut files = vec![
        File::new("compose.yaml", filled(include_str!("compose.yaml"), naming)),
        File::new("collector.yaml", collector_file(naming, MetricsTo::of(naming.path))),
        File::new("prometheus.yml", prometheus_file(naming)),
        File::new("alertmanager.yml", include_str!("alertmanager.yaml")),
        File::new("grafana/datasources.yaml", datasources("http://prometheus:9090", "http://jaeger:16686")),
        File::new("grafana/dashboards.yaml", include_str!("grafana/dashboards.yaml")),
    ];
    files.extend(all_dashboards(naming));
    files.extend(all_rules(naming)?);
    arguments.write(&files)
}

/// The shape for many machines.
pub(crate) fn k8s(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let sources = datasources("http://mimir:8080/prometheus", "http://jaeger:16686");
    let of_templates = K8S.iter().map(|(name, text)| File::new(*name, filled(text, arguments.naming)));
    let of_grafana = [
        File::new("grafana-datasources.yaml", sources),
        File::new("grafana-dashboards.yaml", include_str!("grafana/dashboards.yaml")),
    ];
    arguments.write(&of_templates.chain(of_grafana).collect::<Vec<_>>())
}

const K8S: [(&str, &str); 9] = [
    ("grafana.yaml", include_str!("k8s/grafana.yaml")),
    ("kustomization.yaml", include_str!("k8s/kustomization.yaml")),
    ("namespace.yaml", include_str!("k8s/namespace.yaml")),
    ("agent.yaml", include_str!("k8s/agent.yaml")),
    ("agent-collector.yaml", include_str!("k8s/agent-collector.yaml")),
    ("gateway.yaml", include_str!("k8s/gateway.yaml")),
    ("gateway-collector.yaml", include_str!("k8s/gateway-collector.yaml")),
    ("mimir.yaml", include_str!("k8s/mimir.yaml")),
    ("mimir-config.yaml", include_str!("k8s/mimir-config.yaml")),
];

impl Arguments {
    fn write(&self, files: &[File]) -> anyhow::Result<ExitCode> {
        write_or_show(files, self.out.as_deref())?;
        Ok(ExitCode::SUCCESS)
    }
}

fn collector_file(naming: Naming, metrics_to: MetricsTo) -> String {
    let (name, exporter) = metrics_to.exporter();
    let text = include_str!("collector.yaml").replace("{{metrics_exporter}}\n", exporter);
    filled(&text.replace("{{metrics_to}}", name), naming)
}

fn prometheus_file(naming: Naming) -> String {
    let scraped = match naming.path {
        Path::Scrape => include_str!("scrape_services.yaml"),
        Path::Collector => include_str!("scrape_collector.yaml"),
        Path::Otlp => "",
    };
    filled(&include_str!("prometheus.yaml").replace("{{scrape_configs}}\n", scraped), naming)
}

fn datasources(prometheus: &str, jaeger: &str) -> String {
    let text = include_str!("grafana/datasources.yaml").replace("{{prometheus_url}}", prometheus);
    text.replace("{{jaeger_url}}", jaeger)
}

/// A template with what both ends agree on. Prometheus asks for names beyond ASCII in text alone, and gets native
/// histograms in protobuf alone.
fn filled(template: &str, naming: Naming) -> String {
    let (protocols, native) = if naming.strategy.keeps_utf8() {
        ("OpenMetricsText1.0.0, PrometheusText1.0.0", "false")
    } else {
        ("PrometheusProto, OpenMetricsText1.0.0, PrometheusText0.0.4", "true")
    };
    let agreed =
        [("{{strategy}}", naming.strategy.as_str()), ("{{protocols}}", protocols), ("{{native}}", native)];
    agreed.iter().chain(&IMAGES).fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
}
