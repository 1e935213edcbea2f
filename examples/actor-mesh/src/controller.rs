//! The controller: starts the workers, gives them work, and ends them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Result;
use hyperactor_telemetry::trace::Enter as _;

use crate::actors::Running;
use crate::envelope::CONTROLLER;
use crate::mesh::Mesh;
use crate::status::Status;
use crate::supervisor::Supervisor;
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
    let workers = Supervisor::start(&mesh, arguments.procs)?;

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
    workers.end();
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
