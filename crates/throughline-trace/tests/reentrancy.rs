//! Fields that record while they are formatted, with a global subscriber: with another one, `tracing` itself leaves out
//! what is recorded inside.

use std::fmt;

use throughline_trace::layer::{Events, TelemetryLayer};
use throughline_trace::{LoggerProvider, TracerProvider, testing};
use tracing::field::debug;
use tracing::{Span, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

struct Talkative;

impl fmt::Debug for Talkative {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info_span!("nested", inner = ?1).in_scope(|| tracing::error!(again = ?2, "nested event"));
        Span::current().record("late", debug("by itself"));
        f.write_str("talked")
    }
}

#[test]
fn a_field_may_record_while_it_is_formatted() {
    let (traces, logs) = (TracerProvider::default(), LoggerProvider::default());
    let mut spans = traces.reader().expect("the first reader");
    let mut records = logs.reader().expect("the first reader");
    let layer = TelemetryLayer::builder()
        .with_tracer(traces.tracer("it"))
        .with_logger(logs.logger("it"))
        .with_events(Events::Both)
        .with_target(false)
        .with_location(false)
        .build();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).expect("the first");

    let span = info_span!("a", late = tracing::field::Empty, talk = ?Talkative).entered();
    span.record("late", debug(Talkative));
    tracing::info!(talk = ?Talkative, "outer");
    drop(span);

    let spans = testing::spans(&mut spans);
    let a = spans.iter().find(|span| span.name == "a").expect("it has ended");
    assert!(a.attributes.contains(&("talk".to_owned(), "talked".to_owned())));
    let nested: Vec<_> = spans.iter().filter(|span| span.name == "nested").collect();
    // In a span and in an event with two ways out, fields may be formatted more than once.
    assert!(nested.len() >= 3, "{}", nested.len());
    assert!(nested.iter().all(|span| span.events.len() == 1));
    let bodies = testing::logs(&mut records).into_iter().filter_map(|log| log.body);
    assert_eq!(bodies.filter(|body| body == "outer").count(), 1);
}
