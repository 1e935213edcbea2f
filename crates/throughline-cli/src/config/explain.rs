//! `throughline config explain`: every setting with the source that won and what it overrode, and nothing started.

use std::path::PathBuf;
use std::process::ExitCode;

use throughline::{Description, Overridden, Setting, TelemetryConfig};

/// Shows what a service would do that is started in this environment: each setting, where it comes from, and what it
/// overrode. Nothing is started. Secrets are not shown.
///
/// The exit status is 1 when telemetry would not start.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Read this file in OpenTelemetry's declarative configuration format, as `OTEL_CONFIG_FILE` would.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The name that the service has for itself.
    #[arg(long, value_name = "NAME", default_value = "unknown_service")]
    service: String,
}

/// When telemetry would not start.
const WOULD_NOT_START: u8 = 1;

pub(crate) fn run(Arguments { json, config, service }: &Arguments) -> anyhow::Result<ExitCode> {
    let mut telemetry = TelemetryConfig::new(service);
    if let Some(file) = config {
        telemetry = telemetry.with_file(file);
    }
    let description = telemetry.explain();
    if *json {
        say!("{:#}", description.to_json());
    } else {
        table(&description)?;
    }
    Ok(if description.error().is_some() { ExitCode::from(WOULD_NOT_START) } else { ExitCode::SUCCESS })
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
