//! The controller: starts the workers, gives them work, and ends them.

use std::io::{BufRead as _, BufReader, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use hyperactor_telemetry::trace::Enter as _;
use serde_json::Value;

use crate::actors::Running;
use crate::envelope::{CONTROLLER, Frame};
use crate::link::{Lines, Link};
use crate::mesh::Mesh;
use crate::status::Status;
use crate::work::{Collector, Progress, job};
use crate::{Arguments, TALLY, telemetry};

/// How many counters a worker has, each on a thread of its own.
pub(crate) const COUNTERS: u32 = 3;

/// Runs the mesh for as long as it is asked to.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let telemetry = telemetry::start(CONTROLLER, "controller")?;
    let mesh = Mesh::new(CONTROLLER, &telemetry);
    let progress = Arc::<Mutex<Progress>>::default();
    let collected = Arc::clone(&progress);
    let make = move || Box::new(Collector { progress: Arc::clone(&collected) }) as Box<_>;
    let collector = Running::start(&mesh, "collector", Box::new(make));
    let status = Status::start(arguments.listen, &progress)?;
    let workers = start_workers(&mesh, arguments.procs)?;

    let stop = Arc::new(AtomicBool::new(false));
    let source = start_source(&mesh, arguments, &stop);
    status.ask_until(&stop);
    if arguments.length.work.is_none() {
        wait(arguments)?;
        stop.store(true, Ordering::Relaxed);
    }
    source.join().unwrap_or_else(|_panic| tracing::error!("the source of the work panicked"));
    stop.store(true, Ordering::Relaxed);
    status.end();
    workers.into_iter().for_each(Worker::end);
    collector.finish(&mesh);
    telemetry::end(CONTROLLER, telemetry);
    TALLY.print()
}

/// Waits until it is time to end.
fn wait(arguments: &Arguments) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(arguments.length.wait())
}

/// Posts work at a steady rate, each piece in a trace of its own.
fn start_source(mesh: &Arc<Mesh>, arguments: &Arguments, stop: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (mesh, stop) = (Arc::clone(mesh), Arc::clone(stop));
    let (procs, pause) = (arguments.procs, Duration::from_secs(1) / arguments.rate);
    let ranges = arguments.length.requests();
    thread::spawn(move || {
        for number in 0..ranges {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let (to, message) = job(number, procs, COUNTERS);
            let _root = hyperactor_telemetry::propagation::Context::new().enter();
            mesh.post(to, message);
            thread::sleep(pause);
        }
    })
}

/// A worker, seen from here.
struct Worker {
    proc: u32,
    process: Child,
    output: BufReader<ChildStdout>,
    link: Arc<Link>,
    /// Ends with whether the worker said that it is done.
    reading: JoinHandle<bool>,
}

/// Starts the workers, and waits until all are there.
fn start_workers(mesh: &Arc<Mesh>, procs: u32) -> Result<Vec<Worker>> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("open a port for the workers")?;
    let address = listener.local_addr()?;
    (1..=procs).map(|proc| Worker::start(mesh, proc, &listener, address)).collect()
}

impl Worker {
    fn start(mesh: &Arc<Mesh>, proc: u32, listener: &TcpListener, address: SocketAddr) -> Result<Self> {
        let program = std::env::current_exe().context("find this program, to start it again")?;
        let mut command = Command::new(program);
        command.args(["--worker", &proc.to_string(), "--connect", &address.to_string()]);
        leave_group(&mut command);
        let mut process =
            command.stdout(Stdio::piped()).spawn().with_context(|| format!("start worker {proc}"))?;
        let active = mesh.metrics.start_proc();
        let output = BufReader::new(process.stdout.take().context("the output of a worker")?);
        let stream = accept(listener, &mut process).with_context(|| format!("wait for worker {proc}"))?;
        let mut lines = Lines::new(&stream)?;
        let Some(Frame::Hello { proc: said }) = lines.next()? else {
            bail!("worker {proc} does not say hello: does another program use {address}?");
        };
        let link = Arc::new(Link::new(said, stream, &mesh.channels)?);
        mesh.routes.link(said, &link);
        tracing::info!("worker {said} is process {}", process.id());
        let (mesh, reader) = (Arc::clone(mesh), Arc::clone(&link));
        let reading = thread::spawn(move || {
            let is_done = reader.read(lines, |frame| {
                mesh.take(frame);
            });
            mesh.routes.unlink(said);
            if is_done {
                active.end();
            } else {
                TALLY.add("proc_mesh.proc_failures", 1.0);
                tracing::warn!("worker {said} is gone");
            }
            is_done
        });
        Ok(Self { proc, process, output, link, reading })
    }

    /// Lets it finish, and adds what it counted.
    fn end(self) {
        let Self { proc, mut process, output, link, reading } = self;
        // A worker that is gone has nothing to finish; that it is gone was said.
        let _gone = link.write(&Frame::Drain).is_err();
        let is_done = reading.join().unwrap_or(false);
        let last = output.lines().map_while(Result::ok).last();
        match last.filter(|_| is_done) {
            Some(line) => add(&line),
            None => tracing::warn!("what worker {proc} counted is not among the numbers"),
        }
        if !process.wait().is_ok_and(|status| status.success()) {
            tracing::warn!("worker {proc} did not end well");
        }
    }
}

/// Waits for the worker to connect, or to end.
fn accept(listener: &TcpListener, worker: &mut Child) -> Result<TcpStream> {
    listener.set_nonblocking(true)?;
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
        thread::sleep(ACCEPT_PAUSE);
    }
}

/// Between two looks whether a worker is there.
const ACCEPT_PAUSE: Duration = Duration::from_millis(5);

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
