//! Measurements carry the span that is current when they are made, whoever made it current.

use opentelemetry::trace::{TraceContextExt as _, Tracer as _};
use opentelemetry::{Context, KeyValue};
use throughline_metrics::data::{Exemplar, MetricData};
use throughline_metrics::{Counter, MeterProvider, Reader};
use throughline_trace::{SpanContext, current_span};
use tracing::info_span;

use crate::support::Layered;

struct Measured {
    counter: Counter<u64>,
    reader: Reader,
}

impl Measured {
    fn new() -> Self {
        let provider = MeterProvider::default();
        let reader = provider.reader(throughline_metrics::TemporalityPreference::default());
        Self { counter: provider.meter("it").u64_counter("c").build(), reader }
    }

    /// The exemplar of one measurement.
    fn exemplar(&mut self) -> Option<Exemplar> {
        thread_local!(static NUMBER: std::cell::Cell<i64> = const { std::cell::Cell::new(0) });
        let number = NUMBER.replace(NUMBER.get() + 1);
        let attributes = [KeyValue::new("number", number)];
        self.counter.add(1, &attributes);
        self.counter.add(1, &attributes);
        let collected = self.reader.collect();
        let (_, metric) = collected.metrics().next().expect("one metric");
        let MetricData::Sum { points, .. } = &metric.data else { unreachable!("a counter") };
        let point = points.iter().find(|point| {
            point.attributes.value("number") == Some(throughline_core::attribute::ValueRef::I64(number))
        });
        point.expect("this series").exemplars.first().cloned()
    }

    #[track_caller]
    fn expect(&mut self, span: Option<&SpanContext>) {
        let ids = self.exemplar().map(|exemplar| (exemplar.trace_id, exemplar.span_id));
        let expected = span.map(|span| (span.trace_id().to_bytes(), span.span_id().to_bytes()));
        assert_eq!(ids, expected);
    }
}

#[test]
fn measurements_carry_the_current_span() {
    let layered = Layered::sampled();
    let tracer = layered.tracer;
    let mut measured = Measured::new();
    layered.within(|| {
        measured.expect(None);
        let outer = info_span!("tracing").entered();
        measured.expect(current_span().as_ref());
        tracer.in_span("otel", |context| {
            measured.expect(Some(context.span().span_context()));
            info_span!("inner").in_scope(|| measured.expect(current_span().as_ref()));
            measured.expect(Some(context.span().span_context()));
        });
        measured.expect(current_span().as_ref());
        drop(outer);
        measured.expect(None);

        let own = tracer.span("own").start();
        let entered = own.enter();
        measured.expect(Some(own.span_context()));
        drop(entered);
        measured.expect(None);
    });
}

#[test]
fn a_context_attached_by_opentelemetry_on_another_thread_counts() {
    let layered = Layered::sampled();
    let span = layered.tracer.start("otel");
    let context = Context::new().with_span(span);
    std::thread::spawn(move || {
        let mut measured = Measured::new();
        measured.expect(None);
        let attached = context.clone().attach();
        measured.expect(Some(context.span().span_context()));
        drop(attached);
        measured.expect(None);
    })
    .join()
    .expect("it does not panic");
}

#[test]
fn a_span_that_is_not_sampled_leaves_none() {
    let layered = Layered::unsampled();
    let tracer = layered.tracer;
    let mut measured = Measured::new();
    layered.within(|| {
        info_span!("a").in_scope(|| measured.expect(None));
        tracer.in_span("b", |_| measured.expect(None));
    });
}
