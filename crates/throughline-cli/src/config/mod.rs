//! `throughline config`: what telemetry would do here, and why; and the servers that it goes to.

mod explain;
mod stack;

use std::process::ExitCode;

use clap::Subcommand;

/// What the configuration says, and configurations for the servers that telemetry goes to
#[derive(Debug, clap::Args)]
#[command(before_help = "\
Examples:
  throughline config explain --service shop
  throughline config compose --out deploy
  throughline config collector --metrics-to remote-write")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Arguments),
    /// Makes the configuration of an OpenTelemetry Collector
    #[command(before_help = "Examples:\n  throughline config collector --metrics-to remote-write")]
    Collector {
        #[command(flatten)]
        stack: stack::Arguments,
        /// How metrics go on; by default as the path says.
        #[arg(long, value_enum)]
        metrics_to: Option<stack::MetricsTo>,
    },
    /// Makes the configuration of a Prometheus
    #[command(before_help = "Examples:\n  throughline config prometheus --path otlp > prometheus.yml")]
    Prometheus(stack::Arguments),
    /// Makes the stack for one machine: Collector, stores, Grafana, dashboards and rules
    #[command(before_help = "Examples:\n  throughline config compose --path otlp --out deploy")]
    Compose(stack::Arguments),
    /// Makes the shape for many machines: agents, gateways, Mimir, Grafana in Kubernetes
    #[command(before_help = "Examples:\n  throughline config k8s --out deploy/k8s")]
    K8s(stack::Arguments),
}

pub(crate) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Collector { stack, metrics_to } => stack::collector(&stack, metrics_to),
        Command::Prometheus(arguments) => stack::prometheus(&arguments),
        Command::Compose(arguments) => stack::compose(&arguments),
        Command::K8s(arguments) => stack::k8s(&arguments),
    }
}
