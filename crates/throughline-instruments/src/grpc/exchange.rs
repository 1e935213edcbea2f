//! What is recorded of one call, by servers and clients alike.
//!
//! Begun by `server.rs` and `client.rs`; `http/follow.rs` tells it what happens, and the request's body (`messages.rs`) counts
//! its messages here.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Buf;
use http::{HeaderMap, Response};
use http_body::Body;
use opentelemetry::KeyValue;
use throughline_core::attribute::{AttributeValue as _, Attributes, Visitor, cut};
use throughline_metrics::exemplar;
use throughline_metrics::{
    BoundCounter, BoundHistogram, BoundUpDownCounter, Counter, Histogram, UpDownCounter,
};
use throughline_trace::{Context, SpanKind};

use super::messages::Messages;
use super::metrics::{ActiveCalls, GrpcCall, GrpcMessages, MessageType, RpcSystem};
use super::status::GrpcStatus;
use crate::http::{
    Exchange, Moment, Names, Outcome, Outcomes, Places, Seat, Stopwatch, Traced, Tracing, hash,
};

/// What all services of one layer have in common.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) is_server: bool,
    pub(super) duration: Histogram<f64, GrpcCall<'static>>,
    pub(super) active: UpDownCounter<i64, ActiveCalls>,
    pub(super) messages: Counter<u64, GrpcMessages<'static>>,
    pub(super) places: Places<Place>,
    pub(super) declared: Vec<Box<str>>,
    pub(super) tracing: Tracing,
    pub(super) names: Names,
    pub(super) clock: Arc<Stopwatch>,
}

/// What calls of one method have in common.
pub(super) struct Place {
    /// `None` when it is not known.
    method: Option<Box<str>>,
    address: Option<Box<str>>,
    port: Option<u16>,
    active: BoundUpDownCounter<i64>,
    sent: BoundCounter<u64>,
    received: BoundCounter<u64>,
    ended: Outcomes<Ended>,
}

struct Ended {
    /// What `error.type` says.
    error: Option<Box<str>>,
    duration: BoundHistogram<f64>,
}

/// What is called: from the request's path and target.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    /// As it came, without the first slash.
    pub(super) path: &'a str,
    pub(super) address: Option<&'a str>,
    pub(super) port: Option<u16>,
}

/// Bytes of a method's name, service included. What is longer is not known.
const METHOD_BYTES_MAX: usize = 256;
/// What is recorded in place of methods that are not known.
const OTHER: &str = "_OTHER";

/// One call: what its request's body and its exchange share.
pub(super) struct Call {
    shared: Arc<Shared>,
    seat: Seat<Place>,
    /// Messages of the request, and of the response, of a method that is not known yet.
    asked: AtomicU64,
    answered: AtomicU64,
}

impl Call {
    /// The caller has sent so many messages.
    pub(super) fn asked(&self, count: u64) {
        self.add(count, 0);
    }

    /// They are recorded at once when the method is known, or else when it has turned out whether it is.
    fn add(&self, asked: u64, answered: u64) {
        match self.place() {
            Some(place) if place.method.is_some() => self.record(place, asked, answered),
            _ => {
                self.asked.fetch_add(asked, Ordering::Relaxed);
                self.answered.fetch_add(answered, Ordering::Relaxed);
            }
        }
    }

    /// Records what was not yet, at this place.
    fn settle(&self, place: &Place) {
        self.record(place, self.asked.swap(0, Ordering::Relaxed), self.answered.swap(0, Ordering::Relaxed));
    }

    fn record(&self, place: &Place, asked: u64, answered: u64) {
        let (of_request, of_response) = if self.shared.is_server {
            (&place.received, &place.sent)
        } else {
            (&place.sent, &place.received)
        };
        for (counter, count) in [(of_request, asked), (of_response, answered)] {
            if count > 0 {
                counter.add(count);
            }
        }
    }

    fn place(&self) -> Option<&Place> {
        self.shared.places.at(&self.seat)
    }
}

/// A server may have answered while the client went on sending.
impl Drop for Call {
    fn drop(&mut self) {
        if let Some(place) = self.place() {
            self.settle(place);
        }
    }
}

/// One call, from its request to its status.
pub struct GrpcExchange {
    call: Arc<Call>,
    traced: Option<Box<Traced>>,
    /// Unless its span tells how long it takes.
    start: Option<Moment>,
    status: Option<GrpcStatus>,
    answers: Messages,
    /// The path, as long as it is not known to be a method.
    unknown: Option<Box<str>>,
}

impl GrpcExchange {
    /// A call begins. Allocates once for what it shares with its request's body.
    pub(super) fn begin(shared: &Arc<Shared>, target: Target<'_>, headers: &HeaderMap) -> (Self, Arc<Call>) {
        let seat = shared.seat(target);
        let place = shared.places.at(&seat);
        if let Some(place) = place {
            place.active.add(1);
        }
        let traced = place.and_then(|place| shared.start_span(place, target, headers));
        let is_known = place.is_some_and(|place| place.method.is_some());
        let unknown = (!is_known && is_method(target.path)).then(|| target.path.into());
        let start = shared.clock.start(traced.as_deref());
        let shared = Arc::clone(shared);
        let call = Arc::new(Call { shared, seat, asked: AtomicU64::new(0), answered: AtomicU64::new(0) });
        let answers = Messages::default();
        (Self { call: Arc::clone(&call), traced, start, status: None, answers, unknown }, call)
    }

    /// Writes the span's context into the headers.
    pub(super) fn inject(&self, headers: &mut HeaderMap) {
        if let Some(traced) = &self.traced {
            self.call.shared.tracing.propagators.inject(&traced.context, headers);
        }
    }

    /// The place of a method that has turned out to be one.
    fn learned(&mut self) -> Option<Seat<Place>> {
        let path = self.unknown.take().filter(|_| self.status == Some(GrpcStatus::Ok))?;
        let seat = self.call.shared.learn(&path)?;
        if let Some(traced) = &mut self.traced {
            traced.span.update_name(&path);
            traced.span.set_attribute("rpc.method", &*path);
        }
        Some(seat)
    }
}

/// `service/method`, of a length that methods have.
fn is_method(path: &str) -> bool {
    let parts = path.split_once('/');
    let is_pair =
        |(service, method): (&str, &str)| !service.is_empty() && !method.is_empty() && !method.contains('/');
    path.len() <= METHOD_BYTES_MAX && parts.is_some_and(is_pair)
}

impl Shared {
    /// Methods that calls are recorded by from the first one on.
    pub(super) fn declare(&mut self, methods: impl IntoIterator<Item = impl Into<Box<str>>>) {
        self.declared.extend(methods.into_iter().map(Into::into));
        self.places = Places::default();
        for method in &self.declared {
            let _no_room = self.learn(method);
        }
    }

    /// Where a call is recorded: a client's by its method, a server's by the method if it is known.
    fn seat(&self, target: Target<'_>) -> Seat<Place> {
        let named = Target { path: if self.is_server { "" } else { target.path }, ..target };
        let known = self.is_server.then(|| self.find(target.path)).flatten();
        known.unwrap_or_else(|| {
            self.places.seat(named.hash(), |place| place.is(&named), || self.place(&named))
        })
    }

    fn find(&self, method: &str) -> Option<Seat<Place>> {
        let target = Target { path: method, address: None, port: None };
        self.places.find(target.hash(), |place| place.is(&target))
    }

    /// The place of this method of a server, from now on known; `None` when there are too many.
    fn learn(&self, method: &str) -> Option<Seat<Place>> {
        let target = Target { path: method, address: None, port: None };
        self.places.add(target.hash(), |place| place.is(&target), || self.place(&target))
    }

    fn place(&self, target: &Target<'_>) -> Place {
        let method = target.method();
        let system = RpcSystem::Grpc;
        let messages = |r#type| {
            let method = method.unwrap_or(OTHER);
            self.messages.bind(&GrpcMessages { system, method, r#type })
        };
        Place {
            method: method.map(Box::from),
            address: target.address.map(Box::from),
            port: target.port,
            active: self.active.bind(&ActiveCalls { system }),
            sent: messages(MessageType::Sent),
            received: messages(MessageType::Received),
            ended: Outcomes::default(),
        }
    }

    /// The instruments of an outcome that is new.
    fn ended(&self, place: &Place, status: Option<GrpcStatus>, error: Option<&'static str>) -> Ended {
        let fails = |status: GrpcStatus| {
            if self.is_server { status.is_failure_of_server() } else { status != GrpcStatus::Ok }
        };
        let error = error.or_else(|| status.filter(|status| fails(*status)).map(GrpcStatus::name));
        let attributes = GrpcCall {
            system: RpcSystem::Grpc,
            method: place.method.as_deref().unwrap_or(OTHER),
            status,
            error,
            address: place.address.as_deref(),
            port: place.port,
        };
        Ended { duration: self.duration.bind(&attributes), error: error.map(Box::from) }
    }

    fn start_span(&self, place: &Place, target: Target<'_>, headers: &HeaderMap) -> Option<Box<Traced>> {
        let tracer = self.tracing.tracer?;
        let current = Context::current();
        let (kind, parent) = if self.is_server {
            (SpanKind::Server, self.tracing.propagators.extract(&current, headers))
        } else {
            (SpanKind::Client, current)
        };
        let span = tracer
            .span(place.method.as_deref().unwrap_or("grpc"))
            .with_kind(kind)
            .with_parent(&parent)
            .with_attributes(&Known { place, target })
            .start();
        Some(Box::new(Traced::new(span, &parent)))
    }
}

impl<'a> Target<'a> {
    /// The method to record; `None` for those that are not known.
    fn method(&self) -> Option<&'a str> {
        Some(self.path).filter(|path| !path.is_empty())
    }

    fn hash(&self) -> u64 {
        hash(self.path, hash(self.address.unwrap_or_default(), self.port.unwrap_or_default().into()))
    }
}

impl Place {
    fn is(&self, target: &Target<'_>) -> bool {
        let Target { address, port, .. } = *target;
        self.method.as_deref() == target.method() && self.address.as_deref() == address && self.port == port
    }
}

/// What is known of a call when it begins. Looked at when its span is sampled, or a sampler asks.
struct Known<'a> {
    place: &'a Place,
    target: Target<'a>,
}

impl Attributes for Known<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { place, target } = self;
        RpcSystem::Grpc.visit("rpc.system.name", visitor);
        place.method.as_deref().unwrap_or(OTHER).visit("rpc.method", visitor);
        if place.method.is_none() {
            cut(target.path, METHOD_BYTES_MAX).visit("rpc.method_original", visitor);
        }
        target.address.visit("server.address", visitor);
        target.port.visit("server.port", visitor);
    }
}

impl Exchange for GrpcExchange {
    /// The status is behind the messages.
    const UNREAD_IS_CANCELLED: bool = true;

    fn context(&self) -> Option<&Context> {
        self.traced.as_ref().map(|traced| &traced.context)
    }

    fn names(&self) -> &Names {
        &self.call.shared.names
    }

    fn answered<B: Body>(&mut self, response: &Response<B>) -> bool {
        self.status = GrpcStatus::in_headers(response.headers());
        self.status.is_none()
    }

    fn data(&mut self, data: &impl Buf) {
        self.call.add(0, self.answers.ended_in(data));
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        self.status = self.status.or_else(|| GrpcStatus::in_headers(trailers));
    }

    fn end(&mut self, error: Option<&'static str>) {
        if error.is_none() && self.status.is_none() {
            self.status = Some(GrpcStatus::Unknown);
        }
        let (learned, status, traced) = (self.learned(), self.status, self.traced.take());
        let Self { call, start, .. } = self;
        let shared = &call.shared;
        if let Some(place) = call.place() {
            place.active.add(-1);
        }
        let place = learned.as_ref().and_then(|seat| shared.places.at(seat)).or_else(|| call.place());
        let Some(place) = place else { return };
        call.settle(place);
        let number = status.map(|status| status.index() as u16);
        let outcome = Outcome { status: number, version: None, error };
        place.ended.record(
            outcome,
            || shared.ended(place, status, error),
            |ended| {
                let exemplar = traced.as_ref().and_then(|traced| traced.exemplar());
                let took = traced.and_then(|mut traced| {
                    traced.span.set_attribute("rpc.response.status_code", status);
                    traced.end(ended.error.as_deref(), error.is_none())
                });
                let _pinned = exemplar.map(|span| exemplar::pin(Some(span)));
                ended.duration.record(shared.clock.seconds(*start, took));
            },
        );
    }
}

impl fmt::Debug for GrpcExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrpcExchange").field("status", &self.status).finish_non_exhaustive()
    }
}
