//! When a call over gRPC is tried again, and how long after: against a server of hyper's, in memory and in paused time.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderMap, HeaderValue, Request, Response};
use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use throughline_core::SystemClock;
use throughline_core::protobuf::Writer;
use tokio::time::Instant;

use super::connect::Connecting;
use super::*;
use crate::endpoint::Signal;
use crate::retry::{Delivery, Random, RetryPolicy, Stop};

/// What the server does with a call.
#[derive(Clone, Debug)]
enum Call {
    /// Answers with this code, and with details, if any.
    Answer(u16, Vec<u8>),
    /// Says that this takes its time, and never more.
    Hang,
    /// Closes the connection.
    Close,
}

/// A server whose calls are scripted; then they succeed.
#[derive(Clone, Debug, Default)]
struct Server {
    calls: Arc<Mutex<VecDeque<Call>>>,
    /// When each came, and with which patience.
    came: Arc<Mutex<Vec<(Instant, String)>>>,
    connections: Arc<Mutex<usize>>,
}

impl Server {
    async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, Infallible>>, String> {
        let patience = request.headers()["grpc-timeout"].to_str().expect("text").to_owned();
        request.into_body().collect().await.map_err(|error| error.to_string())?;
        self.came.lock().expect("no panic").push((Instant::now(), patience));
        let call = self.calls.lock().expect("no panic").pop_front().unwrap_or(Call::Answer(0, Vec::new()));
        match call {
            Call::Answer(code, details) => Ok(response(code, &details)),
            Call::Hang => std::future::pending().await,
            Call::Close => Err("closed".to_owned()),
        }
    }
}

fn response(code: u16, details: &[u8]) -> Response<BoxBody<Bytes, Infallible>> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", code.into());
    if !details.is_empty() {
        let value = HeaderValue::from_str(&throughline_core::base64::encode(details)).expect("base64");
        trailers.insert("grpc-status-details-bin", value);
    }
    let body = Full::from(&b"\0\0\0\0\0"[..]).with_trailers(std::future::ready(Some(Ok(trailers))));
    Response::builder().header("content-type", "application/grpc").body(body.boxed()).expect("a response")
}

impl Connect for Server {
    fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
        *self.connections.lock().expect("no panic") += 1;
        let server = self.clone();
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        drop(tokio::spawn(async move {
            let service = service_fn(move |request| server.clone().answer(request));
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(theirs), service);
            // A client that goes away is its own business.
            drop(connection.await);
        }));
        Box::pin(async move { Ok(Box::new(ours) as Box<dyn connect::Io>) })
    }
}

/// What one delivery within ten seconds came to.
struct Delivered {
    outcome: Result<Accepted, ExportError>,
    /// When each call came, in milliseconds since the first.
    at: Vec<u128>,
    patience: Vec<String>,
    connections: usize,
    took: Duration,
}

async fn deliver(calls: impl IntoIterator<Item = Call>) -> Delivered {
    let server = Server::default();
    server.calls.lock().expect("no panic").extend(calls);
    let endpoint = Endpoint::grpc("http://collector:4317", Signal::Metrics, false).expect("a URL");
    let config = OtlpConfig::new(endpoint);
    let transport = Transport::new(&config, Box::new(server.clone()), Arc::new(SystemClock));
    let mut delivery = Delivery::new(transport.expect("a transport"), RetryPolicy::default(), Random::new(7));
    let (_stopper, mut stop) = Stop::new();
    let started = Instant::now();
    let deadline = started + Duration::from_secs(10);
    let outcome = delivery.send(&Bytes::from_static(b""), deadline, &mut stop, &|| {}).await;
    let took = started.elapsed();
    let came = server.came.lock().expect("no panic").clone();
    let connections = *server.connections.lock().expect("no panic");
    let at = came.iter().map(|(at, _)| (*at - came[0].0).as_millis()).collect();
    Delivered {
        outcome,
        at,
        patience: came.into_iter().map(|(_, patience)| patience).collect(),
        connections,
        took,
    }
}

fn code(code: u16) -> Call {
    Call::Answer(code, Vec::new())
}

/// A status with these seconds in its `RetryInfo`.
fn code_with_delay(code: u16, seconds: u64) -> Call {
    let mut status = Writer::default();
    status.uint(1, code.into());
    status.message(3, |any| {
        any.string(1, "type.googleapis.com/google.rpc.RetryInfo");
        any.message(2, |info| info.message(1, |delay| delay.uint(1, seconds)));
    });
    Call::Answer(code, status.take())
}

#[tokio::test(start_paused = true)]
async fn codes_decide_whether_a_call_is_tried_again() {
    for number in 1..=16 {
        let calls = deliver([code(number)]).await;
        let expected = if [1, 4, 10, 11, 14, 15].contains(&number) { 2 } else { 1 };
        assert_eq!(calls.at.len(), expected, "{number}");
        assert_eq!(calls.outcome.is_ok(), expected == 2, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_peers_delay_is_kept_to() {
    for (number, seconds) in [(8, 3), (14, 2), (8, 0)] {
        let calls = deliver([code_with_delay(number, seconds)]).await;
        assert!(calls.outcome.is_ok());
        assert_eq!(calls.at, [0, u128::from(seconds) * 1000], "{number}");
        assert_eq!(calls.connections, 1);
    }
    let calls = deliver([code_with_delay(14, 60)]).await;
    let error = calls.outcome.expect_err("no time left").describe();
    assert!(error.contains("answered UNAVAILABLE"), "{error}");
    assert_eq!((calls.at.len(), calls.took), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn without_a_delay_waits_grow_and_end_at_the_deadline() {
    let calls = deliver(vec![code(14); 50]).await;
    assert!(calls.outcome.expect_err("never taken").is_retryable());
    assert!(calls.took < Duration::from_secs(10), "{:?}", calls.took);
    let waits: Vec<_> = calls.at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, most) in waits.iter().zip([200, 400, 800, 1600, 3200, 5000]) {
        // Timers tick in milliseconds.
        assert!((most / 2..=most + 1).contains(wait), "{waits:?}");
    }
    assert!(waits.len() >= 5, "{waits:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_given_up_and_its_connection_with_it() {
    let calls = deliver([Call::Hang, Call::Close]).await;
    assert!(calls.outcome.is_ok());
    assert_eq!(calls.at.len(), 3);
    assert!(calls.at[1] >= 5000, "{:?}", calls.at);
    assert!(calls.connections >= 2);
    assert_eq!(calls.patience[0], "5000m");
    // What was left of ten seconds after the wait.
    let left: u128 = calls.patience[1].trim_end_matches('m').parse().expect("milliseconds");
    assert!((4700..=4900).contains(&left), "{left}");

    let calls = deliver(vec![Call::Hang; 3]).await;
    let error = calls.outcome.expect_err("no answer").describe();
    assert!(error.contains("no answer from http://collector:4317 within"), "{error}");
    assert_eq!(calls.took, Duration::from_secs(10));
}
