//! Actors on several threads and processes, pushing straight into Prometheus.
//!
//! The process that is started is the controller: it starts copies of itself, the workers, and sends them ranges in which to
//! count primes. Each actor has a thread and a mailbox (`actors.rs`); messages (`envelope.rs`) go through queues within a
//! process and over loopback TCP between processes (`link.rs`), with the context in the envelope; `mesh.rs` is where they
//! are posted and where telemetry learns of them. `work.rs` is what actors do, `controller.rs` and `worker.rs` are the two
//! kinds of process, `supervisor.rs` keeps the second kind running, `status.rs` is the page that shows how far they are, and
//! `telemetry.rs` starts telemetry.
//!
//! The telemetry crate goes by the name `hyperactor_telemetry`, so that code written for that crate compiles.

mod actors;
mod controller;
mod envelope;
mod link;
mod mesh;
mod routes;
mod status;
mod supervisor;
mod telemetry;
mod work;
mod worker;

use std::net::SocketAddr;

use anyhow::Result;
use clap::Parser as _;
use example_support::{Length, Tally};

/// What this process counted itself; the controller adds what its workers counted.
pub(crate) static TALLY: Tally = Tally::new("actor-mesh");

/// Counts primes with actors on several threads and processes
///
/// Each process pushes its own metrics straight into the OTLP receiver of the Prometheus that
/// `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` names, on this machine unless set. A Prometheus that is not there does not matter:
/// each process says so at the end. `HYPERACTOR_OTEL_BACKEND=none` pushes nothing.
#[derive(Debug, clap::Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    length: Length,

    /// How many processes besides this one
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    procs: u32,

    /// Ranges a second
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = clap::value_parser!(u32).range(1..=2000))]
    rate: u32,

    /// Show how far the work is, as JSON, at this address; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,

    /// Be the worker of this number; for the controller's use
    #[arg(long, hide = true, requires = "connect")]
    worker: Option<u32>,

    /// Where the controller listens
    #[arg(long, hide = true)]
    connect: Option<SocketAddr>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match (arguments.worker, arguments.connect) {
        (Some(number), Some(controller)) => worker::run(number, controller),
        _ => controller::run(&arguments),
    }
}
