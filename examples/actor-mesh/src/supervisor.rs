//! Keeps the workers running: starts them, starts one again that is gone, and lets them finish at the end.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use throughline_instruments::actor::{ActiveProc, ByError, ByTransport, ChannelError, Transport};

use crate::TALLY;
use crate::envelope::Frame;
use crate::link::{Lines, Link};
use crate::mesh::Mesh;

/// How often a worker that is gone is started again.
const RESTARTS_MAX: u32 = 3;

/// How long after: one that cannot run does not keep the machine busy.
const RESTART_PAUSE: Duration = Duration::from_secs(2);

/// All workers.
pub(crate) struct Supervisor {
    shared: Arc<Shared>,
    keepers: Vec<JoinHandle<()>>,
}

struct Shared {
    mesh: Arc<Mesh>,
    /// Held from the start of a worker until it has said hello.
    listener: Mutex<TcpListener>,
    /// The connections to those that run; none any more at the end.
    links: Mutex<Option<Vec<Arc<Link>>>>,
    is_ending: AtomicBool,
}

impl Supervisor {
    /// Starts the workers, and waits until all are there.
    pub(crate) fn start(mesh: &Arc<Mesh>, procs: u32) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("open a port for the workers")?;
        listener.set_nonblocking(true)?;
        begin_at_zero(mesh);
        let shared = Arc::new(Shared {
            mesh: Arc::clone(mesh),
            listener: Mutex::new(listener),
            links: Mutex::new(Some(Vec::new())),
            is_ending: AtomicBool::new(false),
        });
        let start = |proc| {
            let worker = Worker::start(&shared, proc)?;
            let shared = Arc::clone(&shared);
            anyhow::Ok(thread::spawn(move || keep(&shared, worker)))
        };
        let keepers = (1..=procs).map(start).collect::<Result<_>>()?;
        Ok(Self { shared, keepers })
    }

    /// Lets all workers finish, and adds what they counted.
    pub(crate) fn end(self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        let links = self.shared.links.lock().unwrap_or_else(PoisonError::into_inner).take();
        for link in links.into_iter().flatten() {
            // A worker that is gone has nothing to finish; that it is gone was said.
            let _gone = link.write(&Frame::Drain).is_err();
        }
        for keeper in self.keepers {
            keeper.join().unwrap_or_else(|_panic| tracing::error!("the keeper of a worker panicked"));
        }
    }
}

/// What seldom happens is there from the start: the first time is then a growth, and not a series from nowhere.
fn begin_at_zero(mesh: &Mesh) {
    mesh.metrics.proc_failures.add(0, &());
    let transport = Transport::Tcp;
    mesh.channels.reconnections.add(0, &ByTransport { transport });
    for error_type in [ChannelError::Read, ChannelError::Write, ChannelError::Malformed] {
        mesh.channels.errors.add(0, &ByError { transport, error_type });
    }
}

impl Shared {
    /// Remembers the connection, to end it; one that comes too late is ended at once.
    fn note(&self, link: &Arc<Link>) {
        match &mut *self.links.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(links) => links.push(Arc::clone(link)),
            None => drop(link.write(&Frame::Drain)),
        }
    }

    /// Waits before the next start; whether there is to be one.
    fn pause(&self) -> bool {
        let mut waited = Duration::ZERO;
        while waited < RESTART_PAUSE && !self.is_ending.load(Ordering::Relaxed) {
            thread::sleep(LOOK_PAUSE);
            waited += LOOK_PAUSE;
        }
        !self.is_ending.load(Ordering::Relaxed)
    }
}

/// Reads what a worker says until it is done, and starts it again when it is gone before that.
fn keep(shared: &Arc<Shared>, mut worker: Worker) {
    let proc = worker.proc;
    for _ in 0..RESTARTS_MAX {
        if worker.run(&shared.mesh) || !shared.pause() {
            return;
        }
        worker = match Worker::start(shared, proc) {
            Ok(worker) => worker,
            Err(error) => return tracing::warn!("worker {proc} is not started again: {error:#}"),
        };
        TALLY.add("channel.reconnections", 1.0);
        shared.mesh.channels.reconnections.add(1, &ByTransport { transport: Transport::Tcp });
    }
    worker.run(&shared.mesh);
}

/// A worker, seen from here.
struct Worker {
    proc: u32,
    process: Child,
    output: BufReader<ChildStdout>,
    link: Arc<Link>,
    lines: Lines,
    active: ActiveProc,
}

impl Worker {
    /// Starts its process, and waits until it is there.
    fn start(shared: &Shared, proc: u32) -> Result<Self> {
        let listener = shared.listener.lock().unwrap_or_else(PoisonError::into_inner);
        let address = listener.local_addr()?;
        let program = std::env::current_exe().context("find this program, to start it again")?;
        let mut command = Command::new(program);
        command.args(["--worker", &proc.to_string(), "--connect", &address.to_string()]);
        leave_group(&mut command);
        let mut process =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("start worker {proc}"))?;
        let active = shared.mesh.metrics.start_proc();
        let output = BufReader::new(process.stdout.take().context("the output of a worker")?);
        let stream = accept(&listener, &mut process).with_context(|| format!("wait for worker {proc}"))?;
        let mut lines = Lines::new(&stream)?;
        match lines.next()? {
            Some(Frame::Hello { proc: said }) if said == proc => {}
            _ => bail!("worker {proc} does not say hello: does another program use {address}?"),
        }
        let link = Arc::new(Link::new(proc, stream, &shared.mesh.channels)?);
        shared.mesh.routes.link(proc, &link);
        shared.note(&link);
        tracing::info!("worker {proc} is process {}", process.id());
        Ok(Self { proc, process, output, link, lines, active })
    }

    /// Takes what it says until it ends, and adds what it counted. Whether it ended as it was asked to.
    fn run(self, mesh: &Arc<Mesh>) -> bool {
        let Self { proc, mut process, output, link, lines, active } = self;
        let is_done = link.read(lines, |frame| {
            mesh.take(frame);
        });
        mesh.routes.unlink(proc);
        if is_done {
            active.end();
        } else {
            TALLY.add("proc_mesh.proc_failures", 1.0);
            tracing::warn!("worker {proc} is gone");
        }
        let last = output.lines().map_while(Result::ok).last();
        match last.filter(|_| is_done) {
            Some(line) => add(&line),
            None => tracing::warn!("what worker {proc} counted is not among the numbers"),
        }
        if !process.wait().is_ok_and(|status| status.success()) {
            tracing::warn!("worker {proc} did not end well");
        }
        is_done
    }
}

/// Waits for the worker to connect, or to end.
fn accept(listener: &TcpListener, worker: &mut Child) -> Result<TcpStream> {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        if let Some(status) = worker.try_wait()? {
            bail!("it ended before it was there ({status}); what it said is above");
        }
        thread::sleep(LOOK_PAUSE);
    }
}

/// Between two looks whether a worker is there, or all is over.
const LOOK_PAUSE: Duration = Duration::from_millis(5);

/// Ctrl-C is for the controller, which lets its workers finish.
#[cfg(unix)]
fn leave_group(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn leave_group(_command: &mut Command) {}

/// Adds what a worker printed.
fn add(line: &str) {
    let counted: Value = serde_json::from_str(line).unwrap_or_default();
    for (name, total) in counted["counted"].as_object().into_iter().flatten() {
        TALLY.add(name, total.as_f64().unwrap_or_default());
    }
}
