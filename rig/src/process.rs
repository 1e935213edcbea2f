//! One running server: its temporary folder, its ports, its log, its end.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tempfile::TempDir;

use crate::eventually::INTERVAL;
use crate::http;

/// A server is ready in under a second on an idle machine; this one may be busy compiling.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// Between picking a free port and the server's taking it, somebody else may.
const ATTEMPTS: usize = 5;

/// What a reader of a failed test wants to see.
const LOG_LINES_SHOWN: usize = 60;

/// How to start a server, once its ports and folder are known.
pub(crate) struct Recipe {
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    /// Answers 200 once the server works.
    pub(crate) ready_url: String,
}

/// A server process; killed on drop.
pub(crate) struct Process {
    program: PathBuf,
    recipe: Recipe,
    folder: TempDir,
    child: Option<Child>,
}

impl Process {
    /// Starts `program` on `N` private ports and waits until it is ready.
    #[track_caller]
    pub(crate) fn start<const N: usize>(
        program: &Path,
        recipe: impl Fn(&Path, [u16; N]) -> Result<Recipe>,
    ) -> (Self, [u16; N]) {
        for attempt in 1.. {
            let ports = free_ports();
            let mut process = Self::prepare(program, |folder| recipe(folder, ports))
                .unwrap_or_else(|error| panic!("cannot prepare {}: {error:#}", program.display()));
            match process.launch() {
                Ok(()) => return (process, ports),
                Err(_) if attempt < ATTEMPTS && process.lost_a_port() => {}
                Err(error) => panic!("{error:#}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    fn prepare(program: &Path, recipe: impl FnOnce(&Path) -> Result<Recipe>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("throughline-rig-").tempdir()?;
        let recipe = recipe(folder.path())?;
        Ok(Self { program: program.to_path_buf(), recipe, folder, child: None })
    }

    /// Starts it, again or for the first time: same ports, same folder.
    pub(crate) fn launch(&mut self) -> Result<()> {
        let log = File::options().create(true).append(true).open(self.log_path()).context("open the log")?;
        let child = Command::new(&self.program)
            .args(&self.recipe.arguments)
            .envs(self.recipe.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        self.child = Some(child);
        self.await_ready()
    }

    /// Its errors leave the log out: `Drop` prints it when the test fails because of them.
    fn await_ready(&mut self) -> Result<()> {
        let started = Instant::now();
        let Self { program, recipe: Recipe { ready_url, .. }, child, .. } = self;
        let (program, child) = (program.display(), child.as_mut().context("a child was just started")?);
        loop {
            let ready = http::get(ready_url).is_ok_and(|answer| answer.is_success());
            if let Some(status) = child.try_wait()? {
                bail!("{program} ended while starting ({status})");
            }
            if ready {
                return Ok(());
            }
            if started.elapsed() > READY_WITHIN {
                bail!("{program} is not ready after {READY_WITHIN:?}: no good answer from {ready_url}");
            }
            thread::sleep(INTERVAL);
        }
    }

    fn lost_a_port(&self) -> bool {
        self.log().contains("address already in use")
    }

    /// Kills it without a chance to say goodbye, as a crash would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only when the child has ended already.
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// The process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(self.log_path()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let shown = lines.len().saturating_sub(LOG_LINES_SHOWN);
        let mut text = format!("-- log of {} (last lines) --\n", self.program.display());
        for line in lines.iter().skip(shown) {
            writeln!(text, "{line}").expect("writing to a String cannot fail");
        }
        text
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
    }
}

impl std::fmt::Debug for Process {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { program, recipe: _, folder, child } = self;
        let id = child.as_ref().map(Child::id);
        f.debug_struct("Process").field("program", program).field("id", &id).field("folder", folder).finish()
    }
}

/// The methods that every server handle has.
macro_rules! server_methods {
    ($server:ident) => {
        impl $server {
            /// Kills the server without warning, as a crash would; its files and ports stay.
            pub fn kill(&mut self) {
                self.process.kill();
            }

            /// Starts a killed server again on the same ports and files, and waits until it is ready.
            #[track_caller]
            pub fn restart(&mut self) {
                self.process.kill();
                self.process.launch().unwrap_or_else(|error| panic!("{error:#}"));
            }

            /// The process id, `None` after [`Self::kill`].
            pub fn id(&self) -> Option<u32> {
                self.process.id()
            }

            /// What the server has logged so far.
            pub fn log(&self) -> String {
                self.process.log()
            }
        }
    };
}
pub(crate) use server_methods;

/// Writes `config` into `folder` as JSON, which every YAML parser reads; or `raw` as it is.
pub(crate) fn write_config(folder: &Path, name: &str, raw: Option<&str>, config: &Value) -> Result<String> {
    let path = folder.join(name);
    fs::write(&path, raw.map_or_else(|| format!("{config:#}"), str::to_owned))?;
    Ok(path.to_string_lossy().into_owned())
}

/// Ports that were free a moment ago and that this process has not handed out before.
fn free_ports<const N: usize>() -> [u16; N] {
    static TAKEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = taken.get_or_insert_default();
    let mut held = Vec::new(); // all at once, or the system may give the same port twice
    [(); N].map(|()| {
        loop {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
            let port = listener.local_addr().expect("a bound listener has an address").port();
            held.push(listener);
            if taken.insert(port) {
                return port;
            }
        }
    })
}
