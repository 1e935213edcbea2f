//! `throughline snippet`: the few lines that set up OpenTelemetry, right for the versions of today.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;

use crate::lint::matrix::Matrix;

/// Prints dependencies and code that are right for the current versions
#[derive(Debug, clap::Args)]
#[command(before_help = "Examples:\n  throughline snippet otel")]
pub(crate) struct Arguments {
    /// For what
    #[arg(value_enum)]
    what: What,
    /// Another table of versions than the one in the program
    #[arg(long, value_name = "FILE")]
    matrix: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// OpenTelemetry's own crates, over OTLP
    Otel,
    /// This toolkit
    Throughline,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let matrix = Matrix::load(arguments.matrix.as_deref())?;
    match arguments.what {
        What::Otel => {
            say!(
                "# Cargo.toml: OpenTelemetry {}, the newest on {}\n[dependencies]",
                matrix.family,
                matrix.generated
            );
            for name in ["opentelemetry", "opentelemetry_sdk", "opentelemetry-otlp"] {
                let version = matrix.version(name, matrix.family).unwrap_or_default();
                let version = version.rsplit_once('.').map_or(version, |(minor, _)| minor);
                say!("{name} = \"{version}\"");
            }
            say!("\n// src/main.rs\n{}", include_str!("otel.rs"));
        }
        What::Throughline => say!(
            "# Cargo.toml\n[dependencies]\nthroughline = {{ version = \"{}\", features = [\"otlp-http\"] }}\n\n// src/main.rs\n{}",
            env!("CARGO_PKG_VERSION"),
            include_str!("throughline.rs")
        ),
    }
    Ok(ExitCode::SUCCESS)
}
