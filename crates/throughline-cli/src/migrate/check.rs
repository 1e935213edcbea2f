//! Asks the tools that know: git whether anything would be lost, cargo whether it compiles.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use crate::progress::Progress;

/// What the compiler says.
pub(super) enum Compiled {
    Yes,
    /// With these errors.
    No(String),
}

/// Whether git has all that is in a folder. A folder without git has nothing to lose to.
pub(super) fn is_clean(path: &Path) -> anyhow::Result<bool> {
    let output = Command::new("git").arg("-C").arg(path).args(["status", "--porcelain", "."]).output();
    let output = match output {
        Ok(output) => output,
        Err(problem) if problem.kind() == std::io::ErrorKind::NotFound => return Ok(true),
        Err(problem) => return Err(problem).context("cannot ask git"),
    };
    Ok(!output.status.success() || output.stdout.is_empty())
}

pub(super) fn compile(path: &Path) -> anyhow::Result<Compiled> {
    let _progress = Progress::during("cargo check");
    let output = Command::new("cargo")
        .args(["check", "--quiet", "--workspace", "--all-targets", "--message-format=short"])
        .current_dir(path)
        .output()
        .context("cannot run cargo")?;
    if output.status.success() {
        return Ok(Compiled::Yes);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = text.lines().filter(|line| !line.contains(" warning: ")).collect();
    Ok(Compiled::No(errors.join("\n")))
}
