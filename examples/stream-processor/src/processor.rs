//! The processor of one partition: reads events, keeps windows, sends results.
//!
//! Here telemetry and work meet: what `intake.rs`, `window.rs` and `aggregate.rs` say becomes metrics, spans and events of
//! spans. A result is a trace of its own, with links to the messages it was made of.

use std::sync::Arc;

use anyhow::Result;
use throughline::KeyValue;
use throughline::propagation::{BaggageExt as _, Context, SpanContext, TraceContextExt as _};
use throughline::trace::{Enter as _, Span};
use throughline_instruments::stream::{
    AggregationType, ByBackend, ByGroup, ByLayer, ByPartition, ByWindow, DropReason, Handling, OpenWindow,
    Operation, Processing, StateBackend, WindowType,
};

use crate::aggregate::{Function, TooFew, WindowResult};
use crate::event::{Event, Key};
use crate::intake::{Intake, Placement, Taken};
use crate::keys::Keys;
use crate::log::{AGGREGATORS, EVENTS, Headers, Log, Message, Polled, RESULTS};
use crate::seen::Look;
use crate::telemetry::{Instruments, TENANT};
use crate::time;
use crate::watermark::Step;
use crate::window::{Cut, Interval, Window, Windows};

/// Members of the group, among which the partitions are shared.
pub(crate) const MEMBERS: u32 = 2;

/// How many messages a result is linked with; a span has 128 links at most.
const LINKS_MAX: usize = 100;

/// What goes along with an open window.
#[derive(Debug)]
struct Companion {
    counted: OpenWindow,
    /// The spans of the messages in it.
    inputs: Vec<SpanContext>,
}

/// Reads one partition.
pub(crate) struct Processor {
    partition: u32,
    log: Arc<Log>,
    instruments: Arc<Instruments>,
    intake: Intake,
    windows: Windows<Companion>,
    keys: Keys,
}

impl Processor {
    pub(crate) fn new(partition: u32, log: &Arc<Log>, instruments: &Arc<Instruments>) -> Self {
        Self {
            partition,
            log: Arc::clone(log),
            instruments: Arc::clone(instruments),
            intake: Intake::default(),
            windows: Windows::new(),
            keys: Keys::default(),
        }
    }

    /// Until the log is closed and everything in it is processed.
    pub(crate) async fn run(mut self) -> Result<()> {
        loop {
            match self.log.poll(EVENTS, self.partition, AGGREGATORS).await {
                Polled::Message(message, behind) => {
                    self.handle(&message);
                    self.log.commit(EVENTS, self.partition, AGGREGATORS, &message);
                    let group =
                        ByGroup { group: AGGREGATORS, destination: EVENTS, partition: self.partition };
                    self.instruments.messaging.metrics().consumer_lag.set(behind, &group);
                }
                Polled::Idle if self.intake.watermark.idle(time::now()) => self.note_watermark(),
                Polled::Idle => {}
                Polled::Closed => break,
            }
            self.conclude().await;
        }
        self.intake.watermark.finish();
        self.conclude().await;
        Ok(())
    }

    /// Puts an event where it belongs.
    fn handle(&mut self, message: &Message) {
        let instruments = Arc::clone(&self.instruments);
        let event = instruments.stream.events.start();
        let mut handling = instruments.messaging.process(EVENTS, &message.headers);
        let span = handling.span();
        span.set_attribute("messaging.consumer.group.name", AGGREGATORS);
        span.set_attribute("messaging.destination.partition.id", self.partition);
        let context = handling.context();
        let _entered = context.enter();
        let taken = {
            let _running = instruments.stream.operators.start("intake");
            self.intake.take(&message.payload)
        };
        match taken {
            Taken::Invalid(error) => {
                tracing::debug!(%error, "an event cannot be read");
                handling.span().record_exception(&error);
                event.discard(DropReason::Invalid);
                handling.fail("invalid");
            }
            Taken::Duplicate(known, look) => {
                self.note_look(look);
                handling.span().add_event("duplicate", &[KeyValue::new("event.id", known.id as i64)]);
                event.with_type(known.kind.name()).discard(DropReason::Duplicate);
                handling.succeed();
            }
            Taken::New(known, look, step, placement) => {
                self.note_look(look);
                self.note_step(step);
                handling.span().set_attribute("event.type", known.kind.name());
                self.place(
                    &known,
                    &placement,
                    tenant(&context),
                    (event.with_type(known.kind.name()), handling),
                );
            }
        }
    }

    /// Puts an event into its windows, unless it is too late for all of them or makes no sense.
    fn place(
        &mut self,
        known: &Event,
        placement: &Placement,
        tenant: String,
        (event, mut handling): (Processing<'_>, Handling<'_>),
    ) {
        self.note_missed(placement, handling.span());
        if placement.is_late() {
            event.discard(DropReason::Late);
            return handling.succeed();
        }
        if let Some(refused) = placement.refused {
            handling.span().record_exception(&refused);
            event.fail("out_of_range");
            return handling.fail("out_of_range");
        }
        let instruments = Arc::clone(&self.instruments);
        let _running = instruments.stream.operators.start("window");
        let input = handling.span().span_context().clone();
        let key = self.look_up(Key { tenant, model: known.model.clone() });
        for interval in &placement.open {
            self.put(*interval, &key, known.value, &input);
        }
        instruments.stream.events.lag.set(time::seconds_between(known.time, time::now()), &());
        event.succeed();
        handling.succeed();
    }

    fn look_up(&mut self, key: Key) -> Arc<Key> {
        let state = &self.instruments.stream.state;
        let (key, at_hand) = self.keys.look_up(key);
        let counter = if at_hand { &state.cache_hits } else { &state.cache_misses };
        counter.add(1, &ByLayer { layer: "l1" });
        key
    }

    fn put(&mut self, interval: Interval, key: &Arc<Key>, value: f64, input: &SpanContext) {
        let stream = &self.instruments.stream;
        let operation = stream.state.start(Operation::Put, StateBackend::Memory);
        let open = |cut| Companion { counted: stream.windows.open(window_type(cut)), inputs: Vec::new() };
        let tell = |companion: &mut Companion| {
            if companion.inputs.len() < LINKS_MAX {
                companion.inputs.push(input.clone());
            }
        };
        if self.windows.put(interval, key, value, open, tell) {
            stream.state.evictions.add(1, &ByBackend { backend: StateBackend::Memory });
        }
        operation.succeed();
    }

    /// Sends the results of the windows that the watermark has passed.
    async fn conclude(&mut self) {
        let triggered = self.windows.trigger(self.intake.watermark.at());
        if triggered.is_empty() {
            return;
        }
        for ((interval, key), window) in triggered {
            self.instruments.stream.state.start(Operation::Delete, StateBackend::Memory).succeed();
            self.send(interval, key, window).await;
        }
        let size = self.windows.size() as u64;
        self.instruments.stream.state.size.set(size, &ByBackend { backend: StateBackend::Memory });
    }

    /// Aggregates a window in a trace of its own, and sends the result within it.
    async fn send(&self, interval: Interval, key: Arc<Key>, Window { values, companion }: Window<Companion>) {
        let Companion { counted, inputs } = companion;
        let mut span = self.span(interval, &key, &inputs);
        let result = {
            let _entered = span.enter();
            let _running = self.instruments.stream.operators.start("aggregate");
            WindowResult {
                interval,
                events: values.len() as u64,
                values: self.aggregate(&values, &mut span),
                key: Arc::unwrap_or_clone(key),
            }
        };
        let mut headers = Headers::new();
        let sending = {
            let tenant = KeyValue::new(TENANT, result.key.tenant.clone());
            let within = Context::new().with_remote_span_context(span.span_context().clone());
            let _entered = within.with_baggage([tenant]).enter();
            self.instruments.messaging.send(RESULTS, &mut headers)
        };
        let appended = self.log.append(RESULTS, &result.key.model, headers, result.encode()).await;
        if appended.waited {
            self.instruments.stream.events.backpressure.add(1, &());
        }
        sending.succeed();
        counted.trigger(result.events);
    }

    fn span(&self, interval: Interval, key: &Key, inputs: &[SpanContext]) -> Span {
        let mut span = self
            .instruments
            .tracer
            .span("aggregate window")
            .with_no_parent()
            .with_attribute("window.type", window_type(interval.cut))
            .with_attribute("window.start", interval.start as i64)
            .with_attribute("window.end", interval.end as i64)
            .with_attribute("model", key.model.as_str())
            .with_attribute(TENANT, key.tenant.as_str())
            .start();
        for input in inputs {
            span.add_link(input, &());
        }
        span
    }

    /// What can be computed of these values.
    fn aggregate(&self, values: &[f64], span: &mut Span) -> Vec<(Function, f64)> {
        let mut computed = Vec::new();
        for function in Function::ALL {
            let aggregation = self.instruments.stream.aggregations.start(aggregation_type(function));
            match function.compute(values) {
                Ok(value) => {
                    computed.push((function, value));
                    aggregation.succeed();
                }
                Err(TooFew) => {
                    let attributes = [KeyValue::new("values", values.len() as i64)];
                    span.add_event("too few values for a quantile", &attributes);
                    aggregation.fail("too_few_values");
                }
            }
        }
        computed
    }

    fn note_look(&self, Look { is_duplicate, has_evicted }: Look) {
        let metrics = &self.instruments.stream.deduplication;
        metrics.check(is_duplicate);
        metrics.cache_size.set(self.intake.seen.len() as u64, &());
        if has_evicted {
            metrics.cache_evictions.add(1, &());
        }
    }

    fn note_step(&self, Step { is_out_of_order, has_advanced }: Step) {
        if is_out_of_order {
            let partition = ByPartition { partition: self.partition };
            self.instruments.stream.watermarks.out_of_order.add(1, &partition);
        }
        if has_advanced {
            self.note_watermark();
        }
    }

    fn note_watermark(&self) {
        let lag = time::seconds_between(self.intake.watermark.at(), time::now());
        self.instruments.stream.watermarks.advance(self.partition, lag);
    }

    fn note_missed(&self, placement: &Placement, span: &mut Span) {
        for cut in &placement.missed {
            let window_type = window_type(*cut);
            self.instruments.stream.watermarks.late.add(1, &ByWindow { window_type });
            span.add_event("late", &ByWindow { window_type });
        }
    }
}

/// Whose event it is: what the sender put into the baggage.
fn tenant(context: &Context) -> String {
    context.baggage().get(TENANT).map(ToString::to_string).unwrap_or_default()
}

fn window_type(cut: Cut) -> WindowType {
    match cut {
        Cut::Tumbling => WindowType::Tumbling,
        Cut::Sliding => WindowType::Sliding,
    }
}

fn aggregation_type(function: Function) -> AggregationType {
    match function {
        Function::Count => AggregationType::Count,
        Function::Sum => AggregationType::Sum,
        Function::Average => AggregationType::Average,
        Function::Minimum => AggregationType::Minimum,
        Function::Maximum => AggregationType::Maximum,
        Function::P99 => AggregationType::P99,
    }
}
