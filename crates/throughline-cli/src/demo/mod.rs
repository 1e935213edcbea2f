//! `throughline demo`: a small HTTP service, instrumented as a user would do it, that shows what its metrics say, and whose
//! log lines carry the trace of their request.
//!
//! `service.rs` is the service, `load.rs` calls it over loopback, `readback.rs` reads the service's own `/metrics` for
//! the table that is printed. Nothing of the table is passed around inside the process.
#![expect(clippy::disallowed_methods, reason = "the demo runs, and is timed, in real time")]

mod load;
mod readback;
mod service;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use throughline::{LogConfig, MetricsConfig, TelemetryConfig, TelemetryProviders, View, init_telemetry};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::ended::asked_to_end;
use crate::http::Client;
use load::Load;
use readback::Readback;

/// Runs a small instrumented HTTP service and shows its metrics
///
/// The service does honest work under its own load, some of it slow, some of it failing. Its metrics are served for
/// Prometheus to scrape. When OTEL_EXPORTER_OTLP_ENDPOINT is set, metrics, traces and logs are pushed there. Every few
/// seconds a table shows what the endpoint says. Requests that fail are logged on standard error with their trace id, the
/// one that exemplars carry; all are with RUST_LOG=info. Ctrl-C flushes and says what was delivered.
#[derive(Debug, clap::Args)]
#[expect(clippy::doc_markdown, reason = "this is the help text, where backticks would be shown")]
#[command(after_help = "Examples:\n  \
    throughline demo\n  \
    throughline demo --for 10s --listen 127.0.0.1:0\n  \
    OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 throughline demo\n  \
    RUST_LOG=info throughline demo --rate 5")]
pub(crate) struct Arguments {
    /// End by itself after this long, such as 10s
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration)]
    run_for: Option<Duration>,

    /// Serve metrics at this address instead of 127.0.0.1:9464; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Stop calling the service after this many requests; it goes on serving metrics
    #[arg(long, value_name = "N")]
    requests: Option<u64>,

    /// Requests a second
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
}

/// How often the table gets a new row.
const ROW_INTERVAL: Duration = Duration::from_secs(2);

/// The demo answers itself faster than this.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    let telemetry = start(arguments.listen)?;
    if !tracing::enabled!(target: "throughline", tracing::Level::INFO) {
        say!("{}", telemetry.describe());
    }
    let counts = Arc::new(service::Counts::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.context("opening a port for the demo service")?;
    let service = listener.local_addr()?;
    let router = service::router(&telemetry.meter("demo"), Arc::clone(&counts));
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let scrape = telemetry.prometheus_address().map(|address| format!("http://{address}/metrics"));
    let scrape = scrape.context("the demo needs its scrape endpoint")?;
    say!("scrape {scrape}   (the service itself: http://{service}/search?q=7)\n");
    let client = Client::new(ANSWER_WITHIN);
    let load = Load { client: client.clone(), service, rate: arguments.rate, requests: arguments.requests };
    let (stop, stopped) = oneshot::channel();
    let loading = tokio::spawn(make_requests(load, stopped, Arc::clone(&counts)));
    show(client, &scrape, arguments.run_for).await?;

    // What is under way is answered, so that its spans end and are flushed.
    drop(stop);
    drop(loading.await);
    serving.abort();
    say!("\nanswered {counts}");
    match telemetry.shutdown().await {
        Ok(report) => say!("flushed: {report}"),
        Err(error) => say!("flushed: {}", error.report()),
    }
    Ok(())
}

/// Telemetry exactly as an application starts it; the environment may say more.
fn start(listen: Option<SocketAddr>) -> Result<TelemetryProviders> {
    let mut config = TelemetryConfig::new("throughline-demo")
        .with_service_version(env!("CARGO_PKG_VERSION"))
        .with_logs(log_config())
        .with_metrics(MetricsConfig::new().with_view(View::of("demo.response.size").exponential()));
    if let Some(address) = listen {
        config = config.with_prometheus_address(address);
    }
    Ok(init_telemetry(config)?)
}

/// Failures alone, unless somebody wants more: a line for each request would hide the table.
fn log_config() -> LogConfig {
    let is_chosen = ["RUST_LOG", "OTEL_LOG_LEVEL"].iter().any(|name| std::env::var_os(name).is_some());
    if is_chosen { LogConfig::new() } else { LogConfig::new().with_filter("warn") }
}

/// Makes all requests and says how they were answered; metrics are served on.
async fn make_requests(
    load: Load,
    stop: oneshot::Receiver<Infallible>,
    counts: Arc<service::Counts>,
) -> Result<()> {
    if load.run(stop).await {
        say!("all requests are made: answered {counts}");
    }
    Ok(())
}

/// Prints rows until the time is over or the user has seen enough.
async fn show(client: Client, scrape: &str, run_for: Option<Duration>) -> Result<()> {
    let mut readback = Readback::new(client, scrape);
    let mut rows = tokio::time::interval(ROW_INTERVAL);
    rows.tick().await;
    let end = async {
        match run_for {
            // Ctrl-C ends it in any case, and so does an orchestrator.
            Some(duration) => drop(tokio::time::timeout(duration, asked_to_end()).await),
            None => asked_to_end().await,
        }
    };
    let mut end = std::pin::pin!(end);
    say!("{}", readback::HEADER);
    loop {
        tokio::select! {
            _ = rows.tick() => match readback.row().await {
                Ok(row) => say!("{row}"),
                Err(error) => say!("the endpoint cannot be read back: {error:#}"),
            },
            () = &mut end => return Ok(()),
        }
    }
}
