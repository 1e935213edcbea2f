//! A bot server that calls an LLM API: `POST /chat` drafts an answer, looks at it, polishes it and publishes it.
//!
//! `server.rs` takes the request, `bot.rs` is the work, `llm.rs` the calls of the model with their telemetry, `gemini/` the
//! HTTP. Without a key of Gemini's, the API is `stand_in/`, a server in this process that answers, and fails, by a plan.
//! `driver.rs` chats with the bot when the program is to drive itself. What the program did is counted a second time in
//! `books.rs`, which knows nothing of telemetry.

mod arguments;
mod books;
mod bot;
mod driver;
mod gemini;
mod llm;
mod server;
mod stand_in;
mod telemetry;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::Parser as _;
use throughline::{TelemetryProviders, init_telemetry};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use arguments::{Api, Arguments};
use books::Books;
use bot::Chatbot;
use driver::Driver;
use gemini::Gemini;
use llm::Llm;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let api = Api::of_environment()?;
    // Whoever comes first decides for the process, and all want the same.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let telemetry = init_telemetry(telemetry::config())?;
    let books = Arc::new(Books::default());
    let result = run(&arguments, &api, &telemetry, &books).await;
    match telemetry.shutdown().await {
        Ok(report) => tracing::info!("telemetry: {report}"),
        // Said, and no more: the bot has done its work.
        Err(error) => say(&format!("telemetry: {error}"))?,
    }
    result?;
    books.print()
}

/// Serves until it is time to end, and drives itself if it is to.
async fn run(
    arguments: &Arguments,
    api: &Api,
    telemetry: &TelemetryProviders,
    books: &Arc<Books>,
) -> Result<()> {
    let (stop, stopped) = watch::channel(());
    let (base_url, stand_in) = match api {
        Api::At { base_url, .. } => (base_url.clone(), None),
        Api::StandIn => {
            let (address, server) = stand_in::start(arguments, stopped.clone()).await?;
            (format!("http://{address}"), Some(server))
        }
    };
    let gemini = Gemini::new(&base_url, api.key(), arguments.timeout)?;
    let llm = Llm::new(gemini, arguments, telemetry, Arc::clone(books));
    let chatbot = Chatbot::new(llm, telemetry, Arc::clone(books));
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("listen on {}: choose another address with --listen", arguments.listen))?;
    let address = listener.local_addr()?;
    say(&format!("bot at http://{address}/chat, which asks {base_url}"))?;
    let server = tokio::spawn(server::serve(listener, chatbot, stopped.clone()));
    let mut driver = drive(arguments, api, address, stopped)?;
    let done = async {
        match &mut driver {
            Some(driver) => driver.await,
            None => std::future::pending().await,
        }
    };
    let is_done = tokio::select! {
        ended = arguments.length.wait() => ended.map(|()| false)?,
        ended = terminated() => ended.map(|()| false)?,
        ended = done => ended?.map(|()| true)?,
    };
    drop(stop);
    let driver = driver.filter(|_| !is_done);
    for task in [driver, Some(server), stand_in].into_iter().flatten() {
        task.await??;
    }
    Ok(())
}

fn drive(
    arguments: &Arguments,
    api: &Api,
    bot: SocketAddr,
    stopped: watch::Receiver<()>,
) -> Result<Option<JoinHandle<Result<()>>>> {
    if !arguments.length.drives_itself() {
        return Ok(None);
    }
    let driver = Driver::new(bot, arguments.pause(api), arguments.length.requests())?;
    Ok(Some(tokio::spawn(driver.run(stopped))))
}

/// Waits until somebody ends the process, as whoever keeps it running does.
#[cfg(unix)]
async fn terminated() -> Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate()).context("listen for SIGTERM")?.recv().await;
    Ok(())
}

/// There is no such signal here.
#[cfg(not(unix))]
async fn terminated() -> Result<()> {
    std::future::pending().await
}

/// Talk goes to standard error, so that the last line of standard output is what was counted.
fn say(line: &str) -> Result<()> {
    writeln!(std::io::stderr(), "{line}").context("write to standard error")
}
