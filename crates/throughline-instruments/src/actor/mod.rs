//! Actors: mailboxes, handlers, the channels between processes, and the mesh that they are in.
//!
//! [`Actors`] is what a process makes once. Whoever posts a message holds a [`Posting`] until it is delivered, or not; the
//! one whose mailbox it is keeps a [`Queued`] beside the message, and a [`Handling`] while it is handled. Each counts once,
//! whichever way the code leaves. The context travels in the headers of the envelope, so that what an actor does is in the
//! trace of whoever made it do so, on another thread or in another process.
//!
//! Names end with their unit where they have one (`message.e2e_latency.us`), and have none beside it.
//!
//! ```
//! use std::collections::HashMap;
//! use throughline_instruments::actor::Actors;
//! use throughline_metrics::MeterProvider;
//! use throughline_trace::{Enter as _, TracerProvider};
//!
//! let actors = Actors::new(&MeterProvider::default().meter("mesh"), TracerProvider::default().tracer("mesh"));
//! let adder = actors.mailbox("adder");
//!
//! // Whoever sends:
//! let mut headers = HashMap::new();
//! let posting = actors.post("adder", &mut headers);
//! let queued = adder.queue();
//! posting.deliver();
//!
//! // Whoever receives:
//! let handling = adder.handle(queued, &headers);
//! {
//!     let _entered = handling.context().enter(); // what is posted or recorded now is in the sender's trace
//! }
//! handling.succeed();
//! ```

mod channel;
mod mailbox;
mod mesh;

use throughline_metrics::MetricSet as _;

use crate::Kit;

pub use channel::{ByChannel, ByError, ByTransport, ChannelError, ChannelMetrics, Transport};
pub use mailbox::{
    ActorMetrics, Actors, ByActor, ByFailure, ByUndeliverable, Handling, Mailbox, Posting, Queued,
    Undeliverable,
};
pub use mesh::{ActiveProc, MeshMetrics};

/// What this kit records.
pub const KIT: Kit = Kit::new(
    "actor",
    "Actors",
    &[ActorMetrics::DEFINITIONS, ChannelMetrics::DEFINITIONS, MeshMetrics::DEFINITIONS],
);

/// Bounds for microseconds: a tenth of a millisecond to ten seconds, and what is quicker.
const MICROS: &[f64] =
    &[10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1e3, 2.5e3, 5e3, 1e4, 2.5e4, 5e4, 1e5, 2.5e5, 5e5, 1e6, 1e7];

#[cfg(test)]
mod tests;
