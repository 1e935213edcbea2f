//! What goes on in a forked child, where the exporter's thread is not.
//!
//! The façade keeps a [`Successor`] of each exporter, and makes a new exporter of it in the child.

use std::sync::Arc;

use throughline_core::{Clock, Resource};
use tokio::sync::mpsc;

use super::source::WeakSource;
use super::{Command, Exporter, Intake};
use crate::config::{BuildError, OtlpConfig};
use crate::endpoint::Signal;
use crate::exporter::health::Health;
use crate::retry::{Delivery, Random};
use crate::self_telemetry::Operations;
use crate::status::{ExportStatus, StatusSnapshot};
use crate::transport::Transport;
use crate::transport::connect::{Connect, TcpConnector};

/// What of an exporter there is after a fork: where its items come from, how it was configured, and its status. Cheap to
/// clone.
#[derive(Clone, Debug)]
pub struct Successor {
    signal: Signal,
    source: WeakSource,
    config: OtlpConfig,
    queued_items_max: u64,
    clock: Arc<dyn Clock>,
    status: ExportStatus,
    operations: Operations,
}

/// An exporter in a forked child; run as the first one is.
#[derive(Debug)]
pub struct ForkedExporter(Exporter);

impl Exporter {
    pub(super) fn successor(&self) -> Successor {
        let Self { signal, intake, config, clock, operations, .. } = self;
        Successor {
            signal: *signal,
            source: intake.source.downgrade(),
            config: config.clone(),
            queued_items_max: intake.queue.items_max(),
            clock: Arc::clone(clock),
            status: intake.status.clone(),
            operations: operations.clone(),
        }
    }
}

impl Successor {
    /// An exporter for the child. What the parent had not delivered is left to the parent; the numbers of the status begin
    /// again. `resource` should say that this is another process, and `seed` should be another one.
    ///
    /// Only for a child: in the process itself the two exporters would share what there is.
    ///
    /// # Errors
    /// The parent was exporting at the moment of the fork, or the configuration cannot work any more, such as a
    /// certificate that has gone.
    pub fn exporter(&self, resource: &Resource, seed: u64) -> Result<ForkedExporter, BuildError> {
        self.with_connector(resource, seed, Box::new(TcpConnector))
    }

    pub(super) fn with_connector(
        &self,
        resource: &Resource,
        seed: u64,
        connector: Box<dyn Connect>,
    ) -> Result<ForkedExporter, BuildError> {
        let Self { signal, source, config, queued_items_max, clock, status, operations } = self.clone();
        let source = source.upgrade().ok_or(BuildError::Forked)?;
        source.try_lock().ok_or(BuildError::Forked)?.forked(resource);
        status.update(|status| *status = StatusSnapshot::default());
        let transport = Transport::new(&config, connector, Arc::clone(&clock))?;
        let mut intake = Intake::new(signal, source, &config, Arc::clone(&clock));
        intake.queue = intake.queue.with_items_max(queued_items_max);
        intake.status = status;
        Ok(ForkedExporter(Exporter {
            signal,
            intake,
            delivery: Delivery::new(transport, config.retry.clone(), Random::new(seed)),
            health: Health::new(config.interval),
            operations,
            config,
            clock,
        }))
    }
}

impl ForkedExporter {
    /// Exports as the first one did.
    pub async fn run(self, commands: mpsc::Receiver<Command>) {
        self.0.run(commands).await;
    }
}
