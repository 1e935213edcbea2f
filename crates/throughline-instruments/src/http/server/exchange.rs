//! What a server tells requests apart by, and knows of one when it comes.
//!
//! Begun by the service in `server/mod.rs`; what follows is in `http/exchange.rs`.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body::Body;
use opentelemetry::KeyValue;
use throughline_core::attribute::{AttributeValue as _, Attributes, Visitor};
use throughline_trace::{Context, SpanKind, Tracer};

use super::ServerSide;
use crate::http::attributes::{ActiveServerRequest, HttpMethod, HttpVersion, ServerRequest, UrlScheme};
use crate::http::ended::Ended;
use crate::http::exchange::{HttpExchange, Place, Shared, Side};
use crate::http::head::RequestHead;
use crate::http::place::{Outcome, Outcomes, Seat, hash};
use crate::http::tracing::{Traced, span_name};

/// One request and its response, as a server sees them.
pub type ServerExchange = HttpExchange<ServerSide>;

/// What requests of one method and route have in common.
#[derive(Clone, Debug)]
pub struct ServerKey {
    method: HttpMethod,
    scheme: UrlScheme,
    route: Option<Box<str>>,
}

impl Side for ServerSide {
    const NAME: &'static str = "ServerExchange";
    /// Who reads an answer at all reads what it wants of it.
    const UNREAD_IS_CANCELLED: bool = true;

    type Key = ServerKey;

    fn is_failure(status: StatusCode) -> bool {
        status.is_server_error()
    }

    fn ended(&self, key: &ServerKey, outcome: Outcome, error: Option<Box<str>>) -> Ended {
        let ServerKey { method, scheme, route } = key;
        let attributes = ServerRequest {
            method: *method,
            scheme: *scheme,
            route: route.as_deref(),
            version: outcome.version,
            status: outcome.status,
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

impl ServerExchange {
    /// A request has come.
    pub(super) fn begin<B: Body>(shared: &Arc<Shared<ServerSide>>, request: &Request<B>) -> Self {
        let head = RequestHead::from(request);
        let method = HttpMethod::from(head.method);
        let version = HttpVersion::of(request.version());
        let seat = shared.seat(head, method);
        let place = shared.places.at(&seat);
        if let Some(place) = place {
            place.active.add(1);
        }
        let traced = shared.tracing.tracer.zip(place).map(|(tracer, place)| {
            let parent = shared.tracing.propagators.extract(&Context::current(), head.headers);
            Box::new(start_span(tracer, &parent, place, head, version))
        });
        Self { version, ..Self::new(shared, seat, traced, method, request.body().size_hint().exact()) }
    }
}

impl Shared<ServerSide> {
    fn seat(&self, head: RequestHead<'_>, method: HttpMethod) -> Seat<Place<ServerKey>> {
        let scheme = UrlScheme::of(head.uri).unwrap_or(self.side.scheme);
        let route = self.side.route.as_ref().and_then(|find| find(head));
        let small = method.index() as u64 * 4 + scheme.index() as u64 * 2 + u64::from(route.is_some());
        self.places.seat(
            hash(route.unwrap_or_default(), small),
            |Place { key, .. }| key.method == method && key.scheme == scheme && key.route.as_deref() == route,
            || self.place(method, scheme, route),
        )
    }

    fn place(&self, method: HttpMethod, scheme: UrlScheme, route: Option<&str>) -> Place<ServerKey> {
        Place {
            key: ServerKey { method, scheme, route: route.map(Box::from) },
            span_name: span_name(method, route),
            active: self.side.metrics.active.bind(&ActiveServerRequest { method, scheme }),
            ended: Outcomes::default(),
        }
    }
}

fn start_span(
    tracer: Tracer,
    parent: &Context,
    place: &Place<ServerKey>,
    head: RequestHead<'_>,
    version: Option<HttpVersion>,
) -> Traced {
    let known = Known { key: &place.key, head, version };
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
    key: &'a ServerKey,
    head: RequestHead<'a>,
    version: Option<HttpVersion>,
}

impl Attributes for Known<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { key, head, version } = self;
        key.method.visit("http.request.method", visitor);
        if key.method == HttpMethod::Other {
            head.sent_method().visit("http.request.method_original", visitor);
        }
        key.scheme.visit("url.scheme", visitor);
        head.path().visit("url.path", visitor);
        key.route.as_deref().visit("http.route", visitor);
        version.visit("network.protocol.version", visitor);
        if let Some((address, port)) = head.server() {
            address.visit("server.address", visitor);
            port.visit("server.port", visitor);
        }
        head.user_agent().visit("user_agent.original", visitor);
    }
}
