//! What a client records of one request.
//!
//! Begun by the service in `client/mod.rs`, or by the middleware in `http/reqwest.rs`; `follow.rs` tells it what happens.

use std::fmt;
use std::sync::Arc;

use bytes::Buf;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body;
use opentelemetry::KeyValue;
use throughline_core::attribute::{AttributeValue as _, Attributes, Visitor, cut};
use throughline_metrics::BoundUpDownCounter;
use throughline_trace::{Context, SpanKind, Tracer};

use super::{Shared, UrlTemplate};
use crate::http::attributes::{ActiveClientRequest, ClientRequest, HttpMethod, HttpVersion, UrlScheme};
use crate::http::clock::Moment;
use crate::http::ended::{Ended, Measured};
use crate::http::failure::Names;
use crate::http::follow::{Exchange, has_body};
use crate::http::head::{PATH_BYTES_MAX, RequestHead};
use crate::http::place::{Outcome, Outcomes, Seat, hash};
use crate::http::tracing::{Traced, span_name};

/// A request to be sent, from whatever client.
pub(in crate::http) struct Call<'a> {
    pub(in crate::http) method: &'a Method,
    pub(in crate::http) scheme: Option<UrlScheme>,
    pub(in crate::http) address: Option<&'a str>,
    pub(in crate::http) port: Option<u16>,
    pub(in crate::http) path: &'a str,
    pub(in crate::http) template: Option<&'static str>,
    /// Bytes of the body, when they are known.
    pub(in crate::http) size: Option<u64>,
}

impl<'a> Call<'a> {
    pub(super) fn of<B: Body>(request: &'a Request<B>) -> Self {
        let head = RequestHead::from(request);
        let scheme = UrlScheme::of(head.uri);
        let (address, port) = head.server().map_or((None, None), |(address, port)| (Some(address), port));
        Self {
            method: head.method,
            scheme,
            address,
            port: port.or_else(|| scheme.map(UrlScheme::port)),
            path: head.uri.path(),
            template: head.extensions.get().map(|UrlTemplate(template)| *template),
            size: request.body().size_hint().exact(),
        }
    }
}

/// What requests of one method to one host have in common.
pub(super) struct ClientPlace {
    method: HttpMethod,
    address: Option<Box<str>>,
    port: Option<u16>,
    template: Option<&'static str>,
    span_name: Box<str>,
    active: BoundUpDownCounter<i64>,
    ended: Outcomes<Ended>,
}

/// One request and its response, as a client sees them.
pub struct ClientExchange {
    shared: Arc<Shared>,
    seat: Seat<ClientPlace>,
    traced: Option<Traced>,
    start: Moment,
    method: HttpMethod,
    version: Option<HttpVersion>,
    status: Option<StatusCode>,
    /// Bytes of the request's body, when they are known.
    sent: Option<u64>,
    /// Bytes of the response's body so far.
    received: u64,
}

impl ClientExchange {
    pub(super) fn begin(shared: &Arc<Shared>, call: &Call<'_>) -> Self {
        let start = shared.clock.start();
        let method = HttpMethod::from(call.method);
        let seat = shared.seat(call, method);
        let place = shared.places.at(&seat);
        if let Some(place) = place {
            place.active.add(1);
        }
        let traced = shared.tracing.tracer.zip(place).map(|(tracer, place)| start_span(tracer, place, call));
        let (shared, sent) = (Arc::clone(shared), call.size);
        Self { shared, seat, traced, start, method, version: None, status: None, sent, received: 0 }
    }

    /// Writes the span's context into the headers.
    pub(in crate::http) fn inject(&self, headers: &mut HeaderMap) {
        if let Some(traced) = &self.traced {
            self.shared.tracing.propagators.inject(&traced.context, headers);
        }
    }
}

impl Shared {
    fn seat(&self, call: &Call<'_>, method: HttpMethod) -> Seat<ClientPlace> {
        let Call { address, port, template, .. } = *call;
        let small = method.index() as u64 + u64::from(port.unwrap_or_default()) * 16;
        let texts = hash(address.unwrap_or_default(), small);
        self.places.seat(
            template.map_or(texts, |template| hash(template, texts)),
            |place| {
                place.method == method
                    && place.address.as_deref() == address
                    && place.port == port
                    && place.template == template
            },
            || self.place(call, method),
        )
    }

    fn place(&self, call: &Call<'_>, method: HttpMethod) -> ClientPlace {
        let Call { address, port, template, .. } = *call;
        ClientPlace {
            method,
            address: address.map(Box::from),
            port,
            template,
            span_name: span_name(method, template),
            active: self.metrics.active.bind(&ActiveClientRequest { method, address, port, template }),
            ended: Outcomes::default(),
        }
    }

    /// The instruments of an outcome that is new.
    fn ended(&self, place: &ClientPlace, Outcome { status, version, error }: Outcome) -> Ended {
        let status_text = || Some(Box::from(failed(status?)?.as_str()));
        let error = error.map(Box::from).or_else(status_text);
        let attributes = ClientRequest {
            method: place.method,
            address: place.address.as_deref(),
            port: place.port,
            template: place.template,
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

/// The status, if it says that the request failed.
fn failed(status: u16) -> Option<StatusCode> {
    let is_error = |status: &StatusCode| status.is_client_error() || status.is_server_error();
    StatusCode::from_u16(status).ok().filter(is_error)
}

fn start_span(tracer: Tracer, place: &ClientPlace, call: &Call<'_>) -> Traced {
    let current = Context::current();
    let span = tracer
        .span(&place.span_name)
        .with_kind(SpanKind::Client)
        .with_parent(&current)
        .with_attributes(&Known { place, call })
        .start();
    Traced::new(span, &current)
}

/// What is known of a request when it is sent. Looked at when its span is sampled, or a sampler asks.
struct Known<'a> {
    place: &'a ClientPlace,
    call: &'a Call<'a>,
}

impl Attributes for Known<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { place, call } = self;
        place.method.visit("http.request.method", visitor);
        if place.method == HttpMethod::Other {
            cut(call.method.as_str(), PATH_BYTES_MAX).visit("http.request.method_original", visitor);
        }
        place.address.as_deref().visit("server.address", visitor);
        place.port.visit("server.port", visitor);
        full_url(call).visit("url.full", visitor);
        place.template.visit("url.template", visitor);
    }
}

/// The URL without what it may hold of secrets: neither credentials nor a query.
fn full_url(call: &Call<'_>) -> Option<String> {
    let (scheme, address) = (call.scheme?, call.address?);
    let path = cut(call.path, PATH_BYTES_MAX);
    let [before, behind] = if address.contains(':') { ["[", "]"] } else { ["", ""] };
    let host = format!("{before}{address}{behind}");
    let port = call.port.filter(|port| *port != scheme.port());
    let scheme = scheme.as_str();
    Some(match port {
        Some(port) => format!("{scheme}://{host}:{port}{path}"),
        None => format!("{scheme}://{host}{path}"),
    })
}

impl Exchange for ClientExchange {
    const UNREAD_IS_CANCELLED: bool = false;

    #[inline]
    fn context(&self) -> Option<&Context> {
        self.traced.as_ref().map(|traced| &traced.context)
    }

    fn names(&self) -> &Names {
        &self.shared.names
    }

    fn answered<B: Body>(&mut self, response: &Response<B>) -> bool {
        self.status = Some(response.status());
        self.version = HttpVersion::of(response.version());
        has_body(self.method, response.status())
    }

    fn data(&mut self, data: &impl Buf) {
        self.received += data.remaining() as u64;
    }

    fn trailers(&mut self, _trailers: &HeaderMap) {}

    fn end(&mut self, error: Option<&'static str>) {
        let Self { shared, seat, traced, start, version, status, sent, received, .. } = self;
        let measured = Measured {
            seconds: shared.clock.seconds_since(*start),
            request: *sent,
            response: status.map(|_| *received),
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
                traced.span.set_attribute("network.protocol.version", *version);
                traced.end(ended.error.as_deref(), error.is_none());
            }
        });
    }
}

impl fmt::Debug for ClientExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { method, status, received, .. } = self;
        f.debug_struct("ClientExchange")
            .field("method", method)
            .field("status", status)
            .field("received", received)
            .finish_non_exhaustive()
    }
}
