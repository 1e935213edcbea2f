//! Producers: the load. What they send is decided by its number alone, so that each run sends the same events.
//!
//! Some cannot be read, some come twice, some are out of order, and some are far too late, as in life.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Result;
use throughline::KeyValue;
use throughline::propagation::{BaggageExt as _, Context};
use throughline::trace::Enter as _;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::event::{Event, Kind};
use crate::log::{EVENTS, Headers, Log};
use crate::telemetry::{Instruments, TENANT};
use crate::time;

/// How much is produced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Events a second, of all producers together.
    pub(crate) rate: u32,
    /// How many in all; until they are stopped when unset.
    pub(crate) events: Option<u64>,
    /// How many of them have waited.
    pub(crate) backlog: u64,
}

/// How long, in milliseconds.
const WAITED: u64 = 10_000;

/// How many producers there are.
const PRODUCERS: u32 = 3;

/// Starts the producers.
pub(crate) fn start(
    load: Load,
    log: &Arc<Log>,
    instruments: &Arc<Instruments>,
    stop: &Arc<AtomicBool>,
) -> JoinSet<Result<()>> {
    let mut producers = JoinSet::new();
    for first in 0..PRODUCERS {
        let producer =
            Producer { log: Arc::clone(log), instruments: Arc::clone(instruments), stop: Arc::clone(stop) };
        producers.spawn(producer.run(u64::from(first), load));
    }
    producers
}

struct Producer {
    log: Arc<Log>,
    instruments: Arc<Instruments>,
    stop: Arc<AtomicBool>,
}

impl Producer {
    /// Sends every third event, in its turn.
    async fn run(self, first: u64, Load { rate, events, backlog }: Load) -> Result<()> {
        let mut ticks = interval(Duration::from_secs(1) * PRODUCERS / rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut number = first;
        while events.is_none_or(|events| number < events) && !self.stop.load(Ordering::Relaxed) {
            ticks.tick().await;
            let waited = if number < backlog { WAITED } else { 0 };
            self.send(number, waited).await;
            if number % 50 == 3 {
                self.send(number, waited).await; // the answer was lost, so it is sent again
            }
            number += u64::from(PRODUCERS);
        }
        Ok(())
    }

    /// Sends one event, with the context and whose it is in the headers.
    async fn send(&self, number: u64, waited: u64) {
        let event = event(number, time::now() - waited);
        let payload = if number % 211 == 7 { b"{\"id\":".to_vec() } else { event.encode() };
        let mut headers = Headers::new();
        let tenant = TENANTS[(number % 7 % 3) as usize];
        let mut sending = {
            let _entered = Context::new().with_baggage([KeyValue::new(TENANT, tenant)]).enter();
            self.instruments.messaging.send(EVENTS, &mut headers)
        };
        let key = format!("{tenant}/{}", event.model);
        let appended = self.log.append(EVENTS, &key, headers, payload).await;
        let span = sending.span();
        span.set_attribute("messaging.destination.partition.id", appended.partition);
        if appended.waited {
            span.add_event("waited for room", &());
            self.instruments.stream.events.backpressure.add(1, &());
        }
        sending.succeed();
    }
}

/// Who has models watched.
const TENANTS: [&str; 3] = ["acme", "globex", "initech"];

/// The models that are watched.
const MODELS: [&str; 4] = ["small", "medium", "large", "code"];

/// The event of this number.
fn event(number: u64, now: u64) -> Event {
    let random = scatter(number);
    let kind = Kind::ALL[(number % 3) as usize];
    let delay = match number {
        _ if number % 97 == 5 => 10_000,
        _ if number % 10 == 1 => random % 300,
        _ => 0,
    };
    let value = match kind {
        Kind::Quality if number % 131 == 13 => 1.7,
        Kind::Quality => (random % 1000) as f64 / 1000.0,
        Kind::Latency => 20.0 + (random % 480) as f64,
        Kind::Cost => (random % 250) as f64 / 10_000.0,
    };
    let model = MODELS[(random % 4) as usize].to_owned();
    Event { id: number, kind, model, value, time: now - delay }
}

/// A number that looks like chance (`SplitMix64`).
fn scatter(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
