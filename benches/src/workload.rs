//! What all candidates record: the same attributes and values, in the same order.

use std::sync::Arc;

use measured::FixedCardinalityLabel;
use prometheus_client::encoding::EncodeLabelValue;
use serde::Serialize;
use throughline_macros::AttributeValue;

use crate::harness::Random;

/// Inputs that a candidate goes through again and again. A power of two, so that a mask is enough to find the next.
pub const INPUTS: usize = 1024;

/// Inputs of a candidate.
pub type Inputs<T> = Arc<[T; INPUTS]>;

/// A closed set of values, as every library wants it declared.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    AttributeValue,
    FixedCardinalityLabel,
    EncodeLabelValue,
    Serialize,
)]
#[attribute(crate = throughline_core)]
pub enum Method {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

impl Method {
    const ALL: [Self; 5] = [Self::Get, Self::Put, Self::Post, Self::Patch, Self::Delete];
}

/// A closed set of values, as every library wants it declared.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    AttributeValue,
    FixedCardinalityLabel,
    EncodeLabelValue,
    Serialize,
)]
#[attribute(crate = throughline_core)]
pub enum Status {
    Informational,
    Success,
    Redirect,
    ClientError,
    ServerError,
}

impl Status {
    const ALL: [Self; 5] =
        [Self::Informational, Self::Success, Self::Redirect, Self::ClientError, Self::ServerError];
}

/// A closed set of values, as every library wants it declared.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    AttributeValue,
    FixedCardinalityLabel,
    EncodeLabelValue,
    Serialize,
)]
#[attribute(crate = throughline_core)]
pub enum Outcome {
    Ok,
    Cancelled,
    TimedOut,
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Cancelled, Self::TimedOut, Self::Failed];
}

/// Three attributes with closed sets of values: 100 combinations.
#[derive(Clone, Copy, Debug)]
pub struct Closed {
    pub method: Method,
    pub status: Status,
    pub outcome: Outcome,
}

/// Three attributes with strings.
pub type Strings<S> = [S; 3];

pub const KEYS: [&str; 3] = ["method", "route", "status"];
const METHODS: [&str; 10] =
    ["GET", "PUT", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "QUERY"];
const ROUTES: [&str; 10] = [
    "/",
    "/api/v1/users",
    "/api/v1/users/{id}",
    "/api/v1/products",
    "/api/v1/products/{id}",
    "/api/v1/products/{id}/owner",
    "/api/v1/products/{id}/purchase",
    "/healthz",
    "/login",
    "/logout",
];
const STATUSES: [&str; 10] = ["200", "201", "204", "301", "304", "400", "401", "404", "429", "500"];

/// 100 combinations of closed values.
pub fn closed() -> Inputs<Closed> {
    spread(100, |at| Closed {
        method: Method::ALL[at % 5],
        status: Status::ALL[at / 5 % 5],
        outcome: Outcome::ALL[at / 25],
    })
}

/// 100 or 1000 combinations of string literals.
pub fn literals(combinations: usize) -> Inputs<Strings<&'static str>> {
    spread(combinations, |at| [METHODS[at % 10], ROUTES[at / 10 % 10], STATUSES[at / 100]])
}

/// The same, each input with strings at addresses of its own, as they come off the wire. They are never freed, so that
/// candidates that want to know how long they live can be told.
pub fn borrowed(combinations: usize) -> Inputs<Strings<&'static str>> {
    let literals = literals(combinations);
    to_inputs(|at| literals[at].map(|text| &*text.to_owned().leak()))
}

/// Durations in seconds, spread evenly over the orders of magnitude that the bounds cover.
pub fn durations() -> Inputs<f64> {
    let mut random = Random::new(2);
    to_inputs(|_| 0.003 * 10_f64.powf(random.unit() * 3.7))
}

/// The bounds that OpenTelemetry's conventions recommend for durations of requests.
pub const BOUNDS: [f64; 14] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Each combination equally often, in an order that no predictor of branches learns.
fn spread<T>(combinations: usize, make: impl Fn(usize) -> T) -> Inputs<T> {
    let mut random = Random::new(1);
    let mut order: Vec<usize> = (0..INPUTS).map(|at| at % combinations).collect();
    random.shuffle(&mut order);
    to_inputs(|at| make(order[at]))
}

fn to_inputs<T>(make: impl FnMut(usize) -> T) -> Inputs<T> {
    Arc::new(std::array::from_fn(make))
}

/// Runs an operation over the inputs, around and around.
pub fn cycle<T: Send + Sync + 'static>(
    inputs: &Inputs<T>,
    op: impl Fn(&T) + Send + Sync + 'static,
) -> impl Fn(u64) + Send + Sync + 'static {
    let inputs = Arc::clone(inputs);
    move |times| {
        for at in 0..times {
            op(&inputs[at as usize & (INPUTS - 1)]);
        }
    }
}

/// The attributes of the series of a scrape: one in a hundred thousand or more, so mostly in the route.
pub fn series(at: usize) -> Strings<String> {
    [METHODS[at % 10].to_owned(), format!("/api/v1/items/{:07}", at / 100), STATUSES[at / 10 % 10].to_owned()]
}

/// A series' value: one to six digits.
pub fn value(at: usize) -> u64 {
    let mut random = Random::new(at as u64);
    random.next() % 10_u64.pow(1 + at as u32 % 6) + 1
}

/// The inputs of a histogram: what to record it with, and the value.
pub fn with_durations<T: Clone>(inputs: &Inputs<T>) -> Inputs<(T, f64)> {
    let durations = durations();
    to_inputs(|at| (inputs[at].clone(), durations[at]))
}
