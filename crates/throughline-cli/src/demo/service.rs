//! The demo's service: three routes that do honest work, and the instruments around them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use serde::Deserialize;
use throughline::metrics::exemplar::{self, TraceContext};
use throughline::{AttributeValue, Attributes, Counter, Histogram, KeyValue, Meter, UpDownCounter};

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
    /// Numbers the requests, for their trace ids.
    requests: AtomicU64,
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
        requests: AtomicU64::new(1),
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
async fn search(State(shop): State<Arc<Shop>>, Query(parameters): Query<Parameters>) -> Answer {
    shop.answer(Route::Search, || {
        let limit = if parameters.q % 50 == 0 { 60_000 } else { 500 + parameters.q % 4000 };
        let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0);
        let primes = (2..limit).filter(is_prime).count();
        (Status::Ok, format!("{primes} results"))
    })
}

/// Draws a piece of the Mandelbrot set.
async fn thumbnail(State(shop): State<Arc<Shop>>, Query(parameters): Query<Parameters>) -> Answer {
    shop.answer(Route::Thumbnail, || {
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
async fn checkout(State(shop): State<Arc<Shop>>, Query(parameters): Query<Parameters>) -> Answer {
    let payment = if parameters.q % 3 == 0 { "invoice" } else { "card" };
    shop.answer(Route::Checkout, || {
        if parameters.q % 97 == 0 {
            return (Status::InternalServerError, "the database is away".to_owned());
        }
        if parameters.q % 20 == 0 {
            return (Status::PaymentRequired, "the card was declined".to_owned());
        }
        shop.orders.add(1, &[KeyValue::new("payment.method", payment)]);
        (Status::Ok, format!("order {} placed, paid by {payment}", parameters.q))
    })
}

impl Shop {
    /// Does the work of one request, and records how it went. What is recorded meanwhile carries the request's trace.
    fn answer(&self, route: Route, work: impl FnOnce() -> (Status, String)) -> Answer {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let _in_span = exemplar::enter(Some(trace_context(number)));
        self.active.add(1, &[]);
        let started = Instant::now();
        let (status, body) = work();
        self.duration.record(started.elapsed().as_secs_f64(), &Request { route, status });
        self.size.record(body.len() as u64, &[]);
        self.active.add(-1, &[]);
        self.counts.answered.fetch_add(1, Ordering::Relaxed);
        if !matches!(status, Status::Ok) {
            self.counts.failed.fetch_add(1, Ordering::Relaxed);
        }
        (status.code(), body)
    }
}

/// A trace for each request: the demo runs alone, so its requests' numbers are ids enough.
fn trace_context(number: u64) -> TraceContext {
    let mut trace_id = [0; 16];
    trace_id[..8].copy_from_slice(b"demo run");
    trace_id[8..].copy_from_slice(&number.to_be_bytes());
    TraceContext { trace_id, span_id: number.to_be_bytes() }
}
