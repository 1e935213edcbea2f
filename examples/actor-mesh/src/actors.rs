//! Actors at work: each on a thread of its own, with a supervisor that makes it again when it panics.

use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::{self, JoinHandle};

use hyperactor_telemetry::core::{Clock as _, SystemClock, Timestamp};
use hyperactor_telemetry::trace::Enter as _;
use throughline_instruments::actor::{Mailbox, Queued};

use crate::envelope::Envelope;
use crate::mesh::Mesh;
use crate::work::{Behaviour, Outcome, dispatch};

/// Makes an actor anew.
pub(crate) type Make = Box<dyn Fn() -> Box<dyn Behaviour> + Send>;

/// An actor that runs.
#[derive(Debug)]
pub(crate) struct Running {
    name: String,
    thread: JoinHandle<()>,
}

impl Running {
    /// Starts an actor of this name.
    pub(crate) fn start(mesh: &Arc<Mesh>, name: &str, make: Make) -> Self {
        let messages = mesh.routes.open(name);
        let mailbox = mesh.mailbox(name);
        let mesh = Arc::clone(mesh);
        let thread = thread::spawn(move || run(&mesh, &mailbox, &messages, &make));
        Self { name: name.to_owned(), thread }
    }

    /// Lets it handle what is in its mailbox, and waits until it has.
    pub(crate) fn finish(self, mesh: &Mesh) {
        mesh.routes.close(&self.name);
        if self.thread.join().is_err() {
            tracing::error!(actor = self.name, "the supervisor of an actor panicked");
        }
    }
}

fn run(mesh: &Mesh, mailbox: &Mailbox, messages: &Receiver<(Envelope, Queued)>, make: &Make) {
    let mut behaviour = make();
    for (Envelope { headers, sent, message, .. }, queued) in messages {
        let mut handling = mailbox.handle(queued, &headers);
        mailbox.record_latency(SystemClock.now() - Timestamp::from_nanos(sent));
        let outcome = {
            let _entered = handling.context().enter();
            dispatch(&mut *behaviour, message, &mut |(to, message)| mesh.post(to, message))
        };
        match outcome {
            Outcome::Handled => handling.succeed(),
            Outcome::Refused(refused) => {
                handling.span().record_exception(&refused);
                handling.fail("refused");
            }
            Outcome::Panicked => {
                handling.fail("panic");
                mesh.metrics.actor_failures.add(1, &());
                behaviour = make();
            }
        }
    }
}
