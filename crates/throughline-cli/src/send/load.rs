//! `throughline load`: a stream of telemetry at a rate.
//!
//! What is owed is reckoned from the clock, not from the last step: a step that was late makes up for it, so that the rate
//! that is reported is the one that was asked for, or less, and never one that waited for the receiver.
#![expect(clippy::disallowed_methods, reason = "a load is made, and timed, in real time")]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use throughline::core::attribute::ValueRef;
use throughline::metrics::BoundCounter;
use throughline::trace::{LogRecord, Logger, Tracer};
use throughline::{KeyValue, TelemetryProviders};

use super::once::INFO;
use super::{Receiver, SCOPE};
use crate::progress::Progress;

/// Sends a stream of spans, log records and measurements, and says what arrived
#[derive(Debug, clap::Args)]
#[command(
    before_help = "\
Examples:
  throughline load --endpoint http://localhost:4318 --spans 1000 --for 30s
  throughline load --series 10000 --points 50000 --interval 1s",
    after_help = "The exit status is 1 when something did not arrive, or the rate was not reached."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    receiver: Receiver,
    /// For how long
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    length: Duration,
    /// Spans a second
    #[arg(long, value_name = "RATE", default_value_t = 100)]
    spans: u64,
    /// Spans in a trace
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    depth: u64,
    /// Log records a second
    #[arg(long, value_name = "RATE", default_value_t = 100)]
    logs: u64,
    /// Measurements a second
    #[arg(long, value_name = "RATE", default_value_t = 1000)]
    points: u64,
    /// Series they are spread over
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    series: u64,
    /// How often metrics are exported
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = humantime::parse_duration)]
    interval: Duration,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let telemetry = arguments.receiver.start(arguments.interval)?;
    let made = Load::new(arguments, &telemetry).run(arguments);
    let report = telemetry.shutdown_within(arguments.receiver.timeout);
    let reached = made.tell(arguments)?;
    let status = super::tell(&report)?;
    Ok(if reached { status } else { ExitCode::from(crate::FOUND) })
}

struct Load {
    series: Vec<BoundCounter<u64>>,
    tracer: Tracer,
    logger: Logger,
}

/// How much was made, and in which time.
#[derive(Default)]
struct Made {
    spans: u64,
    logs: u64,
    points: u64,
    time: Duration,
}

/// How long there is nothing to do between two steps.
const STEP: Duration = Duration::from_millis(5);

/// A busy machine may end the last step so late, with all made that was owed.
const LATE: Duration = Duration::from_millis(100);

impl Load {
    fn new(arguments: &Arguments, telemetry: &TelemetryProviders) -> Self {
        let counter = telemetry.meter(SCOPE).u64_counter("throughline.load").build();
        let bind = |number| counter.bind(&[KeyValue::new("series", number)]);
        Self {
            series: (0..arguments.series as i64).map(bind).collect(),
            tracer: telemetry.tracer_provider().tracer(SCOPE),
            logger: telemetry.logger_provider().logger(SCOPE),
        }
    }

    fn run(&self, arguments: &Arguments) -> Made {
        let started = Instant::now();
        let mut made = Made::default();
        let progress = Progress::of("seconds", arguments.length.as_secs() as usize);
        loop {
            let now = started.elapsed().min(arguments.length);
            let owed = |rate: u64| (now.as_nanos() * u128::from(rate) / 1_000_000_000) as u64;
            self.make(
                arguments,
                &mut made,
                [owed(arguments.spans), owed(arguments.logs), owed(arguments.points)],
            );
            made.time = started.elapsed();
            if now == arguments.length {
                return made;
            }
            progress.at(now.as_secs() as usize);
            thread::sleep(STEP);
        }
    }

    /// Makes what is owed and was not made yet. Spans come in whole traces.
    fn make(&self, arguments: &Arguments, made: &mut Made, [spans, logs, points]: [u64; 3]) {
        while made.spans + arguments.depth <= spans {
            self.trace(arguments.depth);
            made.spans += arguments.depth;
        }
        while made.logs < logs {
            let body = Some(ValueRef::Str("made by `throughline load`"));
            self.logger.record(&LogRecord { severity_number: INFO, body, ..LogRecord::default() }, &());
            made.logs += 1;
        }
        while made.points < points {
            let at = (made.points % arguments.series) as usize;
            self.series.get(at).into_iter().for_each(|series| series.add(1));
            made.points += 1;
        }
    }

    fn trace(&self, depth: u64) {
        let root = self.tracer.span("request").with_no_parent().start();
        let context = root.span_context().clone();
        for _ in 1..depth {
            drop(self.tracer.span("step").with_parent_span(&context).start());
        }
    }
}

impl Made {
    /// Says what was made, and whether that is what was asked for; one in a hundred less is.
    fn tell(&self, arguments: &Arguments) -> anyhow::Result<bool> {
        let seconds = self.time.as_secs_f64();
        let asked_for = self.time.saturating_sub(LATE).as_secs_f64();
        let mut reached = true;
        for (what, made, asked) in [
            ("spans", self.spans, arguments.spans),
            ("log records", self.logs, arguments.logs),
            ("measurements", self.points, arguments.points),
        ] {
            let rate = made as f64 / seconds;
            // The last trace may not be whole.
            let slack = if what == "spans" { arguments.depth as f64 } else { 1.0 };
            reached &= made as f64 + slack >= asked as f64 * asked_for * 0.99;
            say!("{what:12} {made:>10} made, {rate:.0} a second of {asked} asked for");
        }
        Ok(reached)
    }
}
