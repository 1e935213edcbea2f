//! A worker: counters and a ledger, and the connection to the controller.

use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use anyhow::{Context as _, Result};

use crate::TALLY;
use crate::actors::Running;
use crate::controller::COUNTERS;
use crate::envelope::{CONTROLLER, Frame};
use crate::link::{Lines, Link};
use crate::mesh::Mesh;
use crate::telemetry;
use crate::work::{Counter, Ledger};

/// Works until the controller says that it is enough, or is gone.
pub(crate) fn run(proc: u32, controller: SocketAddr) -> Result<()> {
    let telemetry = telemetry::start(proc, "worker")?;
    let mesh = Mesh::new(proc, &telemetry);
    let stream = TcpStream::connect(controller).context("reach the controller")?;
    let mut lines = Lines::new(&stream)?;
    let link = Arc::new(Link::new(CONTROLLER, stream, &mesh.channels)?);
    mesh.routes.link(CONTROLLER, &link);
    let ledger = Running::start(&mesh, "ledger", Box::new(|| Box::new(Ledger::default())));
    let counters: Vec<_> = (0..COUNTERS)
        .map(|number| {
            let make = Box::new(move || Box::new(Counter { proc }) as Box<_>);
            Running::start(&mesh, &format!("counter-{number}"), make)
        })
        .collect();
    link.write(&Frame::Hello { proc })?;
    while let Some(frame) = lines.next()? {
        if !mesh.take(frame) {
            break;
        }
    }
    // Counters first: they write into the ledger.
    counters.into_iter().chain([ledger]).for_each(|actor| actor.finish(&mesh));
    link.write(&Frame::Drained)?;
    telemetry::end(proc, telemetry);
    TALLY.print()
}
