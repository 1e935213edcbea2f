//! `#[instrument]`: every way a call can end, of every shape of function.
#![expect(clippy::panic, reason = "a panic is one of them")]

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};

use throughline_core::KeyValue;
use throughline_instruments::function::instrument;
use throughline_instruments::guard::Classify;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{MeterProvider, statics};

/// Statics have one provider a process.
fn provider() -> &'static MeterProvider {
    static PROVIDER: OnceLock<MeterProvider> = OnceLock::new();
    PROVIDER.get_or_init(|| {
        let provider = MeterProvider::default();
        statics::install_global(provider.clone()).expect("no other test of this program installs one");
        provider
    })
}

/// How often a function of this file ended so.
#[track_caller]
fn ended(function: &'static str, outcome: &'static str, error: Option<&'static str>) -> u64 {
    let name = format!("it::function::{function}");
    let mut attributes =
        vec![KeyValue::new("code.function.name", name.clone()), KeyValue::new("outcome", outcome)];
    attributes.extend(error.map(|error| KeyValue::new("error.type", error)));
    let snapshot = Snapshot::of(provider());
    let active = snapshot.sum("function.active", &[KeyValue::new("code.function.name", name)]);
    assert!(active.abs() < f64::EPSILON, "none is under way");
    snapshot.histogram("function.duration", &attributes).count
}

fn poll_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

#[derive(Debug, PartialEq)]
enum Declined {
    NoMoney,
}

impl Classify for Declined {
    fn variant_name(&self) -> &'static str {
        match self {
            Self::NoMoney => "no_money",
        }
    }
}

#[instrument(crate = throughline_instruments)]
fn pay(amount: u32) -> Result<u32, Declined> {
    if amount > 10 {
        return Err(Declined::NoMoney);
    }
    check(amount)?;
    Ok(amount)
}

fn check(amount: u32) -> Result<(), Declined> {
    if amount == 7 { Err(Declined::NoMoney) } else { Ok(()) }
}

#[instrument(span = false)]
async fn pay_later(amount: u32) -> Result<u32, Declined> {
    check(amount)?;
    Ok(amount)
}

struct Shop {
    open: bool,
}

impl Shop {
    #[instrument(name = "it::function::shop.greet")]
    fn greet(&mut self, words: &mut Vec<String>) -> usize {
        self.open = true;
        words.push("welcome".to_owned());
        words.len()
    }

    #[instrument]
    async fn wait(&self) {
        pending::<()>().await;
    }
}

#[instrument]
fn numbers<T: Into<u64>>(up_to: T) -> impl Iterator<Item = u64> {
    0..up_to.into()
}

#[instrument]
fn fall() {
    panic!("on purpose");
}

#[test]
fn results_say_how_it_ended() {
    provider();
    assert_eq!((pay(3), pay(7), pay(11)), (Ok(3), Err(Declined::NoMoney), Err(Declined::NoMoney)));
    assert_eq!((ended("pay", "ok", None), ended("pay", "error", Some("no_money"))), (1, 2));
}

#[test]
fn futures_are_measured_to_their_end() {
    provider();
    assert_eq!(poll_once(pay_later(1)), Some(Ok(1)));
    assert_eq!(poll_once(pay_later(7)), Some(Err(Declined::NoMoney)));
    assert_eq!((ended("pay_later", "ok", None), ended("pay_later", "error", Some("no_money"))), (1, 1));
}

#[test]
fn a_future_that_is_dropped_was_cancelled() {
    provider();
    assert_eq!(poll_once(Shop { open: true }.wait()), None);
    assert_eq!(ended("wait", "cancelled", Some("cancelled")), 1);
}

#[test]
fn what_returns_no_result_ends_well() {
    provider();
    let (mut shop, mut words) = (Shop { open: false }, Vec::new());
    assert_eq!((shop.greet(&mut words), shop.greet(&mut words)), (1, 2));
    assert_eq!(numbers(3_u32).count(), 3);
    assert_eq!((ended("shop.greet", "ok", None), ended("numbers", "ok", None)), (2, 1));
}

#[test]
fn a_panic_is_seen() {
    provider();
    assert!(catch_unwind(AssertUnwindSafe(fall)).is_err());
    assert_eq!(ended("fall", "panicked", Some("panicked")), 1);
}
