//! Exemplars of spans that only OpenTelemetry's context knows of, in a process of its own: that they are looked for there
//! holds for good.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState};
use throughline_metrics::data::MetricData;
use throughline_metrics::exemplar::ask_current_context;
use throughline_metrics::{MeterProvider, Reader, TemporalityPreference};

/// The traces of the exemplars in the one counter.
fn traces(reader: &mut Reader) -> Vec<[u8; 16]> {
    let collected = reader.collect();
    let (_, metric) = collected.metrics().find(|(_, metric)| &*metric.name == "c").expect("it was recorded");
    match &metric.data {
        MetricData::Sum { points, .. } => {
            points.iter().flat_map(|point| point.exemplars).map(|exemplar| exemplar.trace_id).collect()
        }
        other => unreachable!("a counter is not {other:?}"),
    }
}

/// Records when its thread has lost its context already.
struct AtTheEnd(Option<throughline_metrics::BoundCounter<u64>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        if let Some(counter) = &self.0 {
            counter.add(1);
        }
    }
}

thread_local! {
    static AT_THE_END: std::cell::RefCell<AtTheEnd> = const { std::cell::RefCell::new(AtTheEnd(None)) };
}

#[test]
fn spans_are_found_in_the_current_context_once_somebody_asked_for_it() {
    let provider = MeterProvider::default();
    let mut reader = provider.reader(TemporalityPreference::default());
    let counter = provider.meter("it").u64_counter("c").build();
    let bound = counter.bind(&[]);
    let span = |flags| {
        let ids = (TraceId::from(7), SpanId::from(8));
        let span = SpanContext::new(ids.0, ids.1, flags, false, TraceState::NONE);
        Context::new().with_remote_span_context(span)
    };
    let sampled = span(TraceFlags::SAMPLED);

    let attached = sampled.clone().attach();
    bound.add(1);
    assert!(traces(&mut reader).is_empty(), "nobody asked");
    drop(attached);

    ask_current_context();
    bound.add(1);
    let unsampled = span(TraceFlags::NOT_SAMPLED).attach();
    bound.add(1);
    drop(unsampled);
    assert!(traces(&mut reader).is_empty());
    let attached = sampled.clone().attach();
    bound.add(1);
    assert_eq!(traces(&mut reader), [TraceId::from(7).to_bytes()]);
    drop(attached);

    let late = counter.bind(&[]);
    let thread = std::thread::spawn(move || {
        AT_THE_END.with_borrow_mut(|at_the_end| at_the_end.0 = Some(late));
        let _attached = sampled.attach();
    });
    thread.join().expect("it does not panic");
}
