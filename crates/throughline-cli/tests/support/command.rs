//! The command under test, in an environment that asks for nothing.

use std::process::Command;

/// The `throughline` binary with these arguments.
pub(crate) fn throughline(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
    command.args(arguments);
    for variable in
        ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_SDK_DISABLED"]
    {
        command.env_remove(variable);
    }
    command
}
