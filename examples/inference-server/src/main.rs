//! An HTTP inference server with a small model that really computes, instrumented as a user would do it.
//!
//! A request goes through `completions.rs`, waits in the queue of `engine.rs`, and is answered by `model/`. `settings.rs`
//! says what the server is told, `health.rs` what it says of itself, `load.rs` has its own clients, for runs with `--for`.

mod completions;
mod engine;
mod health;
mod listener;
mod load;
mod model;
mod settings;

use std::future::{Future, IntoFuture as _};
use std::io::{Write as _, stderr, stdout};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use clap::Parser as _;
use example_support::{Length, Tally};
use throughline::{StatusHandle, TelemetryProviders, init_telemetry};
use throughline_instruments::http::HttpServerLayer;
use throughline_instruments::inference::{Inference, Model as ServedModel};
use throughline_instruments::{process, runtime};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use engine::Engine;
use listener::Counting;
use load::{Load, Plan};
use model::Model;
use settings::Settings;

/// Answers POST /v1/completions with what a small ternary model makes of the prompt
#[derive(Debug, clap::Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    length: Length,

    /// Settings that differ from bitnet-server.toml, in a file like it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Serve at this address; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
}

/// What handlers share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) engine: Engine,
    pub(crate) inference: Inference,
    pub(crate) settings: settings::Server,
    /// The model's name.
    pub(crate) model: String,
    pub(crate) tally: Arc<Tally>,
    pub(crate) telemetry: StatusHandle,
    pub(crate) is_ending: AtomicBool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let mut settings = Settings::read(arguments.config.as_deref())?;
    if let Some(address) = arguments.listen {
        settings.server.address = address;
    }
    let telemetry = init_telemetry(settings.telemetry()).context("start telemetry")?;
    let tally = Arc::new(Tally::new("bitnet-inference-server"));
    let served = serve(arguments.length, settings, &telemetry, &tally).await;
    // Whatever happened, what was recorded is delivered.
    let report = match telemetry.shutdown().await {
        Ok(report) => report,
        Err(incomplete) => incomplete.report().clone(),
    };
    writeln!(stderr(), "telemetry: {report}").context("say what was delivered")?;
    served?;
    tally.print()
}

/// Serves until it is time to end, and ends what is under way.
async fn serve(
    length: Length,
    settings: Settings,
    telemetry: &TelemetryProviders,
    tally: &Arc<Tally>,
) -> Result<()> {
    let Settings { server, model, .. } = settings;
    let meter = telemetry.meter(SCOPE);
    process::observe(&meter);
    runtime::observe(&meter, &tokio::runtime::Handle::current());
    let tracer = telemetry.tracer_provider().tracer(SCOPE);
    let served = ServedModel::new("bitnet", &model.name);
    let inference = Inference::with_spans(&meter, served, tracer);
    let room = (server.queue_length, server.batch_size);
    let (engine, thread) = Engine::start(Model::new(&model), room, inference.clone(), Arc::clone(tally))?;

    let address = server.address;
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("listen at {address}; `--listen 127.0.0.1:0` takes any free port"))?;
    let address = listener.local_addr()?;
    let app = Arc::new(App {
        engine,
        inference: inference.clone(),
        settings: server.clone(),
        model: model.name,
        tally: Arc::clone(tally),
        telemetry: telemetry.status_handle(),
        is_ending: AtomicBool::new(false),
    });
    let memory = tokio::spawn(report_memory(inference.clone()));
    let terminated = terminated();
    let (end, ended) = oneshot::channel::<()>();
    let serving = axum::serve(Counting { listener, inference }, router(&app, telemetry))
        .with_graceful_shutdown(async move { drop(ended.await) });
    let serving = tokio::spawn(serving.into_future());
    writeln!(stdout(), "listening at http://{address}").context("say where")?;

    drive(length, terminated, address, room).await?;
    app.is_ending.store(true, Ordering::Relaxed);
    memory.abort();
    drop(end);
    finish(serving, thread, app, server.shutdown()).await
}

/// Waits for the end, with clients of its own when it drives itself.
async fn drive(
    length: Length,
    terminated: impl Future<Output = Result<()>>,
    address: SocketAddr,
    (queue, batch): (usize, usize),
) -> Result<()> {
    let plan = match length.work {
        Some(requests) => Plan { clients: batch, requests, some_hang_up: false },
        // A few more than there is room for.
        None => Plan { clients: queue + batch + 2, requests: length.requests(), some_hang_up: true },
    };
    let mut load = length.drives_itself().then(|| Load::start(address, plan));
    let done = async {
        match &mut load {
            Some(load) => load.done().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        result = length.wait() => result?,
        result = terminated => result?,
        result = done => result?,
    }
    match load {
        Some(load) => load.end().await,
        None => Ok(()),
    }
}

/// Waits for SIGTERM, from the call on.
#[cfg(unix)]
fn terminated() -> impl Future<Output = Result<()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = signal(SignalKind::terminate());
    async move {
        signals.context("listen for SIGTERM")?.recv().await;
        Ok(())
    }
}

#[cfg(not(unix))]
fn terminated() -> impl Future<Output = Result<()>> {
    std::future::pending()
}

/// Lets what is under way be answered, first by the connections, then by the model.
async fn finish(
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    model: thread::JoinHandle<()>,
    app: Arc<App>,
    patience: Duration,
) -> Result<()> {
    tracing::info!(waiting = app.engine.waiting(), "ending; what is under way is answered");
    let Ok(served) = tokio::time::timeout(patience, serving).await else {
        tracing::warn!(?patience, "some clients were still being answered");
        return Ok(());
    };
    served.context("the server panicked")?.context("serve")?;
    // The last way to the queue: the model's thread works it off, and ends.
    drop(app);
    let joined = tokio::task::spawn_blocking(|| model.join()).await.context("wait for the model")?;
    joined.map_err(|_panic| anyhow::anyhow!("the model's thread panicked; see the log"))
}

/// Says now and then how much memory there is in use.
async fn report_memory(inference: Inference) -> ! {
    let mut ticks = tokio::time::interval(MEMORY_INTERVAL);
    loop {
        ticks.tick().await;
        if let Some(bytes) = process::memory_usage() {
            inference.memory(bytes);
        }
    }
}

const MEMORY_INTERVAL: Duration = Duration::from_secs(5);

fn router(app: &Arc<App>, telemetry: &TelemetryProviders) -> Router {
    let mut router = Router::new()
        .route("/v1/completions", post(completions::complete))
        .route("/health", get(health::health))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .with_state(Arc::clone(app));
    if let Some(metrics) = telemetry.prometheus_service() {
        router = router.route_service("/metrics", metrics);
    }
    // Outside of everything, and behind the routes, so that it sees all requests and knows their routes.
    let recorded = HttpServerLayer::new(&telemetry.meter(SCOPE))
        .with_tracer(telemetry.tracer_provider().tracer(SCOPE))
        .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
    router.layer(middleware::from_fn_with_state(Arc::clone(app), count)).layer(recorded)
}

/// What records here.
const SCOPE: &str = "inference-server";

/// The server's own count of requests, which knows nothing of telemetry.
async fn count(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    app.tally.add("http_server_request_duration_seconds_count", 1.0);
    next.run(request).await
}
