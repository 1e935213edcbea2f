//! What a client may cost the server: sizes, numbers and times, each with its reason.

use std::time::Duration;

/// Request line and headers together. Prometheus sends less than 1 KiB; a proxy adds cookies and traces.
pub const HEADER_BYTES_MAX: usize = 16 * 1024;

/// Headers of a request. A browser behind two proxies sends some 30.
pub const HEADERS_MAX: usize = 64;

/// Connections at a time. More wait in the operating system's queue; a handful of scrapers needs a handful.
pub const CONNECTIONS_MAX: usize = 64;

/// Scrapes that collect at a time. They wait for each other anyway; this bounds the threads that wait when a callback hangs.
pub const SCRAPES_MAX: usize = 4;

/// Scrapes under way, from the request to the last byte of the answer. A pair of Prometheus servers, an agent and some
/// people are less; more than that is somebody who asks in a loop.
pub const SCRAPES_IN_FLIGHT_MAX: usize = 16;

/// For the handshake of TLS: a few round trips, and a key operation on a busy machine.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// From the end of one request to the end of the next one's headers: the usual scrape intervals, 15 and 30 seconds, find
/// their connection still open, and who sends a header at a time is sent away.
pub const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(35);

/// For an answer to begin. Prometheus gives up after 10 seconds unless told otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// For a client to take some more bytes of its answer.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(10);

/// For a client to take all of its answer: as long as a scrape may take in any sensible configuration. Who takes a byte
/// now and then is sent away.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// For answers under way when the server is told to stop.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// The server's limits; the defaults are this module's constants, which give the reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of request line and headers; beyond it, 431.
    pub header_bytes: usize,
    /// Headers of a request; beyond it, 431.
    pub headers: usize,
    /// Connections at a time; beyond it they wait to be accepted.
    pub connections: usize,
    /// Scrapes that collect at a time; beyond it they wait, and then get 503.
    pub scrapes: usize,
    /// Scrapes under way, those included that wait and those that are being sent; beyond it, 503 at once.
    pub scrapes_in_flight: usize,
    /// For the handshake of TLS; then the connection is closed.
    pub handshake_timeout: Duration,
    /// For the headers of a request, the wait for it included; then the connection is closed.
    pub header_read_timeout: Duration,
    /// For an answer to begin; then 503.
    pub request_timeout: Duration,
    /// For the client to take some more bytes; then the connection is closed.
    pub write_timeout: Duration,
    /// From a request to the last byte of its answer; then the connection is closed.
    pub response_timeout: Duration,
    /// For answers under way at shutdown; then their connections are closed.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_bytes: HEADER_BYTES_MAX,
            headers: HEADERS_MAX,
            connections: CONNECTIONS_MAX,
            scrapes: SCRAPES_MAX,
            scrapes_in_flight: SCRAPES_IN_FLIGHT_MAX,
            handshake_timeout: HANDSHAKE_TIMEOUT,
            header_read_timeout: HEADER_READ_TIMEOUT,
            request_timeout: REQUEST_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            response_timeout: RESPONSE_TIMEOUT,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }
}
