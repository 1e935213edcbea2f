//! What all sessions of the program have in common.

use std::sync::Arc;

use anyhow::Result;
use example_support::Tally;
use throughline::MetricSet as _;
use throughline::metrics::Meter;
use throughline::trace::Tracer;
use throughline_instruments::guard::Connections;
use throughline_instruments::mcp::{Endpoint, Metrics, Transport};
use tokio::task::JoinHandle;

use crate::arguments::Arguments;
use crate::files::Folder;
use crate::interceptors::Chain;
use crate::sessions::Registry;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) metrics: Metrics,
    pub(crate) connections: Connections,
    /// The end that answers.
    pub(crate) server: Endpoint,
    /// The end that asks.
    pub(crate) client: Endpoint,
    pub(crate) sessions: Registry,
    pub(crate) chain: Chain,
    pub(crate) folder: Folder,
    /// What the program counts itself.
    pub(crate) tally: Tally,
}

impl Shared {
    pub(crate) fn new(
        arguments: &Arguments,
        meter: &Meter,
        tracer: Tracer,
        transport: Transport,
    ) -> Result<Self> {
        let metrics = Metrics::new(meter);
        Ok(Self {
            connections: metrics.connections(),
            server: Endpoint::server(meter, tracer, transport),
            client: Endpoint::client(meter, tracer, transport),
            sessions: Registry::new(arguments, &metrics),
            chain: Chain::new(arguments, transport, &metrics),
            folder: Folder::open(&arguments.folder)?,
            tally: Tally::new("mcp-server"),
            metrics,
        })
    }

    /// Runs what may block where that holds up nobody.
    pub(crate) fn spawn_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        self.note_task();
        tokio::task::spawn_blocking(work)
    }

    /// Spawns a task.
    pub(crate) fn spawn(self: &Arc<Self>, work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.note_task();
        tokio::spawn(work)
    }

    fn note_task(&self) {
        self.metrics.task_spawns.add(1, &[]);
        self.tally.add("mcp_task_spawns_total", 1.0);
    }
}
