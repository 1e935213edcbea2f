//! The instruments of requests that ended in one way, of servers and of clients alike.

use throughline_metrics::BoundHistogram;
use throughline_metrics::exemplar::{self, TraceContext};

/// What requests that ended in one way have in common.
#[derive(Debug)]
pub struct Ended {
    /// What `error.type` says.
    pub(super) error: Option<Box<str>>,
    pub(super) duration: BoundHistogram<f64>,
    pub(super) request_size: BoundHistogram<u64>,
    pub(super) response_size: BoundHistogram<u64>,
}

/// What one of them measured.
pub(super) struct Measured {
    pub(super) seconds: f64,
    /// Bytes of the request's body, when they are known.
    pub(super) request: Option<u64>,
    /// Bytes of the response's body, when there was a response.
    pub(super) response: Option<u64>,
}

impl Ended {
    #[inline]
    pub(super) fn record(&self, exemplar: Option<TraceContext>, measured: &Measured) {
        let Measured { seconds, request, response } = *measured;
        if let Some(bytes) = request {
            self.request_size.record(bytes);
        }
        if let Some(bytes) = response {
            self.response_size.record(bytes);
        }
        // The duration alone leaves an exemplar: who looks for one looks for what was slow.
        let _pinned = exemplar.map(|span| exemplar::pin(Some(span)));
        self.duration.record(seconds);
    }
}
