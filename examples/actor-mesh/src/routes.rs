//! Which way a message goes: into the mailbox of an actor of this process, or over a connection. Knows nothing of telemetry.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, PoisonError, RwLock};

use crate::TALLY;
use crate::envelope::{Envelope, Frame};
use crate::link::Link;

/// How many messages a mailbox holds.
const MAILBOX_MAX: usize = 10_000;

/// Why a message does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    UnknownActor,
    Full,
    Closed,
    Unreachable,
}

/// The ways out of, and about, one process. `T` is what goes along with a message in a mailbox.
#[derive(Debug)]
pub(crate) struct Routes<T> {
    mailboxes: RwLock<HashMap<String, SyncSender<(Envelope, T)>>>,
    links: RwLock<HashMap<u32, Arc<Link>>>,
}

impl<T> Routes<T> {
    pub(crate) fn new() -> Self {
        Self { mailboxes: RwLock::default(), links: RwLock::default() }
    }

    /// Opens the mailbox of an actor of this process.
    pub(crate) fn open(&self, actor: &str) -> Receiver<(Envelope, T)> {
        let (sender, receiver) = sync_channel(MAILBOX_MAX);
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).insert(actor.to_owned(), sender);
        receiver
    }

    /// Closes it: the actor handles what is in it and ends.
    pub(crate) fn close(&self, actor: &str) {
        self.mailboxes.write().unwrap_or_else(PoisonError::into_inner).remove(actor);
    }

    /// Sends what is for this process over that connection.
    pub(crate) fn link(&self, proc: u32, link: &Arc<Link>) {
        self.links.write().unwrap_or_else(PoisonError::into_inner).insert(proc, Arc::clone(link));
    }

    /// Forgets the connection to a process that is gone.
    pub(crate) fn unlink(&self, proc: u32) {
        self.links.write().unwrap_or_else(PoisonError::into_inner).remove(&proc);
    }

    /// Sends a message that an actor of this process posted.
    pub(crate) fn post(&self, here: u32, envelope: Envelope, along: impl FnOnce() -> T) -> Result<(), Lost> {
        TALLY.add("mailbox.posts", 1.0);
        let sent = if envelope.to.proc == here { self.put(envelope, along) } else { self.send(envelope) };
        match sent {
            Ok(()) => TALLY.add("actor.messages_sent", 1.0),
            Err(_) => TALLY.add(UNDELIVERABLE, 1.0),
        }
        sent
    }

    /// Delivers a message that came over a connection.
    pub(crate) fn deliver(&self, envelope: Envelope, along: impl FnOnce() -> T) -> Result<(), Lost> {
        self.put(envelope, along).inspect_err(|_lost| TALLY.add(UNDELIVERABLE, 1.0))
    }

    fn put(&self, envelope: Envelope, along: impl FnOnce() -> T) -> Result<(), Lost> {
        let mailboxes = self.mailboxes.read().unwrap_or_else(PoisonError::into_inner);
        let mailbox = mailboxes.get(&envelope.to.actor).cloned().ok_or(Lost::UnknownActor)?;
        drop(mailboxes);
        mailbox.try_send((envelope, along())).map_err(|error| match error {
            TrySendError::Full(_) => Lost::Full,
            TrySendError::Disconnected(_) => Lost::Closed,
        })
    }

    fn send(&self, envelope: Envelope) -> Result<(), Lost> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let link = links.get(&envelope.to.proc).cloned().ok_or(Lost::Unreachable)?;
        drop(links);
        link.write(&Frame::Envelope(envelope)).map_err(|_broken| Lost::Unreachable)
    }
}

const UNDELIVERABLE: &str = "mailbox.undeliverable_messages";
