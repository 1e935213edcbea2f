//! `throughline config`: what telemetry would do here, and why; and the servers that it goes to.

mod explain;
mod stack;

use std::process::ExitCode;

use clap::Subcommand;

/// What the configuration says, and configurations for the servers that telemetry goes to
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  throughline config explain --service shop\n  throughline config compose --out deploy\n  \
                  throughline config collector --metrics-to remote-write"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Explain(explain::Arguments),
    /// Makes the configuration of an OpenTelemetry Collector
    Collector {
        #[command(flatten)]
        stack: stack::Arguments,
        /// How metrics go on; by default as the path says.
        #[arg(long, value_enum)]
        metrics_to: Option<stack::MetricsTo>,
    },
    /// Makes the configuration of a Prometheus
    Prometheus(stack::Arguments),
    /// Makes the stack for one machine: Collector, Prometheus, Alertmanager, Jaeger, Grafana, dashboards and rules
    Compose(stack::Arguments),
    /// Makes the shape for many machines: agents, gateways, Mimir and Grafana in Kubernetes
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
