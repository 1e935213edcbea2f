//! Finished records on their way from the threads that made them to the one reader.

mod budget;
mod channel;
#[expect(
    clippy::module_inception,
    reason = "the ring is what this module is about; the channel puts rings together"
)]
mod ring;

pub(crate) use channel::{Channel, Lease, Outcome, Receiver};
