//! `throughline config explain`: every setting with the source that won and what it overrode, and nothing started.

use std::path::PathBuf;
use std::process::ExitCode;

use throughline::{Description, Overridden, Setting, TelemetryConfig};

use crate::format::Format;

/// Shows each setting of a service in this environment, its source, and what it overrode
///
/// Nothing is started. Secrets are not shown.
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline config explain
  throughline config explain --config otel.yaml --format json",
    after_help = "The exit status is 1 when telemetry would not start."
)]
pub(crate) struct Arguments {
    /// How to write them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Read this file in OpenTelemetry's configuration format, as `OTEL_CONFIG_FILE` would
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The name that the service has for itself
    #[arg(long, value_name = "NAME", default_value = "unknown_service")]
    service: String,
}

pub(crate) fn run(Arguments { format, config, service }: &Arguments) -> anyhow::Result<ExitCode> {
    let mut telemetry = TelemetryConfig::new(service);
    if let Some(file) = config {
        telemetry = telemetry.with_file(file);
    }
    let description = telemetry.explain();
    if *format == Format::Json {
        say!("{:#}", description.to_json());
    } else {
        table(&description)?;
    }
    Ok(if description.error().is_some() { ExitCode::from(crate::FOUND) } else { ExitCode::SUCCESS })
}

fn table(description: &Description) -> anyhow::Result<()> {
    let settings = description.settings();
    let width = |of: fn(&Setting) -> &str| settings.iter().map(|setting| of(setting).chars().count()).max();
    let names = width(|setting| setting.name).unwrap_or(0);
    // A long value pushes its own source aside, not everybody's.
    let values = width(|setting| &setting.value).unwrap_or(0).min(VALUE_CHARS_MAX);
    say!("{:names$}  {:values$}  SOURCE", "SETTING", "VALUE");
    for Setting { name, value, source, overrode, .. } in settings {
        say!("{name:names$}  {value:values$}  {source}");
        for Overridden { value, source, .. } in overrode {
            say!("{:names$}  {value:values$}  {source} (overridden)", "");
        }
    }
    for warning in description.warnings() {
        say!("\nwarning: {warning}");
    }
    if let Some(error) = description.error() {
        say!("\nerror: {error}");
    }
    Ok(())
}

/// Longer values do not widen the column.
const VALUE_CHARS_MAX: usize = 44;
