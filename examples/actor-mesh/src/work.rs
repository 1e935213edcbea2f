//! What actors do. Knows nothing of telemetry, nor of how messages travel.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::TALLY;
use crate::envelope::{Address, CONTROLLER, Message};

/// A message that an actor wants to send.
pub(crate) type Outgoing = (Address, Message);

/// What an actor does with a message.
pub(crate) trait Behaviour: Send {
    /// Handles it; `send` takes what is to be sent.
    fn handle(&mut self, message: Message, send: &mut dyn FnMut(Outgoing)) -> Result<(), Refused>;
}

/// A message that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// How it went.
#[derive(Debug)]
pub(crate) enum Outcome {
    Handled,
    Refused(Refused),
    /// The actor has to be made again.
    Panicked,
}

/// Lets an actor handle a message, and counts how that went.
pub(crate) fn dispatch(
    behaviour: &mut dyn Behaviour,
    message: Message,
    send: &mut dyn FnMut(Outgoing),
) -> Outcome {
    TALLY.add("actor.messages_received", 1.0);
    let outcome = match catch_unwind(AssertUnwindSafe(|| behaviour.handle(message, send))) {
        Ok(Ok(())) => return Outcome::Handled,
        Ok(Err(refused)) => Outcome::Refused(refused),
        Err(_) => {
            TALLY.add("proc_mesh.actor_failures", 1.0);
            Outcome::Panicked
        }
    };
    TALLY.add("actor.message_receive_errors", 1.0);
    outcome
}

/// Counts primes.
#[derive(Debug)]
pub(crate) struct Counter {
    pub(crate) proc: u32,
}

/// No prime is found here: the counter has a bug for ranges that end with this number, and panics.
pub(crate) const POISON: u64 = 666_666;

impl Behaviour for Counter {
    fn handle(&mut self, message: Message, send: &mut dyn FnMut(Outgoing)) -> Result<(), Refused> {
        let collector = Address::new(CONTROLLER, "collector");
        let Message::Count { from, to } = message else {
            return Err(Refused(format!("a counter does not know what to do with {message:?}")));
        };
        if from > to {
            let why = format!("{from} is above {to}");
            send((collector, Message::Refused { why: why.clone() }));
            return Err(Refused(why));
        }
        assert!(to != POISON, "a bug, as every actor system has to live with");
        let primes = (from..=to).filter(|number| is_prime(*number)).count() as u64;
        send((Address::new(self.proc, "ledger"), Message::Note { primes }));
        send((collector, Message::Found { primes }));
        Ok(())
    }
}

fn is_prime(number: u64) -> bool {
    number > 1
        && (2..number).take_while(|divisor| divisor * divisor <= number).all(|divisor| number % divisor != 0)
}

/// Keeps what the counters of its process found.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// How often there were so many.
    found: BTreeMap<u64, u64>,
}

impl Behaviour for Ledger {
    fn handle(&mut self, message: Message, _send: &mut dyn FnMut(Outgoing)) -> Result<(), Refused> {
        let Message::Note { primes } = message else {
            return Err(Refused(format!("a ledger does not know what to do with {message:?}")));
        };
        *self.found.entry(primes).or_default() += 1;
        Ok(())
    }
}

/// Puts together what the counters of all processes found, for whoever wants to see it.
#[derive(Debug)]
pub(crate) struct Collector {
    pub(crate) progress: std::sync::Arc<std::sync::Mutex<Progress>>,
}

/// How far the work is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    pub(crate) ranges: u64,
    pub(crate) primes: u64,
    pub(crate) refused: u64,
}

impl Behaviour for Collector {
    fn handle(&mut self, message: Message, _send: &mut dyn FnMut(Outgoing)) -> Result<(), Refused> {
        let mut progress = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match message {
            Message::Found { primes } => {
                progress.ranges += 1;
                progress.primes += primes;
            }
            Message::Refused { .. } => progress.refused += 1,
            other => return Err(Refused(format!("a collector does not know what to do with {other:?}"))),
        }
        Ok(())
    }
}

/// The work of this number, and whose it is among so many processes of so many counters.
pub(crate) fn job(number: u64, procs: u32, counters: u32) -> Outgoing {
    let proc = (number % u64::from(procs)) as u32 + 1;
    let counter = Address::new(proc, format!("counter-{}", number / u64::from(procs) % u64::from(counters)));
    let from = 1000 * (number % 500);
    let count = Message::Count { from, to: from + 999 };
    match number {
        _ if number % 41 == 7 => (counter, Message::Count { from: 2, to: 1 }),
        _ if number % 131 == 17 => (counter, Message::Count { from: POISON, to: POISON }),
        _ if number % 97 == 11 => (Address::new(proc, "nobody"), count),
        _ if number % 89 == 3 => (Address::new(CONTROLLER, "nobody"), count),
        _ => (counter, count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_counts_and_tells() {
        let mut sent = Vec::new();
        let mut counter = Counter { proc: 2 };
        let mut handle = |from, to| {
            let outcome =
                dispatch(&mut counter, Message::Count { from, to }, &mut |message| sent.push(message));
            (outcome, std::mem::take(&mut sent))
        };
        let (outcome, said) = handle(0, 99);
        assert!(matches!(outcome, Outcome::Handled));
        assert_eq!(
            said,
            [
                (Address::new(2, "ledger"), Message::Note { primes: 25 }),
                (Address::new(CONTROLLER, "collector"), Message::Found { primes: 25 }),
            ]
        );
        let (outcome, said) = handle(2, 1);
        assert!(matches!(outcome, Outcome::Refused(_)) && said.len() == 1);
        let (outcome, said) = handle(POISON, POISON);
        assert!(matches!(outcome, Outcome::Panicked) && said.is_empty());
    }
}
