//! A stream processor with windows and aggregation, over a Kafka-like log in the process.
//!
//! Producers (`producer.rs`) write events to a partitioned log (`log.rs`). A group of consumers (`processor.rs`) reads them:
//! `intake.rs` decides which of them go on (`seen.rs` knows what came before), and those go into windows of event time
//! (`window.rs`) by key (`keys.rs`), which are aggregated (`aggregate.rs`) when the watermark (`watermark.rs`) has passed
//! them. Results go back into the log, where `sink.rs` reads them. `telemetry.rs` starts telemetry, and
//! `docs/systems/stream-processor.md` shows what one sees.
//!
//! What the program counts itself, in [`TALLY`], is counted by the files that know nothing of telemetry.

mod aggregate;
mod audit;
mod event;
mod intake;
mod keys;
mod log;
mod processor;
mod producer;
mod seen;
mod sink;
mod telemetry;
mod time;
mod watermark;
mod window;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use clap::Parser as _;
use example_support::{Length, Tally};
use tokio::task::JoinSet;

use crate::log::Log;
use crate::processor::Processor;
use crate::producer::Load;
use crate::telemetry::Instruments;

/// What the program counted itself.
pub(crate) static TALLY: Tally = Tally::new("stream-processor");

/// Processes a stream of events in windows, under its own load
///
/// Metrics are scraped at the address of `--listen`, cumulative; they are pushed as well, as deltas, with all spans, to the
/// Collector that `OTEL_EXPORTER_OTLP_ENDPOINT` names, `http://localhost:4317` unless set. A Collector that is not there
/// does not matter: the program says so at the end.
#[derive(Debug, clap::Parser)]
struct Arguments {
    #[command(flatten)]
    length: Length,

    /// Serve metrics at this address; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    listen: SocketAddr,

    /// Events a second
    #[arg(long, value_name = "N", default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,

    /// Stop producing after this many events, say what was counted, and go on serving metrics
    #[arg(long, value_name = "N")]
    events: Option<u64>,

    /// Begin with so many events that have waited for ten seconds, as after an outage
    #[arg(long, value_name = "N", default_value_t = 0)]
    backlog: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { length, listen, rate, events, backlog } = Arguments::parse();
    let telemetry =
        telemetry::start(listen).context("start telemetry, with metrics served where --listen says")?;
    let instruments = Arc::new(Instruments::new(&telemetry));
    let log = Arc::new(Log::new());
    let stop = Arc::new(AtomicBool::new(false));

    let mut work = JoinSet::new();
    let load = Load { rate, events: length.work.or(events), backlog };
    work.spawn(process_everything(load, log, instruments, Arc::clone(&stop)));
    tokio::select! {
        ended = length.wait() => ended?,
        Some(done) = work.join_next() => {
            done??;
            if length.work.is_none() {
                TALLY.print()?;
                length.wait().await?;
            }
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(done) = work.join_next().await {
        done??;
    }
    match telemetry.shutdown().await {
        Ok(report) => telemetry::say(&format!("telemetry: {report}")),
        Err(error) => telemetry::say(&format!("telemetry, not all of which arrived: {error}")),
    }
    TALLY.print()
}

/// From the first event to the last result: what is in the log when the producers stop is processed to the end.
async fn process_everything(
    load: Load,
    log: Arc<Log>,
    instruments: Arc<Instruments>,
    stop: Arc<AtomicBool>,
) -> Result<()> {
    let mut producers = producer::start(load, &log, &instruments, &stop);
    let mut processors = JoinSet::new();
    for member in 0..processor::MEMBERS {
        for partition in log::assigned(log::EVENTS, member, processor::MEMBERS) {
            processors.spawn(Processor::new(partition, &log, &instruments).run());
        }
    }
    let mut readers = JoinSet::new();
    for partition in log::assigned(log::EVENTS, 0, 1) {
        readers.spawn(audit::run(partition, Arc::clone(&log), Arc::clone(&instruments)));
    }
    for partition in log::assigned(log::RESULTS, 0, 1) {
        readers.spawn(sink::run(partition, Arc::clone(&log), Arc::clone(&instruments)));
    }
    join_all(&mut producers).await?;
    log.close(log::EVENTS);
    join_all(&mut processors).await?;
    log.close(log::RESULTS);
    join_all(&mut readers).await
}

async fn join_all(tasks: &mut JoinSet<Result<()>>) -> Result<()> {
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}
