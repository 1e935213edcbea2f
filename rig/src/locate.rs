//! Finds the servers that `cargo xtask rig` prepared.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

/// Something that `cargo xtask rig` provides and a test may need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Need {
    /// The Prometheus server.
    Prometheus,
    /// Prometheus' checker of expositions, rules and queries.
    Promtool,
    /// The OpenTelemetry Collector.
    Collector,
    /// Jaeger v2; prepared only by `cargo xtask rig jaeger`.
    Jaeger,
    /// Prometheus' Alertmanager; prepared only by `cargo xtask rig alertmanager`.
    Alertmanager,
    /// The judge of Kubernetes manifests and compose files; prepared only by `cargo xtask rig manifests`.
    Manifests,
    /// Python with the reference `OpenMetrics` parser.
    Python,
}

impl Need {
    fn name(self) -> &'static str {
        match self {
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
            Self::Collector => "otelcol",
            Self::Jaeger => "jaeger",
            Self::Alertmanager => "alertmanager",
            Self::Manifests => "manifests",
            Self::Python => "python",
        }
    }

    /// Whether a plain `cargo xtask rig` provides it.
    fn is_default(self) -> bool {
        !matches!(self, Self::Jaeger | Self::Alertmanager | Self::Manifests)
    }

    fn command(self) -> &'static str {
        match self {
            Self::Jaeger => "cargo xtask rig jaeger",
            Self::Alertmanager => "cargo xtask rig alertmanager",
            Self::Manifests => "cargo xtask rig manifests",
            _ => "cargo xtask rig",
        }
    }
}

/// A server is not there; `Display` says which and how to get it.
#[derive(Clone, Debug)]
pub struct Missing {
    reason: String,
    excusable: bool,
}

impl Missing {
    /// Whether the test that needs it must fail, rather than be reported as ignored.
    ///
    /// True under `CI=true`, where an ignored test would never run anywhere. Not
    /// for servers outside the default set, nor when `THROUGHLINE_RIG=off` asked for it.
    pub fn is_failure(&self) -> bool {
        !self.excusable && env::var_os("CI").is_some_and(|value| value == "true")
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for Missing {}

/// The folder of prepared servers, and the way to start them.
#[derive(Clone, Debug)]
pub struct Rig {
    folder: PathBuf,
}

impl Rig {
    /// Finds the prepared servers: in `THROUGHLINE_RIG_DIR`, else in the workspace's `target/rig`.
    ///
    /// # Errors
    ///
    /// [`Missing`] when the folder does not exist, or when `THROUGHLINE_RIG=off`.
    pub fn find() -> Result<Self, Missing> {
        if env::var_os("THROUGHLINE_RIG").is_some_and(|value| value == "off") {
            return Err(Missing {
                reason: "switched off by THROUGHLINE_RIG=off".to_owned(),
                excusable: true,
            });
        }
        let folder = env::var_os("THROUGHLINE_RIG_DIR").map_or_else(default_folder, PathBuf::from);
        if folder.join("bin").is_dir() {
            return Ok(Self { folder });
        }
        let reason = format!("no real servers in {}: run `cargo xtask rig`", folder.display());
        Err(Missing { reason, excusable: false })
    }

    /// Where the executable of `need` is.
    ///
    /// # Errors
    ///
    /// [`Missing`] when it was not prepared.
    pub fn executable(&self, need: Need) -> Result<PathBuf, Missing> {
        let file = if need == Need::Python {
            let inside = if env::consts::OS == "windows" { "Scripts/python.exe" } else { "bin/python" };
            self.folder.join("venv").join(inside)
        } else {
            self.folder.join("bin").join(format!("{}{}", need.name(), env::consts::EXE_SUFFIX))
        };
        if file.is_file() {
            return Ok(file);
        }
        let reason = format!("no {} in {}: run `{}`", need.name(), self.folder.display(), need.command());
        Err(Missing { reason, excusable: !need.is_default() })
    }

    /// The executable of `need`; tests name their needs first, so it should be there.
    #[track_caller]
    pub(crate) fn expect(&self, need: Need) -> PathBuf {
        self.executable(need).unwrap_or_else(|missing| panic!("{missing}"))
    }
}

fn default_folder() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the crate lies in the repository's root").join("target/rig")
}
