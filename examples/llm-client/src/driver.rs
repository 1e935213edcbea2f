//! The program's own load: chats with the bot over loopback, as a client in another process would. Each chat is a span, whose
//! context travels with it; some do not wait for the answer.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Client;
use reqwest::header::HeaderMap;
use serde_json::json;
use throughline::propagation::inject_into_headers;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{Instrument as _, info_span};

/// Chats under way at a time.
const AT_A_TIME: usize = 8;

/// One chat in so many is given up soon.
const IMPATIENT: u64 = 25;

/// How long such a chat waits.
const PATIENCE: Duration = Duration::from_millis(5);

const MESSAGES: [&str; 6] = [
    "What is a trace good for?",
    "Why do my dashboards show nothing?",
    "Tell me about the sea, and about ships.",
    "How long does a histogram live?",
    "Write a verse about counters that only grow.",
    "What should I measure first?",
];

/// Chats at a steady rate.
#[derive(Debug)]
pub(crate) struct Driver {
    http: Client,
    url: String,
    every: Duration,
    chats: u64,
}

impl Driver {
    /// So many chats at most, one every so often.
    pub(crate) fn new(bot: SocketAddr, every: Duration, chats: u64) -> Result<Self> {
        let http = Client::builder().no_proxy().build().context("make an HTTP client")?;
        // A timer needs a period.
        let every = every.max(Duration::from_millis(1));
        Ok(Self { http, url: format!("http://{bot}/chat"), every, chats })
    }

    /// Chats until `stopped`, or all chats were begun, and then waits for the answers under way.
    pub(crate) async fn run(self, mut stopped: watch::Receiver<()>) -> Result<()> {
        let mut ticks = tokio::time::interval(self.every);
        let mut chats = JoinSet::new();
        for number in 1..=self.chats {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.changed() => break,
            }
            chats.spawn(chat(self.http.clone(), self.url.clone(), number));
            if chats.len() >= AT_A_TIME {
                let _done = chats.join_next().await;
            }
        }
        while chats.join_next().await.is_some() {}
        Ok(())
    }
}

async fn chat(http: Client, url: String, number: u64) {
    let span = info_span!("chat", otel.name = "POST", otel.kind = "client", url.full = %url, number);
    async {
        let mut headers = HeaderMap::new();
        inject_into_headers(&mut headers);
        let message = MESSAGES[(number % MESSAGES.len() as u64) as usize];
        let mut request = http.post(url).headers(headers).json(&json!({ "message": message }));
        if matches!(number % IMPATIENT, 0) {
            request = request.timeout(PATIENCE);
        }
        match request.send().await {
            Ok(response) => tracing::debug!(status = response.status().as_u16(), "answered"),
            Err(error) => tracing::debug!(%error, "not answered"),
        }
    }
    .instrument(span)
    .await;
}
