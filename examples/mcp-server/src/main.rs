//! An MCP server and its client, scraped by Prometheus.
//!
//! A real server on the official SDK, over streamable HTTP or standard input and output, with a few tools that do honest
//! work, sessions that are watched and evicted, and interceptors; and a client with a pool that drives it. What is
//! recorded comes from the kits [`mcp`](throughline_instruments::mcp) and [`guard`](throughline_instruments::guard).
//!
//! `arguments.rs` says how to start it, `server.rs` is what answers, `drive.rs` what asks.

mod arguments;
mod attack;
mod client;
mod connections;
mod drive;
mod expression;
mod files;
mod ghost;
mod http;
mod interceptors;
mod server;
mod sessions;
mod shared;
mod size;
mod telemetry;
#[cfg(test)]
mod tests;
mod tools;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use rmcp::ServiceExt as _;
use throughline_instruments::mcp::Transport;

use crate::arguments::Arguments;
use crate::drive::Driver;
use crate::http::HttpServer;
use crate::server::Server;
use crate::shared::Shared;

fn main() -> ExitCode {
    match start(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &Arguments) -> Result<()> {
    let telemetry = telemetry::start(arguments)?;
    if let Some(address) = telemetry.prometheus_address() {
        say(&format!("metrics at http://{address}/metrics"));
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let meter = telemetry.meter("mcp");
    let tracer = telemetry.tracer_provider().tracer("mcp");
    let transport = if arguments.stdio { Transport::Pipe } else { Transport::Tcp };
    let shared = Arc::new(Shared::new(arguments, &meter, tracer, transport)?);
    let result = runtime.block_on(async {
        if arguments.stdio { serve_pipe(shared).await } else { serve_http(arguments, shared).await }
    });
    runtime.shutdown_background();
    telemetry.shutdown_blocking();
    result
}

/// Until standard input ends.
async fn serve_pipe(shared: Arc<Shared>) -> Result<()> {
    let connection = shared.connections.open();
    let running = Server::new(Arc::clone(&shared)).serve(rmcp::transport::stdio()).await?;
    running.waiting().await?;
    connection.ok();
    Ok(())
}

/// Until the time is over, or Ctrl-C.
async fn serve_http(arguments: &Arguments, shared: Arc<Shared>) -> Result<()> {
    let server = HttpServer::start(arguments.listen, arguments.heartbeat, Arc::clone(&shared)).await?;
    say(&format!("MCP at {}", server.url()));
    if arguments.drives() {
        let driver = Driver::new(arguments, server.url(), &shared);
        driver.run(arguments.length).await?;
        server.settle().await;
        shared.tally.print()?;
        if !arguments.linger {
            return Ok(());
        }
    }
    tokio::signal::ctrl_c().await.context("listen for Ctrl-C")
}

/// To people, on standard error: standard output belongs to the protocol, or to the last line.
#[expect(clippy::print_stderr, reason = "this is a program")]
fn say(text: &str) {
    eprintln!("{text}");
}
