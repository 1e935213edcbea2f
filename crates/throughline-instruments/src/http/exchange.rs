//! What is recorded of one request and its response, whichever side records them.
//!
//! Begun by `server/exchange.rs` and `client/exchange.rs`, whose [`Side`] says what requests are told apart by; `follow.rs`
//! tells it what happens, and `place.rs` finds its series.

use std::fmt;
use std::sync::Arc;

use bytes::Buf;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use throughline_metrics::BoundUpDownCounter;
use throughline_trace::Context;

use super::attributes::{HttpMethod, HttpVersion};
use super::clock::{Moment, Stopwatch};
use super::ended::{Ended, Measured};
use super::failure::Names;
use super::follow::{Exchange, has_body};
use super::place::{Outcome, Outcomes, Places, Seat};
use super::tracing::{Traced, Tracing};

/// One end of a request: what it tells requests apart by, and what it records them with.
pub trait Side {
    /// What its exchange is called where it is shown.
    const NAME: &'static str;
    /// Whether a body that nobody wanted any of was cancelled.
    const UNREAD_IS_CANCELLED: bool;
    /// What requests of one place have in common.
    type Key: Clone;

    /// Whether a status says that the request failed.
    fn is_failure(status: StatusCode) -> bool;

    /// The instruments of an outcome that is new.
    fn ended(&self, key: &Self::Key, outcome: Outcome, error: Option<Box<str>>) -> Ended;
}

/// What all services of one layer have in common.
#[derive(Clone)]
pub(super) struct Shared<S: Side> {
    pub(super) side: S,
    pub(super) places: Places<Place<S::Key>>,
    pub(super) tracing: Tracing,
    pub(super) names: Names,
    pub(super) clock: Arc<Stopwatch>,
}

/// What requests of one key have in common.
pub(super) struct Place<K> {
    pub(super) key: K,
    pub(super) span_name: Box<str>,
    pub(super) active: BoundUpDownCounter<i64>,
    pub(super) ended: Outcomes<Ended>,
}

impl<S: Side> Shared<S> {
    /// Without spans, and with what the process has now.
    pub(super) fn new(side: S) -> Self {
        Self {
            side,
            places: Places::default(),
            tracing: Tracing::default(),
            names: Names::default(),
            clock: Arc::default(),
        }
    }

    /// The instruments of an outcome that is new. A status that is a failure is the error, unless there is another.
    fn ended(&self, key: &S::Key, outcome: Outcome) -> Ended {
        let status = outcome.status.and_then(|status| StatusCode::from_u16(status).ok());
        let failed = status.filter(|status| S::is_failure(*status));
        let error = outcome.error.or_else(|| failed.as_ref().map(StatusCode::as_str));
        self.side.ended(key, outcome, error.map(Box::from))
    }
}

/// One request and its response, as one side sees them.
pub struct HttpExchange<S: Side> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) seat: Seat<Place<S::Key>>,
    /// In a box, since the exchange goes from hand to hand, and may have none.
    pub(super) traced: Option<Box<Traced>>,
    /// Unless its span tells how long it takes.
    pub(super) start: Option<Moment>,
    pub(super) method: HttpMethod,
    /// A server knows it from the request, a client from the response.
    pub(super) version: Option<HttpVersion>,
    pub(super) status: Option<StatusCode>,
    /// Bytes of the request's body, when they are known.
    pub(super) request_bytes: Option<u64>,
    /// Bytes of the response's body so far.
    pub(super) response_bytes: u64,
}

impl<S: Side> HttpExchange<S> {
    /// It begins now, or began with its span.
    #[inline]
    pub(super) fn new(
        shared: &Arc<Shared<S>>,
        seat: Seat<Place<S::Key>>,
        traced: Option<Box<Traced>>,
        method: HttpMethod,
        request_bytes: Option<u64>,
    ) -> Self {
        Self {
            shared: Arc::clone(shared),
            seat,
            start: shared.clock.start(traced.as_deref()),
            traced,
            method,
            version: None,
            status: None,
            request_bytes,
            response_bytes: 0,
        }
    }
}

impl<S: Side> Exchange for HttpExchange<S> {
    const UNREAD_IS_CANCELLED: bool = S::UNREAD_IS_CANCELLED;

    #[inline]
    fn context(&self) -> Option<&Context> {
        self.traced.as_ref().map(|traced| &traced.context)
    }

    fn names(&self) -> &Names {
        &self.shared.names
    }

    fn answered<B: Body>(&mut self, response: &Response<B>) -> bool {
        self.status = Some(response.status());
        if self.version.is_none() {
            self.version = HttpVersion::of(response.version());
            if let Some(traced) = &mut self.traced {
                traced.span.set_attribute("network.protocol.version", self.version);
            }
        }
        has_body(self.method, response.status())
    }

    fn data(&mut self, data: &impl Buf) {
        self.response_bytes += data.remaining() as u64;
    }

    fn trailers(&mut self, _trailers: &HeaderMap) {}

    fn end(&mut self, error: Option<&'static str>) {
        let Self { shared, seat, traced, start, version, status, request_bytes, response_bytes, .. } = self;
        let (request, response) = (*request_bytes, status.map(|_| *response_bytes));
        let status = status.map(|status| status.as_u16());
        let outcome = Outcome { status, version: *version, error };
        let traced = traced.take();
        let Some(place) = shared.places.at(seat) else { return };
        place.active.add(-1);
        let make = || shared.ended(&place.key, outcome);
        place.ended.record(outcome, make, |ended| {
            let exemplar = traced.as_ref().and_then(|traced| traced.exemplar());
            let took = traced.and_then(|mut traced| {
                traced.span.set_attribute("http.response.status_code", status);
                traced.end(ended.error.as_deref(), error.is_none())
            });
            let seconds = shared.clock.seconds(*start, took);
            ended.record(exemplar, &Measured { seconds, request, response });
        });
    }
}

impl<S: Side> fmt::Debug for HttpExchange<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, status, response_bytes, .. } = self;
        f.debug_struct(S::NAME)
            .field("method", method)
            .field("status", status)
            .field("response_bytes", response_bytes)
            .finish_non_exhaustive()
    }
}
