//! Encoded requests that wait to be sent, oldest first, bounded in bytes.
//!
//! Everything passes through it, so that points reach the peer in order of time. After a failure only requests with
//! delta points stay: what they count is in no later collection. Cumulative ones are superseded by the next collection.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::split::Half;

/// A request as it goes out.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) body: Bytes,
    pub(super) points: u64,
    /// Whether it has points that no later collection repeats.
    pub(super) must_arrive: bool,
}

/// Requests in order of time.
#[derive(Debug)]
pub(super) struct Queue {
    requests: VecDeque<Request>,
    bytes: usize,
    points: u64,
    bytes_max: usize,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { requests: VecDeque::new(), bytes: 0, points: 0, bytes_max }
    }

    pub(super) fn push(&mut self, request: Request) {
        self.bytes += request.body.len();
        self.points += request.points;
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
        for Half { body, points } in halves.into_iter().rev() {
            self.bytes += body.len();
            self.points += points;
            self.requests.push_front(Request { body, points, must_arrive });
        }
    }

    /// Removes what the next collection repeats; returns how many points that were.
    pub(super) fn remove_superseded(&mut self) -> u64 {
        let before = self.points;
        for request in std::mem::take(&mut self.requests) {
            if request.must_arrive {
                self.requests.push_back(request);
            } else {
                self.forget(&request);
            }
        }
        before - self.points
    }

    /// Removes the oldest until the rest is within the limit; returns how many points that were.
    pub(super) fn remove_excess(&mut self) -> u64 {
        let before = self.points;
        while self.bytes > self.bytes_max && self.pop().is_some() {}
        before - self.points
    }

    /// Removes everything; returns how many points that were.
    pub(super) fn clear(&mut self) -> u64 {
        let points = self.points;
        while self.pop().is_some() {}
        points
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn points(&self) -> u64 {
        self.points
    }

    fn forget(&mut self, request: &Request) {
        self.bytes -= request.body.len();
        self.points -= request.points;
    }
}
