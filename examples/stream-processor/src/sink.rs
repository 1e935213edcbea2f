//! Where results go: reads them from the log, and keeps the latest of each model.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use throughline::KeyValue;
use throughline::metric_attributes::WINDOW_TYPE;

use crate::aggregate::WindowResult;
use crate::event::Key;
use crate::log::{Log, Polled, RESULTS, SINKS};
use crate::telemetry::Instruments;

/// Reads one partition until it is closed.
pub(crate) async fn run(partition: u32, log: Arc<Log>, instruments: Arc<Instruments>) -> Result<()> {
    let mut latest = BTreeMap::<Key, WindowResult>::new();
    loop {
        match log.poll(RESULTS, partition, SINKS).await {
            Polled::Message(message, _) => {
                let handling = instruments.messaging.process(RESULTS, &message.headers);
                match WindowResult::decode(&message.payload) {
                    Ok(result) => {
                        count(&result, &instruments);
                        latest.insert(result.key.clone(), result);
                        handling.succeed();
                    }
                    Err(_) => handling.fail("invalid"),
                }
                log.commit(RESULTS, partition, SINKS, &message);
            }
            Polled::Idle => {}
            Polled::Closed => break,
        }
    }
    for (Key { tenant, model }, WindowResult { events, values, .. }) in latest {
        tracing::debug!(tenant, model, events, ?values, "the last window");
    }
    Ok(())
}

/// Counts by name, as code does that has no place to keep instruments.
fn count(result: &WindowResult, instruments: &Instruments) {
    let events = result.events_once();
    if events > 0 {
        let window = KeyValue::new(WINDOW_TYPE, "tumbling");
        instruments.recorder.record_counter("processor", "events.processed", events, [window]);
    }
}
