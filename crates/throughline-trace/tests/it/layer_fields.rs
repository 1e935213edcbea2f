//! What fields become: attributes, and what they say of the span itself.

use std::error::Error;
use std::fmt;

use opentelemetry::KeyValue;
use throughline_trace::layer::SpanExt as _;
use throughline_trace::sampler::Sampler;
use throughline_trace::testing::FinishedSpan;
use throughline_trace::{SpanKind, Status};
use tracing::field::display;
use tracing::{Span, info_span};

use crate::support::{Layered, pairs, parent};

fn one(start: impl FnOnce() -> Span) -> FinishedSpan {
    Layered::sampled().one_span(|| drop(start()))
}

#[derive(Debug)]
struct Broken(Option<Box<Self>>);

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "outer" } else { "inner" })
    }
}

impl Error for Broken {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.as_deref().map(|inner| inner as &dyn Error)
    }
}

#[test]
fn fields_keep_their_types() {
    use throughline_core::attribute::ValueRef;
    let mut layered = Layered::sampled();
    layered.within(|| {
        info_span!(
            "a",
            text = "t",
            yes = true,
            signed = -1_i64,
            unsigned = 1_u64,
            huge = u64::MAX,
            wide = i128::MIN,
            float = 0.5,
            debugged = ?Some(1),
            displayed = %"d",
            r#type = "raw",
            dotted.name = 1,
            empty = tracing::field::Empty,
        );
    });
    let mut seen = 0;
    layered.spans.drain(1, |span| {
        seen += 1;
        let wide = i128::MIN.to_string();
        let expected = [
            ("text", ValueRef::Str("t")),
            ("yes", ValueRef::Bool(true)),
            ("signed", ValueRef::I64(-1)),
            ("unsigned", ValueRef::I64(1)),
            ("huge", ValueRef::Str("18446744073709551615")),
            ("wide", ValueRef::Str(&wide)),
            ("float", ValueRef::F64(0.5)),
            ("debugged", ValueRef::Str("Some(1)")),
            ("displayed", ValueRef::Str("d")),
            ("type", ValueRef::Str("raw")),
            ("dotted.name", ValueRef::I64(1)),
        ];
        assert_eq!(span.attributes.iter().collect::<Vec<_>>(), expected);
    });
    assert_eq!(seen, 1);
}

#[test]
fn otel_name_is_the_name() {
    let span = one(|| info_span!("a", otel.name = "GET /", k = 1));
    assert_eq!(span.name, "GET /");
    assert_eq!(span.attributes, pairs(&[("k", "1")]));
    let later = one(|| {
        let span = info_span!("a", otel.name = tracing::field::Empty);
        span.record("otel.name", display("late"));
        span
    });
    assert_eq!((&*later.name, later.attributes.len()), ("late", 0));
}

#[test]
fn otel_kind_is_the_kind() {
    for (text, kind) in [
        ("server", SpanKind::Server),
        ("CLIENT", SpanKind::Client),
        ("Producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
        ("nonsense", SpanKind::Internal),
    ] {
        assert_eq!(one(|| info_span!("a", otel.kind = text)).kind, kind, "{text}");
        assert_eq!(one(|| info_span!("a", otel.kind = %text)).kind, kind, "{text}");
    }
    assert_eq!(one(|| info_span!("a", otel.kind = ?SpanKind::Client)).kind, SpanKind::Client);
}

#[test]
fn the_sampler_sees_fields_and_kind() {
    #[derive(Debug)]
    struct Servers;
    impl throughline_trace::sampler::ShouldSample for Servers {
        fn sample(
            &self,
            span: &throughline_trace::sampler::SamplingInput<'_>,
        ) -> throughline_trace::sampler::Sampling {
            let mut wanted = false;
            span.attributes.each(&mut |key, value| wanted |= key == "k" && value.to_string() == "1");
            throughline_trace::sampler::Sampling::of(
                wanted && *span.kind == SpanKind::Server && span.name == "n",
            )
        }
    }
    let mut layered = Layered::new(Sampler::custom(Servers), |layer| layer);
    layered.within(|| {
        info_span!("a", otel.name = "n", otel.kind = "server", k = 1);
        info_span!("n", otel.kind = "server", k = 2);
        info_span!("n", k = 1);
    });
    assert_eq!(layered.finished().len(), 1);
}

#[test]
fn status_fields_are_the_status() {
    let error = |text: &str| Some((false, text.to_owned()));
    let ok = Some((true, String::new()));
    assert_eq!(one(|| info_span!("a", otel.status_code = "ok")).status, ok);
    assert_eq!(one(|| info_span!("a", otel.status_code = "OK")).status, ok);
    assert_eq!(one(|| info_span!("a", otel.status_code = "Error")).status, error(""));
    assert_eq!(one(|| info_span!("a", otel.status_description = "d")).status, error("d"));
    let both = one(|| info_span!("a", otel.status_description = "d", otel.status_code = "error"));
    assert_eq!((both.status, both.attributes.len()), (error("d"), 0));
    assert_eq!(one(|| info_span!("a", otel.status_code = "what")).status, None);
}

#[test]
fn fields_are_recorded_later() {
    let span = one(|| {
        let span = info_span!("a", k = 1, late = tracing::field::Empty);
        span.record("late", "l");
        span.record("k", 2);
        span.record("unknown", 3);
        span
    });
    assert_eq!(span.attributes, pairs(&[("late", "l"), ("k", "2")]));
}

#[test]
fn an_error_is_an_exception() {
    let error = Broken(Some(Box::new(Broken(None))));
    let early = one(|| info_span!("a", error = &error as &(dyn Error + 'static)));
    let late = one(|| {
        let span = info_span!("a", error = tracing::field::Empty);
        span.record("error", &error as &(dyn Error + 'static));
        span
    });
    for span in [early, late] {
        assert_eq!(span.attributes, pairs(&[("error", "outer")]));
        assert_eq!(span.events.len(), 1);
        assert_eq!(span.events[0].name, "exception");
        let expected = [
            ("exception.type", "Broken"),
            ("exception.message", "outer"),
            ("exception.stacktrace", "caused by: inner\n"),
        ];
        assert_eq!(span.events[0].attributes, pairs(&expected));
    }
}

#[test]
fn what_the_layer_adds_can_be_chosen() {
    let keys = |set: fn(throughline_trace::layer::TelemetryLayerBuilder) -> _| {
        let span = Layered::new(Sampler::default(), set).one_span(|| drop(info_span!("a")));
        span.attributes
    };
    assert_eq!(keys(|layer| layer), pairs(&[]));
    assert_eq!(keys(|layer| layer.with_target(true)), pairs(&[("target", module_path!())]));
    assert_eq!(keys(|layer| layer.with_level(true)), pairs(&[("level", "INFO")]));
    let location = keys(|layer| layer.with_location(true));
    assert_eq!(location[0], ("code.file.path".to_owned(), file!().to_owned()));
    assert_eq!(location[1].0, "code.line.number");
    assert_eq!(location[2], ("code.module.name".to_owned(), module_path!().to_owned()));
    let thread = keys(|layer| layer.with_thread(true));
    assert_eq!(thread[0].0, "thread.id");
    let name = std::thread::current().name().map(str::to_owned).expect("tests have names");
    assert_eq!(thread[1], ("thread.name".to_owned(), name));
}

#[test]
fn the_extension_says_what_tracing_cannot() {
    let other = parent(true, true);
    let span = Layered::sampled().one_span(|| {
        let span = info_span!("a");
        span.set_attribute("k", 1);
        span.set_attribute("k", "again");
        span.add_link(&other);
        span.add_event("happened", &[KeyValue::new("e", 1)]);
        span.record_exception(&Broken(None));
        span.set_status(Status::Ok);
        span.set_status(Status::error("too late"));
    });
    assert_eq!(span.attributes, pairs(&[("k", "again")]));
    assert_eq!((span.links[0].span_id, span.links[0].is_remote), (other.span_id(), true));
    assert_eq!(span.events[0].attributes, pairs(&[("e", "1")]));
    assert_eq!(span.events[1].name, "exception");
    assert_eq!(span.status, Some((true, String::new())));
}

#[test]
fn without_the_layer_the_extension_does_nothing() {
    let span = info_span!("a");
    span.set_attribute("k", 1);
    assert!(!span.set_parent(&opentelemetry::Context::new()));
    let _context = span.context();
}
