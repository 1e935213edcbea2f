//! The operating system: <https://opentelemetry.io/docs/specs/semconv/resource/os/>.

use super::{Findings, Surroundings};

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    found.add("os.type", kind(std::env::consts::OS));
    let release = ["/etc/os-release", "/usr/lib/os-release"];
    let Some(text) = release.iter().find_map(|path| surroundings.file(path)) else { return };
    for (key, variable) in [
        ("os.name", "NAME"),
        ("os.version", "VERSION_ID"),
        ("os.description", "PRETTY_NAME"),
        ("os.build_id", "BUILD_ID"),
    ] {
        found.add_some(key, variable_of(&text, variable));
    }
}

fn kind(os: &'static str) -> &'static str {
    match os {
        "macos" | "ios" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

/// A variable of a file written for shells: the value may be quoted.
fn variable_of(text: &str, variable: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix(variable)?.strip_prefix('='))?;
    let value = value.trim().trim_matches(['"', '\'']);
    (!value.is_empty()).then(|| value.to_owned())
}
