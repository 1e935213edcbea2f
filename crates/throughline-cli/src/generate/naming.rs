//! How metrics come into Prometheus, which decides what they are called there and what else is there.

use clap::ValueEnum;
use throughline::TranslationStrategy;

/// What generated names, queries and configurations agree on.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Naming {
    /// How metrics come into Prometheus.
    #[arg(long, value_enum, default_value_t = Path::Collector)]
    pub(crate) path: Path,
    /// How names are translated: the `translation_strategy` of Prometheus, the Collector or the service.
    #[arg(long, default_value_t)]
    pub(crate) strategy: TranslationStrategy,
}

/// The ways into Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Path {
    /// Prometheus scrapes the service.
    Scrape,
    /// The service pushes over OTLP into Prometheus.
    Otlp,
    /// The service pushes over OTLP to a Collector, which Prometheus scrapes.
    Collector,
}

impl Path {
    /// Whether the service exports by itself, and so reports how that goes.
    pub(crate) fn pushes(self) -> bool {
        self != Self::Scrape
    }
}
