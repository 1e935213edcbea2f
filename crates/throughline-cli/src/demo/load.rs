//! The demo's load: calls the service over loopback, at a steady rate. Each call is a span, and its context travels with it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::HeaderMap;
use throughline::propagation::inject_into_headers;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use crate::http::Client;

/// Whom to call, and how often.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) client: Client,
    pub(crate) service: SocketAddr,
    pub(crate) rate: u32,
    pub(crate) requests: Option<u64>,
}

impl Load {
    /// Calls until there were enough requests, or until `stop` is dropped; what is under way then is waited for. Whether
    /// there were enough. A service that cannot keep up is called less often.
    pub(crate) async fn run(self, mut stop: oneshot::Receiver<Infallible>) -> bool {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / self.rate);
        let mut calls = JoinSet::new();
        for number in 1..=self.requests.unwrap_or(u64::MAX) {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = &mut stop => {
                    finish(calls).await;
                    return false;
                }
            }
            calls.spawn(call(self.client.clone(), self.url(number)));
            while calls.try_join_next().is_some() {}
            if calls.len() >= CALLS_MAX {
                let _done = calls.join_next().await;
            }
        }
        finish(calls).await;
        true
    }

    /// Every third request searches, looks, buys.
    fn url(&self, number: u64) -> String {
        let route = ["search", "thumbnail", "checkout"][(number % 3) as usize];
        format!("http://{}/{route}?q={number}", self.service)
    }
}

/// Waits for the calls that are under way.
async fn finish(mut calls: JoinSet<()>) {
    while calls.join_next().await.is_some() {}
}

/// Calls under way at a time.
const CALLS_MAX: usize = 32;

async fn call(client: Client, url: String) {
    let span = tracing::info_span!("call", otel.name = "GET", otel.kind = "client", url.full = %url);
    let mut headers = HeaderMap::new();
    span.in_scope(|| inject_into_headers(&mut headers));
    if let Err(error) = client.get_with(&url, headers).instrument(span).await {
        eprintln!("the demo's service does not answer: {error}");
    }
}
