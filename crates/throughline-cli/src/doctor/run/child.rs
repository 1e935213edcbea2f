//! The application: started in a process group of its own, its output shown as it comes, and ended when the time is over.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::lines::Lines;
use crate::ended::asked_to_end;

/// Between the request to end and the kill: less than the half minute of Kubernetes, more than exporters take.
pub(super) const GRACE: Duration = Duration::from_secs(8);
/// For what is still in the pipes when the process has ended by itself: what it left behind may hold them for ever.
const DRAINED_WITHIN: Duration = Duration::from_millis(500);

/// The application while it runs.
#[derive(Debug)]
pub(super) struct Application {
    child: Child,
    /// The process, and the group of all that it starts.
    id: Option<u32>,
    started: Instant,
    output: Vec<JoinHandle<()>>,
    lines: Arc<Mutex<Lines>>,
}

/// How it ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub(super) status: ExitStatus,
    /// When it was asked to end, since it was started; none when it ended by itself.
    pub(super) asked: Option<Duration>,
    pub(super) ended: Duration,
    /// It did not end when it was asked.
    pub(super) is_killed: bool,
    pub(super) lines: Lines,
}

impl Application {
    /// Starts the command with these changes of its environment. Everything it prints goes to standard error, so that
    /// standard output has the report alone.
    pub(super) fn start(
        command: &[OsString],
        variables: &[(String, Option<String>)],
        started: Instant,
    ) -> anyhow::Result<Self> {
        let (program, arguments) = command.split_first().context("there is no command")?;
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // From another group it could not read the terminal.
        command.stdin(Stdio::null());
        #[cfg(unix)]
        command.process_group(0);
        for (name, value) in variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command.spawn().with_context(|| format!("starting {}", program.to_string_lossy()))?;
        let lines = Arc::new(Mutex::new(Lines::default()));
        let mut output = Vec::new();
        output.extend(child.stdout.take().map(|pipe| tokio::spawn(show(pipe, Arc::clone(&lines)))));
        output.extend(child.stderr.take().map(|pipe| tokio::spawn(show(pipe, Arc::clone(&lines)))));
        Ok(Self { id: child.id(), child, started, output, lines })
    }

    /// Waits until it ends; asks it to when `time` is over or doctor itself is asked to, and kills it when it does not.
    pub(super) async fn run(mut self, time: Duration) -> anyhow::Result<Ending> {
        let by_itself = tokio::select! {
            status = self.child.wait() => Some(status?),
            () = tokio::time::sleep(time) => None,
            // It is in another group, where signals of the terminal do not come.
            () = asked_to_end() => None,
        };
        let asked = by_itself.is_none().then(|| self.started.elapsed());
        let (status, is_killed) = match by_itself {
            Some(status) => (status, false),
            None => self.end().await?,
        };
        let lines = self.lines(if asked.is_some() { GRACE } else { DRAINED_WITHIN }).await;
        Ok(Ending { status, asked, ended: self.started.elapsed(), is_killed, lines })
    }

    /// Asks it to end, and kills it when it does not.
    async fn end(&mut self) -> io::Result<(ExitStatus, bool)> {
        self.signal(false);
        if let Ok(status) = timeout(GRACE, self.child.wait()).await {
            return Ok((status?, false));
        }
        self.signal(true);
        Ok((self.child.wait().await?, true))
    }

    /// What it printed to its end. A shell ends before what it started: as long as that holds the pipes it is waited for.
    async fn lines(&mut self, within: Duration) -> Lines {
        for output in std::mem::take(&mut self.output) {
            let abort = output.abort_handle();
            if timeout(within, output).await.is_err() {
                self.signal(true);
                abort.abort();
            }
        }
        std::mem::take(&mut self.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// To its whole group: what was started may be a shell, or `cargo`.
    #[cfg(unix)]
    fn signal(&self, is_kill: bool) {
        use rustix::process::{Pid, Signal, kill_process_group};
        if let Some(group) = self.id.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
            // It fails when all of it has ended already.
            let _ended = kill_process_group(group, if is_kill { Signal::KILL } else { Signal::TERM });
        }
    }

    /// There is no way to ask.
    #[cfg(not(unix))]
    fn signal(&mut self, _is_kill: bool) {
        drop(self.child.start_kill());
    }
}

/// Passes on what comes, and looks at its lines.
async fn show(mut pipe: impl AsyncRead + Unpin, lines: Arc<Mutex<Lines>>) {
    let mut buffer = vec![0; 8192];
    let mut line = Vec::new();
    while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
        let Some(read) = buffer.get(..length) else { return };
        // Whoever closed standard error wants to see nothing.
        drop(io::stderr().write_all(read));
        lines.lock().unwrap_or_else(PoisonError::into_inner).add(&mut line, read);
    }
    lines.lock().unwrap_or_else(PoisonError::into_inner).add(&mut line, b"\n");
}
