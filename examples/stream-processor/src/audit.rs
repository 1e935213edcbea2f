//! A second group of consumers: reads the same events as the processor, at its own pace, and keeps an eye on who sends
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use throughline::propagation::BaggageExt as _;

use crate::log::{AUDITORS, EVENTS, Log, Polled};
use crate::telemetry::{Instruments, TENANT};

/// Reads one partition until it is closed.
pub(crate) async fn run(partition: u32, log: Arc<Log>, instruments: Arc<Instruments>) -> Result<()> {
    let mut by_tenant = BTreeMap::<String, u64>::new();
    loop {
        match log.poll(EVENTS, partition, AUDITORS).await {
            Polled::Message(message, _) => {
                let mut handling = instruments.messaging.process(EVENTS, &message.headers);
                handling.span().set_attribute("messaging.consumer.group.name", AUDITORS);
                let tenant = handling.context().baggage().get(TENANT).map(ToString::to_string);
                *by_tenant.entry(tenant.unwrap_or_default()).or_default() += 1;
                handling.succeed();
                log.commit(EVENTS, partition, AUDITORS, &message);
            }
            Polled::Idle => {}
            Polled::Closed => break,
        }
    }
    tracing::debug!(partition, ?by_tenant, "audited");
    Ok(())
}
