//! The process: <https://opentelemetry.io/docs/specs/semconv/resource/process/>.

use super::{Findings, Surroundings};

pub(super) fn detect(surroundings: &Surroundings, found: &mut Findings<'_>) {
    found.add("process.pid", i64::from(std::process::id()));
    if let Ok(path) = std::env::current_exe() {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        found.add_some("process.executable.name", name);
        found.add("process.executable.path", path.to_string_lossy().into_owned());
    }
    let command = std::env::args_os().next().map(|command| command.to_string_lossy().into_owned());
    found.add_some("process.command", command);
    let status = surroundings.file("/proc/self/status").unwrap_or_default();
    found.add_some("process.parent_pid", field(&status, "PPid:").and_then(|pid| pid.parse::<i64>().ok()));
    found.add_some("process.owner", owner(surroundings, &status));
    found.add("process.runtime.name", "rustc");
    found.add_some("process.runtime.version", Some(COMPILER).filter(|version| !version.is_empty()));
}

const COMPILER: &str = env!("THROUGHLINE_RUSTC_VERSION");

/// The name of the user whose rights the process has.
fn owner(surroundings: &Surroundings, status: &str) -> Option<String> {
    let of_id = || {
        // Real, effective, saved and file system id: the second counts.
        let id = line(status, "Uid:")?.split_whitespace().nth(1)?;
        let users = surroundings.file("/etc/passwd")?;
        users.lines().find_map(|user| {
            let mut fields = user.split(':');
            let (name, found) = (fields.next()?, fields.nth(1)?);
            (found == id).then(|| name.to_owned())
        })
    };
    of_id().or_else(|| surroundings.variable(&["USER", "LOGNAME", "USERNAME"]))
}

fn line<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    status.lines().find_map(|line| line.strip_prefix(key))
}

fn field<'a>(status: &'a str, key: &str) -> Option<&'a str> {
    line(status, key)?.split_whitespace().next()
}
