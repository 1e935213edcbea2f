//! The demo's service: three routes that do honest work, and the span and the instruments around them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use serde::Deserialize;
use throughline::propagation::extract_from_headers;
use throughline::trace::layer::SpanExt as _;
use throughline::{AttributeValue, Attributes, Counter, Histogram, KeyValue, Meter, UpDownCounter};
use tracing::{Span, info_span};

/// What each request is recorded with: all of it bounded, so recording needs no look-up.
#[derive(Clone, Copy, Attributes)]
struct Request {
    #[attribute(key = "http.route")]
    route: Route,
    #[attribute(key = "http.response.status_code")]
    status: Status,
}

#[derive(Clone, Copy, AttributeValue)]
enum Route {
    #[attribute(name = "/search")]
    Search,
    #[attribute(name = "/thumbnail")]
    Thumbnail,
    #[attribute(name = "/checkout")]
    Checkout,
}

#[derive(Clone, Copy, AttributeValue)]
enum Status {
    #[attribute(name = "200")]
    Ok,
    #[attribute(name = "402")]
    PaymentRequired,
    #[attribute(name = "500")]
    InternalServerError,
}

impl Route {
    /// The span of a request, a child of the caller's.
    fn span(self, caller: &HeaderMap) -> Span {
        let route = self.path();
        let span = info_span!(
            "request",
            otel.name = %format_args!("GET {route}"),
            otel.kind = "server",
            http.request.method = "GET",
            http.route = route,
            http.response.status_code = tracing::field::Empty,
        );
        span.set_parent(&extract_from_headers(caller));
        span
    }

    fn path(self) -> &'static str {
        match self {
            Self::Search => "/search",
            Self::Thumbnail => "/thumbnail",
            Self::Checkout => "/checkout",
        }
    }
}

impl Status {
    fn code(self) -> StatusCode {
        match self {
            Self::Ok => StatusCode::OK,
            Self::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
            Self::InternalServerError => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The service answers from memory: its durations begin at some microseconds.
const BOUNDS: [f64; 14] =
    [1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 1e-1];

/// What the service counts itself, without telemetry: tests hold the two against each other.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (answered, failed) = (self.answered.load(Ordering::Relaxed), self.failed.load(Ordering::Relaxed));
        write!(f, "{answered} requests, {failed} of them with an error")
    }
}

/// The instruments of the service.
struct Shop {
    duration: Histogram<f64, Request>,
    active: UpDownCounter<i64>,
    size: Histogram<u64>,
    orders: Counter<u64>,
    counts: Arc<Counts>,
}

/// The routes, instrumented.
pub(crate) fn router(meter: &Meter, counts: Arc<Counts>) -> Router {
    let started = Instant::now();
    let _uptime = meter
        .f64_observable_gauge("demo.uptime")
        .with_unit("s")
        .with_description("Time since the demo started.")
        .with_callback(move |observer| observer.observe(started.elapsed().as_secs_f64(), &()))
        .build();
    let shop = Shop {
        duration: meter
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .with_description("Duration of HTTP server requests.")
            .with_attributes()
            .with_bounds(BOUNDS)
            .build(),
        active: meter
            .i64_up_down_counter("http.server.active_requests")
            .with_unit("{request}")
            .with_description("Requests that are being answered.")
            .build(),
        size: meter
            .u64_histogram("demo.response.size")
            .with_unit("By")
            .with_description("Size of the answers.")
            .build(),
        orders: meter
            .u64_counter("demo.orders")
            .with_unit("{order}")
            .with_description("Orders placed, by how they were paid.")
            .build(),
        counts,
    };
    Router::new()
        .route("/search", get(search))
        .route("/thumbnail", get(thumbnail))
        .route("/checkout", get(checkout))
        .with_state(Arc::new(shop))
}

/// The one parameter that every route takes.
#[derive(Debug, Deserialize)]
struct Parameters {
    /// Decides how much work there is.
    q: u64,
}

type Answer = (StatusCode, String);

/// Counts primes: most searches are short, some are not.
async fn search(
    State(shop): State<Arc<Shop>>,
    Query(parameters): Query<Parameters>,
    caller: HeaderMap,
) -> Answer {
    shop.answer(Route::Search, &caller, || {
        let limit = if parameters.q % 50 == 0 { 60_000 } else { 500 + parameters.q % 4000 };
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0);
        let primes = (2..limit).filter(is_prime).count();
        (Status::Ok, format!("{primes} results"))
    })
}

/// Draws a piece of the Mandelbrot set.
async fn thumbnail(
    State(shop): State<Arc<Shop>>,
    Query(parameters): Query<Parameters>,
    caller: HeaderMap,
) -> Answer {
    shop.answer(Route::Thumbnail, &caller, || {
        let width = 8 + parameters.q % 40;
        let escapes = |x: u64, y: u64| {
            let (cx, cy) = (x as f64 / width as f64 * 3.0 - 2.0, y as f64 / width as f64 * 2.0 - 1.0);
            let (mut re, mut im, mut steps) = (0.0, 0.0, 0);
            while re * re + im * im < 4.0 && steps < 100 {
                (re, im) = (re * re - im * im + cx, 2.0 * re * im + cy);
                steps += 1;
            }
            if steps < 100 { ' ' } else { '#' }
        };
        (Status::Ok, (0..width * width).map(|at| escapes(at % width, at / width)).collect())
    })
}

/// Takes an order. One card in twenty is declined, and the database is away now and then.
async fn checkout(
    State(shop): State<Arc<Shop>>,
    Query(parameters): Query<Parameters>,
    caller: HeaderMap,
) -> Answer {
    let payment = if parameters.q % 3 == 0 { "invoice" } else { "card" };
    shop.answer(Route::Checkout, &caller, || {
        if parameters.q % 97 == 0 {
            tracing::error!(order = parameters.q, "the database is away");
            return (Status::InternalServerError, "the database is away".to_owned());
        }
        if parameters.q % 20 == 0 {
            tracing::info!(order = parameters.q, "the card was declined");
            return (Status::PaymentRequired, "the card was declined".to_owned());
        }
        shop.orders.add(1, &[KeyValue::new("payment.method", payment)]);
        (Status::Ok, format!("order {} placed, paid by {payment}", parameters.q))
    })
}

impl Shop {
    /// Does the work of one request within its span, and records how it went: what is measured and logged meanwhile
    /// carries the trace.
    fn answer(&self, route: Route, caller: &HeaderMap, work: impl FnOnce() -> (Status, String)) -> Answer {
        let span = route.span(caller);
        let _entered = span.enter();
        self.active.add(1, &[]);
        let started = Instant::now();
        let (status, body) = work();
        let elapsed = started.elapsed();
        self.duration.record(elapsed.as_secs_f64(), &Request { route, status });
        self.size.record(body.len() as u64, &[]);
        self.active.add(-1, &[]);
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
        if !matches!(status, Status::Ok) {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        let code = status.code();
        span.record("http.response.status_code", code.as_u16());
        tracing::info!(status = code.as_u16(), bytes = body.len(), ?elapsed, "GET {}", route.path());
        (code, body)
    }
}
