//! What goes from actor to actor.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The process that the controller is.
pub(crate) const CONTROLLER: u32 = 0;

/// Where an actor is, and what it is called there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) proc: u32,
    pub(crate) actor: String,
}

impl Address {
    pub(crate) fn new(proc: u32, actor: impl Into<String>) -> Self {
        Self { proc, actor: actor.into() }
    }
}

/// A message on its way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Envelope {
    pub(crate) to: Address,
    /// The context of whoever sent it.
    pub(crate) headers: HashMap<String, String>,
    /// When it was sent, in nanoseconds since the Unix epoch.
    pub(crate) sent: u64,
    pub(crate) message: Message,
}

/// What actors say to each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Message {
    /// Count the primes from one number up to another, and say so to the collector.
    Count { from: u64, to: u64 },
    /// There are so many.
    Found { primes: u64 },
    /// That makes no sense.
    Refused { why: String },
    /// Remember that there were so many.
    Note { primes: u64 },
}

/// What goes over a connection.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Frame {
    /// A worker of this number is there.
    Hello {
        proc: u32,
    },
    Envelope(Envelope),
    /// Finish what there is.
    Drain,
    /// Everything is finished; nothing will come any more.
    Drained,
}
