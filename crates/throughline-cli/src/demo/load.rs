//! The demo's load: calls the service over loopback, at a steady rate. Each call is a span, and its context travels with it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Uri};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use throughline::propagation::inject_into_headers;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::Instrument as _;

/// Whom to call, and how often.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) service: SocketAddr,
    pub(crate) rate: u32,
    pub(crate) requests: Option<u64>,
}

impl Load {
    /// Calls until there were enough requests, or until `stop` is dropped; what is under way then is waited for. Whether
    /// there were enough. A service that cannot keep up is called less often.
    pub(crate) async fn run(self, mut stop: oneshot::Receiver<Infallible>) -> bool {
        let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
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
            calls.spawn(call(client.clone(), self.url(number)));
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

async fn call(client: Client<HttpConnector, Body>, url: String) {
    let Ok(url) = url.parse::<Uri>() else { return };
    let span = tracing::info_span!("call", otel.name = "GET", otel.kind = "client", url.full = %url);
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = url;
    span.in_scope(|| inject_into_headers(request.headers_mut()));
    match client.request(request).instrument(span).await {
        Ok(response) => {
            let _read_to_the_end = response.into_body().collect().await.is_ok();
        }
        Err(error) => eprintln!("the demo's service does not answer: {error}"),
    }
}
