//! What requests are told apart by, in values of which there are few.
//!
//! Specification: [HTTP attributes](https://opentelemetry.io/docs/specs/semconv/registry/attributes/http/).

use http::{Method, Uri, Version};
use throughline_macros::{AttributeValue, Attributes};

/// A request's method: those that are standard, and [`Other`](Self::Other) for whatever else a client makes up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(missing_docs, reason = "they are their names")]
#[non_exhaustive]
pub enum HttpMethod {
    #[attribute(name = "GET")]
    Get,
    #[attribute(name = "POST")]
    Post,
    #[attribute(name = "PUT")]
    Put,
    #[attribute(name = "PATCH")]
    Patch,
    #[attribute(name = "DELETE")]
    Delete,
    #[attribute(name = "HEAD")]
    Head,
    #[attribute(name = "OPTIONS")]
    Options,
    #[attribute(name = "CONNECT")]
    Connect,
    #[attribute(name = "TRACE")]
    Trace,
    #[attribute(name = "QUERY")]
    Query,
    #[attribute(name = "_OTHER")]
    Other,
}

impl From<&Method> for HttpMethod {
    fn from(method: &Method) -> Self {
        match *method {
            Method::GET => Self::Get,
            Method::POST => Self::Post,
            Method::PUT => Self::Put,
            Method::PATCH => Self::Patch,
            Method::DELETE => Self::Delete,
            Method::HEAD => Self::Head,
            Method::OPTIONS => Self::Options,
            Method::CONNECT => Self::Connect,
            Method::TRACE => Self::Trace,
            _ if method.as_str() == "QUERY" => Self::Query,
            _ => Self::Other,
        }
    }
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(missing_docs, clippy::exhaustive_enums, reason = "HTTP has these two")]
pub enum UrlScheme {
    #[default]
    Http,
    Https,
}

impl UrlScheme {
    /// The scheme that a URL has, if it has one of these.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        Self::named(uri.scheme_str()?)
    }

    /// The scheme of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }

    pub(crate) const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(missing_docs, reason = "they are their names")]
#[non_exhaustive]
pub enum HttpVersion {
    #[attribute(name = "0.9")]
    V09,
    #[attribute(name = "1.0")]
    V10,
    #[attribute(name = "1.1")]
    V11,
    #[attribute(name = "2")]
    V2,
    #[attribute(name = "3")]
    V3,
}

impl HttpVersion {
    pub(crate) fn of(version: Version) -> Option<Self> {
        match version {
            Version::HTTP_09 => Some(Self::V09),
            Version::HTTP_10 => Some(Self::V10),
            Version::HTTP_11 => Some(Self::V11),
            Version::HTTP_2 => Some(Self::V2),
            Version::HTTP_3 => Some(Self::V3),
            _ => None,
        }
    }
}

/// What a server records of a request that has ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct ServerRequest<'a> {
    /// The method.
    #[attribute(key = "http.request.method")]
    pub method: HttpMethod,
    /// The scheme.
    #[attribute(key = "url.scheme")]
    pub scheme: UrlScheme,
    /// The route that took it; absent when none did, or none is known.
    #[attribute(key = "http.route")]
    pub route: Option<&'a str>,
    /// The version of the protocol.
    #[attribute(key = "network.protocol.version")]
    pub version: Option<HttpVersion>,
    /// The status of the response; absent when there was none.
    #[attribute(key = "http.response.status_code")]
    pub status: Option<u16>,
    /// Why it failed; absent when it did not.
    #[attribute(key = "error.type")]
    pub error: Option<&'a str>,
}

/// What a server records of a request that is under way.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct ActiveServerRequest {
    /// The method.
    #[attribute(key = "http.request.method")]
    pub method: HttpMethod,
    /// The scheme.
    #[attribute(key = "url.scheme")]
    pub scheme: UrlScheme,
}

/// What a client records of a request that has ended.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct ClientRequest<'a> {
    /// The method.
    #[attribute(key = "http.request.method")]
    pub method: HttpMethod,
    /// The host that was called.
    #[attribute(key = "server.address")]
    pub address: Option<&'a str>,
    /// Its port.
    #[attribute(key = "server.port")]
    pub port: Option<u16>,
    /// The path with placeholders, when the caller gave it.
    #[attribute(key = "url.template")]
    pub template: Option<&'a str>,
    /// The version of the protocol; absent when there was no response.
    #[attribute(key = "network.protocol.version")]
    pub version: Option<HttpVersion>,
    /// The status of the response; absent when there was none.
    #[attribute(key = "http.response.status_code")]
    pub status: Option<u16>,
    /// Why it failed; absent when it did not.
    #[attribute(key = "error.type")]
    pub error: Option<&'a str>,
}

/// What a client records of a request that is under way.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct ActiveClientRequest<'a> {
    /// The method.
    #[attribute(key = "http.request.method")]
    pub method: HttpMethod,
    /// The host that was called.
    #[attribute(key = "server.address")]
    pub address: Option<&'a str>,
    /// Its port.
    #[attribute(key = "server.port")]
    pub port: Option<u16>,
    /// The path with placeholders, when the caller gave it.
    #[attribute(key = "url.template")]
    pub template: Option<&'a str>,
}
