//! The guard: something that begins, and is recorded when it ends.
//!
//! Made by the scopes beside this file, and by kits; held by code that may return early, panic or be cancelled. It must
//! never fail or allocate.

use std::thread;
use std::time::{Duration, Instant};

use throughline_macros::AttributeValue;

use super::Classify;
use crate::clock::now;

/// What is recorded of something that begins and ends.
///
/// ```
/// use throughline_instruments::guard::{End, Guard, Outcome, Scope};
///
/// struct Printed;
/// impl Scope for Printed {
///     fn end(&mut self, end: End) {
///         println!("{:?} after {:?}", end.outcome, end.took);
/// #       assert_eq!(end.outcome, Outcome::Ok);
///     }
/// }
///
/// let guard = Guard::begin(Printed);
/// guard.ok();
/// ```
pub trait Scope {
    /// Called when it begins.
    fn begin(&mut self) {}

    /// Called when it has ended: once, whatever way it took.
    fn end(&mut self, end: End);
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, AttributeValue)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_enums, reason = "there is no other way to leave a scope")]
pub enum Outcome {
    /// Well.
    Ok,
    /// With an error.
    Error,
    /// Its guard was dropped before anybody said how it went: the future was dropped, or the function returned early.
    Cancelled,
    /// Its guard was dropped while its thread unwound.
    Panicked,
}

/// The end of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// How long it took, by the monotonic clock.
    pub took: Duration,
    /// How it ended.
    pub outcome: Outcome,
    /// What kind of error it was, unless it went well: `cancelled` and `panicked` are kinds, too.
    pub error_type: Option<&'static str>,
}

impl End {
    /// How long it took, in seconds.
    pub fn seconds(&self) -> f64 {
        self.took.as_secs_f64()
    }
}

/// Something under way. What is to be recorded is recorded when it is dropped.
///
/// Costs two readings of the clock, and what its [`Scope`] does.
#[derive(Debug)]
#[must_use = "it ends when its guard is dropped"]
pub struct Guard<S: Scope> {
    scope: S,
    began: Instant,
    said: Option<Result<(), &'static str>>,
    /// Code that runs while a thread unwinds may use guards of its own, which then end as others do.
    was_panicking: bool,
}

impl<S: Scope> Guard<S> {
    /// Begins.
    pub fn begin(mut scope: S) -> Self {
        scope.begin();
        Self { scope, began: now(), said: None, was_panicking: thread::panicking() }
    }

    /// What is recorded.
    pub fn scope(&self) -> &S {
        &self.scope
    }

    /// What is recorded, to be told more.
    pub fn scope_mut(&mut self) -> &mut S {
        &mut self.scope
    }

    /// How long ago it began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Ends it: it went well.
    pub fn ok(mut self) {
        self.said = Some(Ok(()));
    }

    /// Ends it with this error.
    pub fn fail<E: Classify + ?Sized>(self, error: &E) {
        self.fail_as(error.variant_name());
    }

    /// Ends it with an error of this name.
    pub fn fail_as(mut self, error_type: &'static str) {
        self.said = Some(Err(error_type));
    }

    /// Ends it as the result says.
    pub fn finish<T, E: Classify>(self, result: &Result<T, E>) {
        match result {
            Ok(_) => self.ok(),
            Err(error) => self.fail(error),
        }
    }

    /// Waits for the future and ends as its result says; cancelled when it is dropped before that.
    ///
    /// # Errors
    /// Those of the future.
    pub async fn watch<T, E: Classify>(self, future: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let result = future.await;
        self.finish(&result);
        result
    }

    fn outcome(&self) -> (Outcome, Option<&'static str>) {
        match self.said {
            Some(Ok(())) => (Outcome::Ok, None),
            Some(Err(error_type)) => (Outcome::Error, Some(error_type)),
            None if thread::panicking() && !self.was_panicking => (Outcome::Panicked, Some("panicked")),
            None => (Outcome::Cancelled, Some("cancelled")),
        }
    }
}

impl<S: Scope> Drop for Guard<S> {
    fn drop(&mut self) {
        let (outcome, error_type) = self.outcome();
        self.scope.end(End { took: self.began.elapsed(), outcome, error_type });
    }
}
