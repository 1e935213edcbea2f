//! The mesh as one process sees it: posts messages, delivers what comes, and tells telemetry.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use hyperactor_telemetry::TelemetryProviders;
use hyperactor_telemetry::core::{Clock as _, SystemClock};
use hyperactor_telemetry::metrics::MetricSet as _;
use throughline_instruments::actor::{
    Actors, ByUndeliverable, ChannelMetrics, Mailbox, MeshMetrics, Queued, Undeliverable,
};

use crate::envelope::{Address, Envelope, Frame, Message};
use crate::routes::{Lost, Routes};

/// One process of the mesh.
#[derive(Debug)]
pub(crate) struct Mesh {
    pub(crate) proc: u32,
    pub(crate) routes: Routes<Queued>,
    pub(crate) actors: Actors,
    pub(crate) channels: ChannelMetrics,
    pub(crate) metrics: MeshMetrics,
    mailboxes: RwLock<HashMap<String, Mailbox>>,
}

impl Mesh {
    pub(crate) fn new(proc: u32, telemetry: &TelemetryProviders) -> Arc<Self> {
        let meter = telemetry.meter("actor-mesh");
        let tracer = telemetry.tracer_provider().tracer("actor-mesh");
        Arc::new(Self {
            proc,
            routes: Routes::new(),
            actors: Actors::new(&meter, tracer),
            channels: ChannelMetrics::new(&meter),
            metrics: MeshMetrics::new(&meter),
            mailboxes: RwLock::default(),
        })
    }

    /// The mailbox of an actor of this process.
    pub(crate) fn mailbox(&self, actor: &str) -> Mailbox {
        let known = self.mailboxes.read().unwrap_or_else(PoisonError::into_inner).get(actor).cloned();
        known.unwrap_or_else(|| {
            let mut mailboxes = self.mailboxes.write().unwrap_or_else(PoisonError::into_inner);
            mailboxes.entry(actor.to_owned()).or_insert_with(|| self.actors.mailbox(actor)).clone()
        })
    }

    /// Posts a message, in the context that is current.
    pub(crate) fn post(&self, to: Address, message: Message) {
        let actor = to.actor.clone();
        let mut headers = HashMap::new();
        let posting = self.actors.post(&actor, &mut headers);
        let envelope = Envelope { to, headers, sent: SystemClock.now().as_nanos(), message };
        match self.routes.post(self.proc, envelope, || self.mailbox(&actor).queue()) {
            Ok(()) => posting.deliver(),
            Err(lost) => posting.fail(reason(lost)),
        }
    }

    /// Takes what came over a connection; whether it was a message.
    pub(crate) fn take(&self, frame: Frame) -> bool {
        let Frame::Envelope(envelope) = frame else { return false };
        let actor = envelope.to.actor.clone();
        if let Err(lost) = self.routes.deliver(envelope, || self.mailbox(&actor).queue()) {
            let by = ByUndeliverable { actor_id: &actor, error_type: reason(lost) };
            self.actors.metrics().undeliverable.add(1, &by);
        }
        true
    }
}

fn reason(lost: Lost) -> Undeliverable {
    match lost {
        Lost::UnknownActor => Undeliverable::UnknownActor,
        Lost::Full => Undeliverable::Full,
        Lost::Closed => Undeliverable::Closed,
        Lost::Unreachable => Undeliverable::Unreachable,
    }
}
