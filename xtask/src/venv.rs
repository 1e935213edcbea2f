//! A Python environment with the OpenMetrics parser that judges our exposition.
//!
//! It lives in the cache folder like the servers; `target/rig/venv` links to it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use crate::cache;
use crate::rig::command_works;

/// Makes `target/rig/venv` ready; says where it came from.
pub(crate) fn prepare() -> Result<String> {
    let requirements = cache::repository().join("rig/requirements.txt");
    let pins = fs::read(&requirements).with_context(|| format!("read {}", requirements.display()))?;
    let folder = cache::folder("venv", &[pins])?;
    // An upgraded system Python leaves environments behind that no longer start.
    if !command_works(&interpreter(&folder).to_string_lossy(), "--version") {
        drop(fs::remove_dir_all(&folder));
        create(&folder, &requirements)?;
        link(&folder)?;
        return Ok(format!("{} (made now)", folder.display()));
    }
    link(&folder)?;
    Ok(format!("{} (cache)", folder.display()))
}

fn create(folder: &Path, requirements: &Path) -> Result<()> {
    let Some(python) = ["python3", "python"].into_iter().find(|name| command_works(name, "--version")) else {
        bail!("no OpenMetrics parser: `python3` is not installed");
    };
    cache::fill(folder, |scratch| {
        run(Command::new(python).args(["-m", "venv"]).arg(scratch))?;
        run(Command::new(interpreter(scratch))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--requirement"])
            .arg(requirements))
    })
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start {command:?}"))?;
    if !status.success() {
        bail!("no OpenMetrics parser: {command:?} failed ({status}); Debian needs the package python3-venv");
    }
    Ok(())
}

fn link(folder: &Path) -> Result<()> {
    let link = cache::rig_target().join("venv");
    if fs::read_link(&link).is_ok_and(|present| present == folder) {
        return Ok(());
    }
    fs::create_dir_all(cache::rig_target())?;
    drop(fs::remove_file(&link)); // a link to an older environment, if any
    symlink(folder, &link).with_context(|| format!("link {}", link.display()))
}

#[cfg(unix)]
use std::os::unix::fs::symlink;
#[cfg(windows)]
use std::os::windows::fs::symlink_dir as symlink;

fn interpreter(folder: &Path) -> PathBuf {
    folder.join(if env::consts::OS == "windows" { "Scripts/python.exe" } else { "bin/python" })
}
