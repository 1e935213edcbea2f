//! HTTP servers and clients: layers for tower services, which record metrics and spans by OpenTelemetry's conventions.
//!
//! A server, here with axum, whose `MatchedPath` is the route:
//!
//! ```
//! use axum::extract::MatchedPath;
//! use axum::routing::get;
//! use throughline_instruments::http::HttpServerLayer;
//! use throughline_metrics::MeterProvider;
//! use throughline_trace::TracerProvider;
//!
//! let layer = HttpServerLayer::new(&MeterProvider::default().meter("shop"))
//!     .with_tracer(TracerProvider::default().tracer("shop"))
//!     .with_route(|head| head.extensions.get::<MatchedPath>().map(MatchedPath::as_str));
//! let app: axum::Router = axum::Router::new()
//!     .route("/users/{id}", get(|| async { "someone" }))
//!     .layer(layer); // after the routes: axum knows the route then, and requests without one are recorded too
//! ```
//!
//! # What is recorded when
//!
//! A request has ended when the body of its response has, trailers included: a stream of an hour takes an hour. What it is
//! recorded as, in `error.type`:
//!
//! | it ended | `error.type` |
//! |---|---|
//! | well | absent |
//! | with a status that is an error: 5xx for servers, 4xx too for clients | the status: `503` |
//! | because service or body failed | `timeout`, a name that the program gives, or the error's type |
//! | because it was dropped: the other side, or a timeout around the layer, gave it up | `cancelled` |
//! | because service or body panicked | `panic` |
//!
//! # What comes from strangers
//!
//! Methods that are not standard are `_OTHER`. A path never is an attribute of a metric; a route is, which the program
//! gives. Paths and user agents in spans are cut.
//!
//! `http/server/` and `http/client/` are the layers; `follow.rs` follows a request whatever path it takes; `place.rs` finds
//! its series.

use crate::Kit;
use throughline_metrics::MetricSet as _;

mod attributes;
mod client;
mod clock;
mod ended;
mod exchange;
mod failure;
mod follow;
mod head;
mod metrics;
mod place;
mod server;
mod table;
mod tracing;

#[cfg(feature = "reqwest")]
pub mod reqwest;

pub use attributes::{
    ActiveClientRequest, ActiveServerRequest, ClientRequest, HttpMethod, HttpVersion, ServerRequest,
    UrlScheme,
};
pub use client::{ClientExchange, HttpClient, HttpClientLayer, UrlTemplate};
pub use failure::Failure;
pub use follow::{ResponseBody, ResponseFuture};
pub use head::RequestHead;
pub use metrics::{HttpClientMetrics, HttpServerMetrics};
pub use server::{HttpServer, HttpServerLayer, ServerExchange};

#[cfg(feature = "grpc")]
pub(crate) use {
    clock::{Moment, Stopwatch},
    failure::Names,
    follow::{Exchange, Following},
    place::{Outcome, Outcomes, Places, Seat, hash},
    tracing::{Traced, Tracing},
};

/// What this kit records.
pub const KIT: Kit =
    Kit::new("http", "HTTP", &[HttpServerMetrics::DEFINITIONS, HttpClientMetrics::DEFINITIONS]);
