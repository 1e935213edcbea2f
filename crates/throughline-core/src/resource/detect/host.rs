//! The machine: <https://opentelemetry.io/docs/specs/semconv/resource/host/>.

use super::{Findings, Surroundings};

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    found.add_some("host.name", name(surroundings));
    let id = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
    found.add_some("host.id", id.iter().find_map(|path| surroundings.line(path)));
    found.add("host.arch", architecture(std::env::consts::ARCH));
}

fn name(surroundings: &Surroundings) -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let of_file = files.iter().find_map(|path| surroundings.line(path));
    of_file.or_else(|| surroundings.variable(&["HOSTNAME", "COMPUTERNAME", "HOST"]))
}

fn architecture(arch: &'static str) -> &'static str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}
