//! The series of requests: found once when a request starts, and once when it has ended.
//!
//! A *place* is where requests go that have method, route and the like in common; the *outcomes* of a place are the ways
//! in which they ended. Each keeps its instruments bound, so that recording looks nothing up; a request that finds no room
//! in a table has its own.
//!
//! Used by `server/` and `client/`, and by gRPC.

use super::attributes::HttpVersion;
use super::table::Table;

/// How a request ended: what its series are told apart by, beside the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The status of the protocol.
    pub(crate) status: Option<u16>,
    /// The version of the protocol.
    pub(crate) version: Option<HttpVersion>,
    /// What it failed with, unless the status says so.
    pub(crate) error: Option<&'static str>,
}

/// The instruments of each outcome of a place.
pub(crate) struct Outcomes<I>(Table<(Outcome, I)>);

/// A route seldom ends in more ways than a few.
const OUTCOMES: usize = 16;

impl<I> Default for Outcomes<I> {
    fn default() -> Self {
        Self(Table::with_slots(OUTCOMES))
    }
}

impl<I> Outcomes<I> {
    /// Records with the instruments of this outcome, which are made when it is new.
    #[inline]
    pub(crate) fn record(&self, outcome: Outcome, make: impl Fn() -> I, record: impl FnOnce(&I)) {
        let Self(known) = self;
        let hash = u64::from(outcome.status.unwrap_or_default());
        let found = known.find_or_make(hash, |(known, _)| *known == outcome, || (outcome, make()));
        match found.and_then(|at| known.get(at)) {
            Some((_, instruments)) => record(instruments),
            None => record(&make()),
        }
    }
}

/// The place of one request.
#[derive(Debug)]
pub(crate) enum Seat<P> {
    /// The entry of this number.
    Known(usize),
    /// One that is not in the table.
    Own(Box<P>),
}

/// The places of one layer.
pub(crate) struct Places<P>(Table<P>);

/// Methods and routes of a large service; hosts that a client usually calls. 16 KiB.
const PLACES: usize = 1024;

impl<P> Default for Places<P> {
    fn default() -> Self {
        Self(Table::with_slots(PLACES))
    }
}

/// With the same settings and nothing in it.
impl<P> Clone for Places<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> Places<P> {
    /// The place that `is` accepts, made when it is new.
    #[inline]
    pub(crate) fn seat(&self, hash: u64, is: impl Fn(&P) -> bool, make: impl Fn() -> P) -> Seat<P> {
        let known = self.find(hash, &is).or_else(|| self.add(hash, &is, &make));
        known.unwrap_or_else(|| Seat::Own(Box::new(make())))
    }

    /// The place that `is` accepts, made when it is new and there is room for it.
    pub(crate) fn add(&self, hash: u64, is: impl Fn(&P) -> bool, make: impl Fn() -> P) -> Option<Seat<P>> {
        self.0.find_or_make(hash, is, make).map(Seat::Known)
    }

    /// The place, if it is known already.
    #[inline]
    pub(crate) fn find(&self, hash: u64, is: impl Fn(&P) -> bool) -> Option<Seat<P>> {
        self.0.find(hash, is).map(Seat::Known)
    }

    /// The place of a seat. There always is one.
    #[inline]
    pub(crate) fn at<'a>(&'a self, seat: &'a Seat<P>) -> Option<&'a P> {
        match seat {
            Seat::Known(at) => self.0.get(*at),
            Seat::Own(place) => Some(place),
        }
    }
}

/// The hash of a text and of what else a place is found by.
#[inline]
pub(crate) fn hash(text: &str, other: u64) -> u64 {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut hasher = foldhash::fast::FixedState::with_seed(other).build_hasher();
    hasher.write(text.as_bytes());
    hasher.finish()
}
