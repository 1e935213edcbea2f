//! When a failed request is tried again: which answers allow it, how long to wait, and when to give up.
//!
//! `exporter/mod.rs` calls [`Delivery::send`], which drives `transport/`. The rules are those of the
//! [OTLP specification](https://opentelemetry.io/docs/specs/otlp/#otlphttp-response): `429`, `502`, `503`, `504`, their
//! like of gRPC (`transport/grpc.rs`) and connections without an answer are tried again, everything else is not. That
//! also fits Prometheus, which answers `500` to data that it will never take. Waits grow exponentially with jitter,
//! `Retry-After` and `RetryInfo` are kept to, and all of it ends at a deadline. Time is tokio's, so that tests decide it.

use std::pin::pin;
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use throughline_core::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::config::DURATION_MAX;
use crate::error::ExportError;
use crate::race::{Either, race};
use crate::transport::{Accepted, Transport};

/// How failed requests are tried again, within the timeout of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    initial_backoff: Duration,
    max_backoff: Duration,
    attempt_timeout: Duration,
    max_attempts: u32,
}

/// Long enough for a restarted sidecar to be back after a few attempts.
const INITIAL_BACKOFF: Duration = Duration::from_millis(200);

/// Whatever is configured: a peer that is down is not asked in a tight loop.
const MIN_BACKOFF: Duration = Duration::from_millis(1);

/// Half the default timeout of a request.
const MAX_BACKOFF: Duration = Duration::from_secs(5);

/// Half the default timeout of a request, so that a dead connection leaves time for a second attempt on a new one.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// A `Retry-After` beyond this is taken for this: one broken answer must not silence an exporter for good.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(300);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            initial_backoff: INITIAL_BACKOFF,
            max_backoff: MAX_BACKOFF,
            attempt_timeout: ATTEMPT_TIMEOUT,
            max_attempts: u32::MAX,
        }
    }
}

impl RetryPolicy {
    /// One attempt for each request.
    pub fn disabled() -> Self {
        Self::default().with_max_attempts(1)
    }

    /// Sets the wait before the second attempt (200 ms unless set); it doubles with each further one.
    pub fn with_initial_backoff(mut self, wait: Duration) -> Self {
        self.initial_backoff = wait.min(DURATION_MAX);
        self
    }

    /// Sets the longest wait between attempts (5 s unless set), `Retry-After` aside.
    pub fn with_max_backoff(mut self, wait: Duration) -> Self {
        self.max_backoff = wait.min(DURATION_MAX);
        self
    }

    /// Sets how long one attempt may take, connecting included (5 s unless set).
    pub fn with_attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = timeout.min(DURATION_MAX);
        self
    }

    /// Sets how many attempts a request gets at most (only the timeout ends them unless set). At least one is made.
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// Before attempt `attempt + 1`, counted from one: between half of the exponential wait and all of it.
    fn backoff(&self, attempt: u32, random: &mut Random) -> Duration {
        let factor = 1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX);
        let wait = self.initial_backoff.saturating_mul(factor).min(self.max_backoff).max(MIN_BACKOFF);
        wait / 2 + wait.mul_f64(random.unit() / 2.0)
    }
}

/// A small generator for jitter (`SplitMix64`). Seeded by the caller, so that tests repeat and processes differ.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from zero to below one.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Says when a shutdown wants the export that is under way to end: it waits no more, and its attempt ends then.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<Option<Instant>>);

impl Stop {
    pub(crate) fn new() -> (watch::Sender<Option<Instant>>, Self) {
        let (sender, receiver) = watch::channel(None);
        (sender, Self(receiver))
    }

    async fn requested(&mut self) -> Instant {
        loop {
            if let Some(at) = *self.0.borrow_and_update() {
                return at;
            }
            if self.0.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn reached(&mut self) {
        let at = self.requested().await;
        sleep_until(at).await;
    }
}

/// Sends requests with retries.
#[derive(Debug)]
pub(crate) struct Delivery {
    transport: Transport,
    policy: RetryPolicy,
    random: Random,
    /// Until when the peer asked to be left alone.
    quiet_until: Option<Instant>,
}

impl Delivery {
    pub(crate) fn new(transport: Transport, policy: RetryPolicy, random: Random) -> Self {
        Self { transport, policy, random, quiet_until: None }
    }

    /// Delivers one request until `deadline`, calling `on_retry` before each attempt after the first.
    ///
    /// A request whose answer was lost is sent again: delivery is at least once.
    ///
    /// # Errors
    /// What the last attempt failed with. When it is retryable, the request may be delivered later.
    pub(crate) async fn send(
        &mut self,
        body: &Bytes,
        deadline: Instant,
        stop: &mut Stop,
        on_retry: &(dyn Fn() + Sync),
    ) -> Result<Accepted, ExportError> {
        if let Some(until) = self.quiet_until {
            if until >= deadline || !slept(until, stop).await {
                return Err(self.quiet_error(until));
            }
        }
        let mut attempt = 1;
        loop {
            let error = match self.attempt(body, deadline, stop).await {
                Err(error) if error.is_retryable() => error,
                outcome => return outcome,
            };
            if attempt >= self.policy.max_attempts {
                return Err(error);
            }
            let until = Instant::now() + self.wait_after(attempt, &error);
            if until >= deadline || !slept(until, stop).await {
                return Err(error);
            }
            on_retry();
            attempt = attempt.saturating_add(1);
        }
    }

    async fn attempt(
        &mut self,
        body: &Bytes,
        deadline: Instant,
        stop: &mut Stop,
    ) -> Result<Accepted, ExportError> {
        let started = Instant::now();
        let ends = deadline.min(started + self.policy.attempt_timeout);
        let endpoint = self.transport.endpoint().to_string();
        let attempt = pin!(self.transport.send(body.clone(), ends.saturating_duration_since(started)));
        let limit = pin!(async {
            let (reached, ended) = (pin!(stop.reached()), pin!(sleep_until(ends)));
            race(reached, ended).await
        });
        match race(attempt, limit).await {
            Either::Left(outcome) => outcome,
            Either::Right(_) => {
                let waited = humantime::format_duration(whole_millis(started.elapsed()));
                Err(ExportError::transient(format!("no answer from {endpoint} within {waited}")))
            }
        }
    }

    fn wait_after(&mut self, attempt: u32, error: &ExportError) -> Duration {
        match error.retry_after() {
            Some(wait) => {
                let wait = wait.min(RETRY_AFTER_MAX);
                self.quiet_until = Some(Instant::now() + wait);
                wait
            }
            None => self.policy.backoff(attempt, &mut self.random),
        }
    }

    #[cold]
    fn quiet_error(&self, until: Instant) -> ExportError {
        let left = whole_millis(until.saturating_duration_since(Instant::now()));
        let (endpoint, left) = (self.transport.endpoint(), humantime::format_duration(left));
        ExportError::transient(format!("{endpoint} asked to be left alone for another {left}"))
    }
}

/// Sleeps; `false` when a shutdown ended it.
async fn slept(until: Instant, stop: &mut Stop) -> bool {
    let (sleep, stopped) = (pin!(sleep_until(until)), pin!(stop.requested()));
    matches!(race(sleep, stopped).await, Either::Left(()))
}

fn whole_millis(duration: Duration) -> Duration {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

/// Whether a request that was answered with this HTTP status may be sent again.
pub(crate) const fn is_retryable_status(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// Parses `Retry-After`: seconds, or a date (`Sun, 06 Nov 1994 08:49:37 GMT`). A date that has passed is no wait.
pub(crate) fn parse_retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    match value.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(parse_http_date(value)? - now),
    }
}

/// The one form of date that HTTP lets be written today, rearranged for a parser of RFC 3339.
fn parse_http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_weekday, date) = text.split_once(", ")?;
    let mut parts = date.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = 1 + MONTHS.iter().position(|name| *name == month)?;
    let zone = parts.next()?;
    let parsed = humantime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z")).ok()?;
    (zone == "GMT" && parsed >= UNIX_EPOCH).then(|| Timestamp::from(parsed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_listed_answers_are_tried_again() {
        let retryable: Vec<_> = (100..600).filter(|status| is_retryable_status(*status)).collect();
        assert_eq!(retryable, [429, 502, 503, 504]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_nanos(784_111_777_000_000_000); // Sun, 06 Nov 1994 08:49:37 GMT
        for (value, expected) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Wed, 06 Nov 2199 08:49:00 GMT", Some(6_469_199_963)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 CET", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            let expected = expected.map(Duration::from_secs);
            assert_eq!(parse_retry_after(value, now), expected, "{value}");
        }
    }

    #[test]
    fn waits_double_up_to_the_limit_with_jitter_in_the_upper_half() {
        let policy = RetryPolicy::default();
        let mut random = Random::new(7);
        for (attempt, full_ms) in
            [(1, 200), (2, 400), (3, 800), (5, 3200), (6, 5000), (40, 5000), (u32::MAX, 5000)]
        {
            for _ in 0..100 {
                let wait = policy.backoff(attempt, &mut random);
                let full = Duration::from_millis(full_ms);
                assert!(wait >= full / 2 && wait <= full, "{attempt}: {wait:?}");
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_waits() {
        let waits = |seed| {
            let mut random = Random::new(seed);
            (1..9).map(|attempt| RetryPolicy::default().backoff(attempt, &mut random)).collect::<Vec<_>>()
        };
        assert_eq!(waits(1), waits(1));
        assert_ne!(waits(1), waits(2));
    }
}
