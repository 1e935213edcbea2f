//! Encoded requests that wait to be sent, oldest first, bounded in bytes and in items.
//!
//! Everything passes through it, so that items reach the peer in order of time. After a failure only requests stay whose
//! items are in no later one: those with delta points, spans or log records. Cumulative points are superseded by the
//! next collection.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::split::Half;

/// A request as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) items: u64,
    /// Whether it has items that no later request repeats.
    pub(super) must_arrive: bool,
}

/// Requests in order of time.
#[derive(Debug)]
pub(super) struct Queue {
    requests: VecDeque<Request>,
    bytes: usize,
    items: u64,
    bytes_max: usize,
    items_max: u64,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { requests: VecDeque::new(), bytes: 0, items: 0, bytes_max, items_max: u64::MAX }
    }

    pub(super) fn with_items_max(self, items_max: u64) -> Self {
        Self { items_max, ..self }
    }

    pub(super) fn push(&mut self, request: Request) {
        self.bytes += request.body.len();
        self.items += request.items;
        self.requests.push_back(request);
    }

    pub(super) fn front(&self) -> Option<&Request> {
        self.requests.front()
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        let request = self.requests.pop_front()?;
        self.forget(&request);
        Some(request)
    }

    /// Puts two requests in the place of the oldest.
    pub(super) fn split_front(&mut self, halves: [Half; 2]) {
        let Some(Request { must_arrive, .. }) = self.pop() else { return };
        for Half { body, items } in halves.into_iter().rev() {
            self.bytes += body.len();
            self.items += items;
            self.requests.push_front(Request { body, items, must_arrive });
        }
    }

    /// Removes what the next collection repeats; returns how many items that were.
    pub(super) fn remove_superseded(&mut self) -> u64 {
        let before = self.items;
        for request in std::mem::take(&mut self.requests) {
            if request.must_arrive {
                self.requests.push_back(request);
            } else {
                self.forget(&request);
            }
        }
        before - self.items
    }

    /// Removes the oldest until the rest is within the limits; returns how many items that were.
    pub(super) fn remove_excess(&mut self) -> u64 {
        let before = self.items;
        while self.bytes > self.bytes_max || self.items > self.items_max {
            if self.pop().is_none() {
                break;
            }
        }
        before - self.items
    }

    /// Removes everything; returns how many items that were.
    pub(super) fn clear(&mut self) -> u64 {
        let items = self.items;
        while self.pop().is_some() {}
        items
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn items(&self) -> u64 {
        self.items
    }

    fn forget(&mut self, request: &Request) {
        self.bytes -= request.body.len();
        self.items -= request.items;
    }
}
