//! What a server records of one request.
//!
//! Begun by the service in `server/mod.rs`; `follow.rs` tells it what happens.

use std::fmt;
use std::sync::Arc;

use bytes::Buf;
use http::{HeaderMap, Response, StatusCode, Version};
use http_body::Body;
use opentelemetry::KeyValue;
use throughline_core::attribute::{AttributeValue as _, Attributes, Visitor};
use throughline_metrics::BoundUpDownCounter;
use throughline_trace::{Context, SpanKind, Tracer};

use super::Shared;
use crate::http::attributes::{ActiveServerRequest, HttpMethod, HttpVersion, ServerRequest, UrlScheme};
use crate::http::clock::Moment;
use crate::http::ended::{Ended, Measured};
use crate::http::failure::Names;
use crate::http::follow::{Exchange, has_body};
use crate::http::head::RequestHead;
use crate::http::place::{Outcome, Outcomes, Seat, hash};
use crate::http::tracing::{Traced, span_name};

/// What requests of one method and route have in common.
pub(super) struct ServerPlace {
    method: HttpMethod,
    scheme: UrlScheme,
    route: Option<Box<str>>,
    span_name: Box<str>,
    active: BoundUpDownCounter<i64>,
    ended: Outcomes<Ended>,
}

/// One request and its response, as a server sees them.
pub struct ServerExchange {
    shared: Arc<Shared>,
    seat: Seat<ServerPlace>,
    traced: Option<Traced>,
    start: Moment,
    method: HttpMethod,
    version: Option<HttpVersion>,
    status: Option<StatusCode>,
    /// Bytes of the request's body, when they are known.
    received: Option<u64>,
    /// Bytes of the response's body so far.
    sent: u64,
}

impl ServerExchange {
    /// A request has come.
    pub(super) fn begin(
        shared: &Arc<Shared>,
        head: RequestHead<'_>,
        version: Version,
        received: Option<u64>,
    ) -> Self {
        let start = shared.clock.start();
        let method = HttpMethod::from(head.method);
        let version = HttpVersion::of(version);
        let seat = shared.seat(head, method);
        let place = shared.places.at(&seat);
        if let Some(place) = place {
            place.active.add(1);
        }
        let traced = shared.tracing.tracer.zip(place).map(|(tracer, place)| {
            let parent = shared.tracing.propagators.extract(&Context::current(), head.headers);
            start_span(tracer, &parent, place, head, version)
        });
        let shared = Arc::clone(shared);
        Self { shared, seat, traced, start, method, version, status: None, received, sent: 0 }
    }
}

impl Shared {
    fn seat(&self, head: RequestHead<'_>, method: HttpMethod) -> Seat<ServerPlace> {
        let scheme = UrlScheme::of(head.uri).unwrap_or(self.scheme);
        let route = self.route.as_ref().and_then(|find| find(head));
        let small = method.index() as u64 * 4 + scheme.index() as u64 * 2 + u64::from(route.is_some());
        self.places.seat(
            hash(route.unwrap_or_default(), small),
            |place| place.method == method && place.scheme == scheme && place.route.as_deref() == route,
            || self.place(method, scheme, route),
        )
    }

    fn place(&self, method: HttpMethod, scheme: UrlScheme, route: Option<&str>) -> ServerPlace {
        ServerPlace {
            method,
            scheme,
            route: route.map(Box::from),
            span_name: span_name(method, route),
            active: self.metrics.active.bind(&ActiveServerRequest { method, scheme }),
            ended: Outcomes::default(),
        }
    }

    /// The instruments of an outcome that is new.
    fn ended(&self, place: &ServerPlace, Outcome { status, version, error }: Outcome) -> Ended {
        let status_text = || Some(Box::from(failed(status?)?.as_str()));
        let error = error.map(Box::from).or_else(status_text);
        let attributes = ServerRequest {
            method: place.method,
            scheme: place.scheme,
            route: place.route.as_deref(),
            version,
            status,
            error: error.as_deref(),
        };
        Ended {
            duration: self.metrics.duration.bind(&attributes),
            request_size: self.metrics.request_size.bind(&attributes),
            response_size: self.metrics.response_size.bind(&attributes),
            error,
        }
    }
}

/// The status, if it says that the server failed.
fn failed(status: u16) -> Option<StatusCode> {
    StatusCode::from_u16(status).ok().filter(StatusCode::is_server_error)
}

fn start_span(
    tracer: Tracer,
    parent: &Context,
    place: &ServerPlace,
    head: RequestHead<'_>,
    version: Option<HttpVersion>,
) -> Traced {
    let known = Known { place, head, version };
    let span = tracer
        .span(&place.span_name)
        .with_kind(SpanKind::Server)
        .with_parent(parent)
        .with_attributes(&known)
        .start();
    Traced::new(span, parent)
}

/// What is known of a request when it comes. Looked at when its span is sampled, or a sampler asks.
struct Known<'a> {
    place: &'a ServerPlace,
    head: RequestHead<'a>,
    version: Option<HttpVersion>,
}

impl Attributes for Known<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { place, head, version } = self;
        place.method.visit("http.request.method", visitor);
        if place.method == HttpMethod::Other {
            head.sent_method().visit("http.request.method_original", visitor);
        }
        place.scheme.visit("url.scheme", visitor);
        head.path().visit("url.path", visitor);
        place.route.as_deref().visit("http.route", visitor);
        version.visit("network.protocol.version", visitor);
        if let Some((address, port)) = head.server() {
            address.visit("server.address", visitor);
            port.visit("server.port", visitor);
        }
        head.user_agent().visit("user_agent.original", visitor);
    }
}

impl Exchange for ServerExchange {
    /// Who reads an answer at all reads what it wants of it.
    const UNREAD_IS_CANCELLED: bool = true;

    #[inline]
    fn context(&self) -> Option<&Context> {
        self.traced.as_ref().map(|traced| &traced.context)
    }

    fn names(&self) -> &Names {
        &self.shared.names
    }

    fn answered<B: Body>(&mut self, response: &Response<B>) -> bool {
        self.status = Some(response.status());
        has_body(self.method, response.status())
    }

    fn data(&mut self, data: &impl Buf) {
        self.sent += data.remaining() as u64;
    }

    fn trailers(&mut self, _trailers: &HeaderMap) {}

    fn end(&mut self, error: Option<&'static str>) {
        let Self { shared, seat, traced, start, version, status, received, sent, .. } = self;
        let measured = Measured {
            seconds: shared.clock.seconds_since(*start),
            request: *received,
            response: status.map(|_| *sent),
        };
        let status = status.map(|status| status.as_u16());
        let outcome = Outcome { status, version: *version, error };
        let traced = traced.take();
        let Some(place) = shared.places.at(seat) else { return };
        place.active.add(-1);
        let make = || shared.ended(place, outcome);
        place.ended.record(outcome, make, |ended| {
            ended.record(traced.as_ref(), &measured);
            if let Some(mut traced) = traced {
                traced.span.set_attribute("http.response.status_code", status);
                traced.end(ended.error.as_deref(), error.is_none());
            }
        });
    }
}

impl fmt::Debug for ServerExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, status, sent, .. } = self;
        f.debug_struct("ServerExchange")
            .field("method", method)
            .field("status", status)
            .field("sent", sent)
            .finish_non_exhaustive()
    }
}
