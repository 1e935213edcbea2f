//! Encoded requests that wait to be sent, oldest first, bounded in bytes and in items.
//!
//! Everything passes through it, so that items reach the peer in order of time. First are the requests that stand in the
//! spool as well (`spool.rs`), a few of which are loaded at a time; then those that are in memory alone. After a failure
//! only those of them stay whose items are in no later one: requests with delta points, spans or log records. Cumulative
//! points are superseded by the next collection.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::config::QueueFull;
use crate::split::Half;

/// A request as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) items: u64,
    /// Whether it has items that no later request repeats.
    pub(super) must_arrive: bool,
    /// Its number in the spool, when it stands there.
    pub(super) spooled: Option<u64>,
    /// Whether it is a part of one that was cut: others have its number too, or had it.
    pub(super) is_part: bool,
}

/// Requests in order of time.
#[derive(Debug)]
pub(super) struct Queue {
    /// Those that are in the spool as well.
    spooled: Line,
    /// Those that are nowhere else.
    waiting: Line,
    bytes_max: usize,
    items_max: u64,
    full: QueueFull,
    /// Whether the oldest is being sent, and cannot be dropped.
    is_sending: bool,
}

impl Queue {
    pub(super) fn new(bytes_max: usize, full: QueueFull) -> Self {
        let (spooled, waiting) = Default::default();
        Self { spooled, waiting, bytes_max, items_max: u64::MAX, full, is_sending: false }
    }

    pub(super) fn with_items_max(self, items_max: u64) -> Self {
        Self { items_max, ..self }
    }

    /// How many items may wait in memory.
    pub(super) fn items_max(&self) -> u64 {
        self.items_max
    }

    /// Appends a request.
    pub(super) fn push(&mut self, request: Request) {
        match request.spooled {
            Some(_) => self.spooled.push_back(request),
            None => self.waiting.push_back(request),
        }
    }

    pub(super) fn front(&self) -> Option<&Request> {
        self.oldest().requests.front()
    }

    /// Says that the oldest is being sent, or is not any more.
    pub(super) fn set_sending(&mut self, is_sending: bool) {
        self.is_sending = is_sending;
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        self.oldest_mut().pop_front()
    }

    /// Puts two requests in the place of the oldest.
    pub(super) fn split_front(&mut self, halves: [Half; 2]) {
        let line = self.oldest_mut();
        let Some(Request { must_arrive, spooled, .. }) = line.pop_front() else { return };
        for Half { body, items } in halves.into_iter().rev() {
            line.push_front(Request { body, items, must_arrive, spooled, is_part: true });
        }
    }

    /// Removes what the next collection repeats; returns how many items that were.
    pub(super) fn remove_superseded(&mut self) -> u64 {
        let before = self.waiting.items;
        for request in self.waiting.take() {
            if request.must_arrive {
                self.waiting.push_back(request);
            }
        }
        before - self.waiting.items
    }

    /// Removes the oldest or the newest in memory until the rest is within the limits; returns how many items that were.
    pub(super) fn remove_excess(&mut self) -> u64 {
        let Self { spooled, waiting, bytes_max, items_max, full, is_sending } = self;
        let before = waiting.items;
        let sending = if *is_sending && spooled.requests.is_empty() { waiting.pop_front() } else { None };
        let (bytes, items) = sending.as_ref().map_or((0, 0), |request| (request.body.len(), request.items));
        while waiting.bytes + bytes > *bytes_max || waiting.items + items > *items_max {
            let dropped = match full {
                QueueFull::DropOldest => waiting.pop_front(),
                QueueFull::DropNewest => waiting.pop_back(),
            };
            if dropped.is_none() {
                break;
            }
        }
        if let Some(sending) = sending {
            waiting.push_front(sending);
        }
        before - waiting.items
    }

    /// Takes out everything that is in memory alone.
    pub(super) fn take_waiting(&mut self) -> VecDeque<Request> {
        self.waiting.take()
    }

    /// Puts it back, before whatever came since.
    pub(super) fn put_back(&mut self, requests: VecDeque<Request>) {
        for request in requests.into_iter().rev() {
            self.waiting.push_front(request);
        }
    }

    /// The numbers of those that are in the spool as well.
    pub(super) fn spooled(&self) -> impl Iterator<Item = u64> {
        self.spooled.requests.iter().filter_map(|request| request.spooled)
    }

    /// Makes those that are not in the spool any more ones that are in memory alone.
    pub(super) fn forget_spooled(&mut self, is_there: impl Fn(u64) -> bool) {
        let (kept, lost): (VecDeque<_>, VecDeque<_>) =
            self.spooled.take().into_iter().partition(|request| request.spooled.is_some_and(&is_there));
        for request in kept {
            self.spooled.push_back(request);
        }
        self.put_back(lost.into_iter().map(|request| Request { spooled: None, ..request }).collect());
    }

    /// Makes the parts of a request that was cut ones that are in memory alone; returns the number that they had.
    pub(super) fn release_parts(&mut self) -> Option<u64> {
        let mut parts = VecDeque::new();
        while self.spooled.requests.front().is_some_and(|request| request.is_part) {
            parts.extend(self.spooled.pop_front());
        }
        let number = parts.front().and_then(|part: &Request| part.spooled);
        self.put_back(parts.into_iter().map(|part| Request { spooled: None, ..part }).collect());
        number
    }

    /// Removes everything that is in memory alone; returns how many items that were.
    pub(super) fn clear(&mut self) -> u64 {
        self.waiting.take().iter().map(|request| request.items).sum()
    }

    /// Bytes in memory alone.
    pub(super) fn bytes(&self) -> usize {
        self.waiting.bytes
    }

    /// Items in memory alone.
    pub(super) fn items(&self) -> u64 {
        self.waiting.items
    }

    /// Items that are in the spool as well.
    pub(super) fn spooled_items(&self) -> u64 {
        self.spooled.items
    }

    fn oldest(&self) -> &Line {
        if self.spooled.requests.is_empty() { &self.waiting } else { &self.spooled }
    }

    fn oldest_mut(&mut self) -> &mut Line {
        if self.spooled.requests.is_empty() { &mut self.waiting } else { &mut self.spooled }
    }
}

/// Requests one after the other, and their sums.
#[derive(Debug, Default)]
struct Line {
    requests: VecDeque<Request>,
    bytes: usize,
    items: u64,
}

impl Line {
    fn push_back(&mut self, request: Request) {
        self.add(&request);
        self.requests.push_back(request);
    }

    fn push_front(&mut self, request: Request) {
        self.add(&request);
        self.requests.push_front(request);
    }

    fn pop_front(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.forget(&request);
        Some(request)
    }

    fn pop_back(&mut self) -> Option<Request> {
        let request = self.requests.pop_back()?;
        self.forget(&request);
        Some(request)
    }

    fn take(&mut self) -> VecDeque<Request> {
        std::mem::take(self).requests
    }

    fn add(&mut self, request: &Request) {
        self.bytes += request.body.len();
        self.items += request.items;
    }

    fn forget(&mut self, request: &Request) {
        self.bytes -= request.body.len();
        self.items -= request.items;
    }
}
