//! The client layer as a middleware of `reqwest`.
//!
//! ```
//! use reqwest_middleware::ClientBuilder;
//! use throughline_instruments::http::HttpClientLayer;
//! use throughline_instruments::http::reqwest::ReqwestMiddleware;
//! use throughline_metrics::MeterProvider;
//! use throughline_trace::TracerProvider;
//!
//! let layer = HttpClientLayer::new(&MeterProvider::default().meter("shop"))
//!     .with_tracer(TracerProvider::default().tracer("shop"));
//! let client = ClientBuilder::new(reqwest::Client::new()).with(ReqwestMiddleware::from(layer)).build();
//! ```
//!
//! A path with placeholders is given with the request: `.with_extension(UrlTemplate("/users/{id}"))`.

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Body, Request, Response, ResponseBuilderExt as _};
use reqwest_middleware::{Error, Middleware, Next, Result};
use throughline_core::RECORDS;

use super::client::{Call, HttpClientLayer};
use super::follow::{Following, ResponseFuture};
use super::{Failure, UrlScheme, UrlTemplate};

/// Records what a `reqwest` client asks, as [`HttpClientLayer`] does. Redirects that `reqwest` follows are one request.
///
/// Errors are called `timeout`, `connect`, `redirect`, `body`, `decode` or `request`, unless the layer's own names say
/// otherwise.
#[derive(Clone, Debug)]
pub struct ReqwestMiddleware(HttpClientLayer);

impl From<HttpClientLayer> for ReqwestMiddleware {
    fn from(layer: HttpClientLayer) -> Self {
        Self(layer.with_error_names(name))
    }
}

#[async_trait]
impl Middleware for ReqwestMiddleware {
    async fn handle(
        &self,
        mut req: Request,
        extensions: &mut Extensions,
        next: Next<'_>,
    ) -> Result<Response> {
        let exchange = RECORDS.then(|| self.0.begin(&call(&req, extensions)));
        if let Some(exchange) = &exchange {
            exchange.inject(req.headers_mut());
        }
        let answer = async { next.run(req, extensions).await.map(opened) };
        let response = ResponseFuture::new(answer, exchange.map(Following::new), None).await?;
        Ok(Response::from(response.map(Body::wrap)))
    }
}

fn call<'a>(request: &'a Request, extensions: &Extensions) -> Call<'a> {
    let url = request.url();
    let size = request.body().map_or(Some(0), |body| body.as_bytes().map(|bytes| bytes.len() as u64));
    Call {
        method: request.method(),
        scheme: UrlScheme::named(url.scheme()),
        address: url.host_str().map(|host| host.trim_matches(['[', ']'])),
        port: url.port_or_known_default(),
        path: url.path(),
        template: extensions.get().map(|UrlTemplate(template)| *template),
        size,
    }
}

/// The response of `http`, with the URL where `reqwest` finds it again.
fn opened(response: Response) -> http::Response<Body> {
    let with_url = http::Response::builder().url(response.url().clone()).body(());
    let mut response = http::Response::<Body>::from(response);
    if let Ok(with_url) = with_url {
        response.extensions_mut().extend(with_url.into_parts().0.extensions);
    }
    response
}

fn name(failure: Failure<'_>) -> Option<&'static str> {
    let error = match failure.find::<Error>() {
        Some(Error::Reqwest(error)) => error,
        Some(Error::Middleware(error)) => error.downcast_ref::<reqwest::Error>()?,
        None => failure.find::<reqwest::Error>()?,
    };
    Some(match error {
        error if error.is_timeout() => "timeout",
        error if error.is_connect() => "connect",
        error if error.is_redirect() => "redirect",
        error if error.is_body() => "body",
        error if error.is_decode() => "decode",
        _ => "request",
    })
}
