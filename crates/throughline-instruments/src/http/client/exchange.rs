//! What a client tells requests apart by, and knows of one when it is sent.
//!
//! Begun by the service in `client/mod.rs`, or by the middleware in `http/reqwest.rs`; what follows is in `http/exchange.rs`.

use std::sync::Arc;

use http::{HeaderMap, Method, Request, StatusCode};
use http_body::Body;
use opentelemetry::KeyValue;
use throughline_core::attribute::{AttributeValue as _, Attributes, Visitor, cut};
use throughline_trace::{Context, SpanKind, Tracer};

use super::{ClientSide, UrlTemplate};
use crate::http::attributes::{ActiveClientRequest, ClientRequest, HttpMethod, UrlScheme};
use crate::http::ended::Ended;
use crate::http::exchange::{HttpExchange, Place, Shared, Side};
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

/// One request and its response, as a client sees them.
pub type ClientExchange = HttpExchange<ClientSide>;

/// What requests of one method to one host have in common.
#[derive(Clone, Debug)]
pub struct ClientKey {
    method: HttpMethod,
    address: Option<Box<str>>,
    port: Option<u16>,
    template: Option<&'static str>,
}

impl Side for ClientSide {
    const NAME: &'static str = "ClientExchange";
    /// Who reads nothing of a body wanted the head alone.
    const UNREAD_IS_CANCELLED: bool = false;

    type Key = ClientKey;

    fn is_failure(status: StatusCode) -> bool {
        status.is_client_error() || status.is_server_error()
    }

    fn ended(&self, key: &ClientKey, outcome: Outcome, error: Option<Box<str>>) -> Ended {
        let ClientKey { method, address, port, template } = key;
        let attributes = ClientRequest {
            method: *method,
            address: address.as_deref(),
            port: *port,
            template: *template,
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

impl ClientExchange {
    /// A request is about to be sent.
    pub(super) fn begin(shared: &Arc<Shared<ClientSide>>, call: &Call<'_>) -> Self {
        let method = HttpMethod::from(call.method);
        let seat = shared.seat(call, method);
        let place = shared.places.at(&seat);
        if let Some(place) = place {
            place.active.add(1);
        }
        let traced =
            shared.tracing.tracer.zip(place).map(|(tracer, place)| Box::new(start_span(tracer, place, call)));
        Self::new(shared, seat, traced, method, call.size)
    }

    /// Writes the span's context into the headers.
    pub(in crate::http) fn inject(&self, headers: &mut HeaderMap) {
        if let Some(traced) = &self.traced {
            self.shared.tracing.propagators.inject(&traced.context, headers);
        }
    }
}

impl Shared<ClientSide> {
    fn seat(&self, call: &Call<'_>, method: HttpMethod) -> Seat<Place<ClientKey>> {
        let Call { address, port, template, .. } = *call;
        let small = method.index() as u64 + u64::from(port.unwrap_or_default()) * 16;
        let texts = hash(address.unwrap_or_default(), small);
        self.places.seat(
            template.map_or(texts, |template| hash(template, texts)),
            |Place { key, .. }| {
                key.method == method
                    && key.address.as_deref() == address
                    && key.port == port
                    && key.template == template
            },
            || self.place(call, method),
        )
    }

    fn place(&self, call: &Call<'_>, method: HttpMethod) -> Place<ClientKey> {
        let Call { address, port, template, .. } = *call;
        let active = ActiveClientRequest { method, address, port, template };
        Place {
            key: ClientKey { method, address: address.map(Box::from), port, template },
            span_name: span_name(method, template),
            active: self.side.metrics.active.bind(&active),
            ended: Outcomes::default(),
        }
    }
}

fn start_span(tracer: Tracer, place: &Place<ClientKey>, call: &Call<'_>) -> Traced {
    let current = Context::current();
    let span = tracer
        .span(&place.span_name)
        .with_kind(SpanKind::Client)
        .with_parent(&current)
        .with_attributes(&Known { key: &place.key, call })
        .start();
    Traced::new(span, &current)
}

/// What is known of a request when it is sent. Looked at when its span is sampled, or a sampler asks.
struct Known<'a> {
    key: &'a ClientKey,
    call: &'a Call<'a>,
}

impl Attributes for Known<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { key, call } = self;
        key.method.visit("http.request.method", visitor);
        if key.method == HttpMethod::Other {
            cut(call.method.as_str(), PATH_BYTES_MAX).visit("http.request.method_original", visitor);
        }
        key.address.as_deref().visit("server.address", visitor);
        key.port.visit("server.port", visitor);
        full_url(call).visit("url.full", visitor);
        key.template.visit("url.template", visitor);
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
