//! Spans without a tracer are the global provider's, from the moment there is one. The only test of its process.

use throughline_trace::{SpanBuilder, StaticTracer, TracerProvider, global, install_global, testing};

static TRACER: StaticTracer = StaticTracer::new("shop");

#[test]
fn spans_find_the_global_provider_once_there_is_one() {
    SpanBuilder::new("early").start().end();
    TRACER.span("early").start().end();
    let provider = TracerProvider::default();
    let mut reader = provider.reader().unwrap();
    assert!(global().is_none());
    install_global(provider).unwrap();
    assert!(install_global(TracerProvider::default()).is_err());
    SpanBuilder::new("late").with_attribute("n", 1).start().end();
    TRACER.span("static").start().end();
    let seen: Vec<_> = testing::spans(&mut reader).into_iter().map(|span| (span.name, span.scope)).collect();
    assert_eq!(
        seen,
        [("late", ""), ("static", "shop")].map(|(name, scope)| (name.to_owned(), scope.to_owned()))
    );
}
