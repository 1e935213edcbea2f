//! The kit, as its users see it: what was recorded, whatever way things ended.
#![expect(clippy::float_cmp, reason = "small integers are exact in floats")]

use std::collections::BTreeSet;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::trace::TraceContextExt as _;
use throughline_core::KeyValue;
use throughline_metrics::testing::Snapshot;
use throughline_metrics::{MeterProvider, exemplar::ExemplarFilter};
use throughline_trace::testing::{FinishedSpan, spans};
use throughline_trace::{SpanReader, TracerProvider};

use super::*;

/// A provider's API, and what is recorded of its calls.
struct Fixture {
    meters: MeterProvider,
    reader: SpanReader,
    api: GenAi,
}

impl Fixture {
    fn new() -> Self {
        let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
        let reader = tracers.reader().expect("the first reader");
        let api = GenAi::new(&meters.meter("it"), tracers.tracer("it"), "gcp.gemini")
            .with_server("api.test", 443)
            .with_llm_metrics()
            .with_prices(PriceTable::new("USD").with("flash", Price::new(1.0, 4.0)));
        Self { meters, reader, api }
    }

    fn flash(&self) -> Model {
        self.api.model(Operation::GenerateContent, "flash")
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.meters)
    }

    fn span(&mut self) -> FinishedSpan {
        let mut spans = spans(&mut self.reader);
        assert_eq!(spans.len(), 1, "{spans:?}");
        spans.remove(0)
    }
}

fn asked() -> [KeyValue; 2] {
    [KeyValue::new("provider", "gcp.gemini"), KeyValue::new("model", "flash")]
}

fn conventional(more: &[KeyValue]) -> Vec<KeyValue> {
    let mut attributes = vec![
        KeyValue::new("gen_ai.operation.name", "generate_content"),
        KeyValue::new("gen_ai.provider.name", "gcp.gemini"),
        KeyValue::new("gen_ai.request.model", "flash"),
        KeyValue::new("server.address", "api.test"),
        KeyValue::new("server.port", 443),
    ];
    attributes.extend_from_slice(more);
    attributes
}

fn attribute<'a>(span: &'a FinishedSpan, key: &str) -> Option<&'a str> {
    span.attributes.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

#[test]
fn a_call_that_goes_well_is_counted_timed_and_paid_for() {
    let mut fixture = Fixture::new();
    let mut call = fixture.flash().call();
    call.tokens(1, 1);
    call.tokens(1_000_000, 500_000);
    call.response(Some("flash-001"), Some("r-1"));
    call.finish_reason("STOP");
    call.finish();

    let snapshot = fixture.snapshot();
    assert_eq!(snapshot.histogram("gen_ai.client.operation.duration", &conventional(&[])).count, 1);
    for (kind, tokens) in [("input", 1e6), ("output", 5e5)] {
        let of = conventional(&[KeyValue::new("gen_ai.token.type", kind)]);
        assert_eq!(snapshot.histogram("gen_ai.client.token.usage", &of).sum, tokens);
    }
    for (name, value) in [
        ("llm.requests", 1.0),
        ("llm.tokens", 1.5e6),
        ("llm.tokens.prompt", 1e6),
        ("llm.tokens.completion", 5e5),
    ] {
        assert_eq!(snapshot.sum(name, &asked()), value, "{name}");
    }
    assert_eq!(snapshot.histogram("llm.duration", &asked()).count, 1);
    let [provider, model] = asked();
    assert_eq!(snapshot.sum("llm.cost", &[provider, model, KeyValue::new("currency", "USD")]), 3.0);
    assert!(!snapshot.names().contains(&"llm.errors"));
    assert!(!snapshot.names().contains(&"gen_ai.client.operation.time_to_first_chunk"));

    let span = fixture.span();
    assert_eq!(
        (span.name.as_str(), &span.kind),
        ("generate_content flash", &throughline_trace::SpanKind::Client)
    );
    assert_eq!(span.status, None);
    for (key, value) in [
        ("gen_ai.operation.name", "generate_content"),
        ("gen_ai.provider.name", "gcp.gemini"),
        ("gen_ai.request.model", "flash"),
        ("server.address", "api.test"),
        ("server.port", "443"),
        ("gen_ai.usage.input_tokens", "1000000"),
        ("gen_ai.usage.output_tokens", "500000"),
        ("gen_ai.response.model", "flash-001"),
        ("gen_ai.response.id", "r-1"),
        ("gen_ai.response.finish_reasons", "[\"STOP\"]"),
    ] {
        assert_eq!(attribute(&span, key), Some(value), "{key}");
    }
    assert_eq!(attribute(&span, "error.type"), None);
    assert_eq!(attribute(&span, "gen_ai.request.stream"), None);
}

#[test]
fn a_streamed_answer_is_timed_piece_by_piece() {
    let mut fixture = Fixture::new();
    let mut call = fixture.flash().stream();
    call.first_token();
    call.first_token();
    (0..3).for_each(|_| call.chunk());
    call.tokens(7, 20);
    call.finish();

    let snapshot = fixture.snapshot();
    let of = conventional(&[]);
    assert_eq!(snapshot.histogram("gen_ai.client.operation.time_to_first_chunk", &of).count, 1);
    assert_eq!(snapshot.histogram("gen_ai.client.operation.time_per_output_chunk", &of).count, 3);
    let rate = snapshot.histogram("llm.tokens.rate", &asked());
    assert!(rate.count == 1 && rate.sum > 0.0);
    let span = fixture.span();
    assert_eq!(attribute(&span, "gen_ai.request.stream"), Some("true"));
    assert!(attribute(&span, "gen_ai.response.time_to_first_chunk").is_some());
}

#[test]
fn whatever_way_a_call_ends_it_is_recorded_once_with_the_reason() {
    let fail =
        |model: &Model| model.call().fail(&io::Error::new(io::ErrorKind::TimedOut, "no answer in 3 s"));
    let cancel = |model: &Model| drop(model.call());
    let panic = |model: &Model| {
        let panics = || {
            let _call = model.call();
            std::panic::resume_unwind(Box::new("as a panic would, without its message"));
        };
        assert!(catch_unwind(AssertUnwindSafe(panics)).is_err());
    };
    type Way = (fn(&Model), &'static str, &'static str);
    let ways: [Way; 3] = [
        (fail, "timeout", "no answer in 3 s"),
        (cancel, "cancelled", "nobody waited for the end"),
        (panic, "panic", "the thread panicked"),
    ];
    for (end, error, status) in ways {
        let mut fixture = Fixture::new();
        end(&fixture.flash());
        let snapshot = fixture.snapshot();
        let of = conventional(&[KeyValue::new("error.type", error)]);
        assert_eq!(snapshot.histogram("gen_ai.client.operation.duration", &of).count, 1, "{error}");
        assert_eq!(snapshot.sum("llm.requests", &asked()), 1.0, "{error}");
        assert_eq!(snapshot.histogram("llm.duration", &asked()).count, 1, "{error}");
        let [provider, model] = asked();
        let failed = [provider, model, KeyValue::new("error_type", error)];
        assert_eq!(snapshot.sum("llm.errors", &failed), 1.0, "{error}");
        let span = fixture.span();
        assert_eq!(span.status, Some((false, status.to_owned())));
        assert_eq!(attribute(&span, "error.type"), Some(error));
    }
}

#[test]
fn what_was_said_is_recorded_only_when_asked_for() {
    for is_on in [false, true] {
        let mut fixture = Fixture::new();
        fixture.api = fixture.api.with_content(is_on);
        let mut call = fixture.flash().call();
        call.input(&[Message::system("be brief"), Message::user("my \"secret\"")]);
        call.output(&[Message::assistant("Oh.")]);
        call.finish();
        let span = fixture.span();
        let input = attribute(&span, "gen_ai.input.messages");
        assert_eq!(input.is_some(), is_on);
        assert_eq!(attribute(&span, "gen_ai.output.messages").is_some(), is_on);
        if let Some(input) = input {
            let input: serde_json::Value = serde_json::from_str(input).expect("it is JSON");
            assert_eq!(input[1]["role"], "user");
            assert_eq!(
                input[1]["parts"][0],
                serde_json::json!({ "type": "text", "content": "my \"secret\"" })
            );
        }
    }
}

#[test]
fn a_program_that_wants_the_conventions_alone_gets_nothing_else() {
    let (meters, tracers) = (MeterProvider::default(), TracerProvider::default());
    let api = GenAi::new(&meters.meter("it"), tracers.tracer("it"), "openai");
    let mut call = api.model(Operation::Chat, "large").call();
    call.tokens(1, 2);
    call.finish();
    let snapshot = Snapshot::of(&meters);
    assert_eq!(snapshot.names(), ["gen_ai.client.operation.duration", "gen_ai.client.token.usage"]);
}

#[test]
fn the_duration_of_a_call_carries_its_span() {
    let meters = MeterProvider::builder().with_exemplar_filter(ExemplarFilter::TraceBased).build();
    let tracers = TracerProvider::default();
    let call =
        GenAi::new(&meters.meter("it"), tracers.tracer("it"), "openai").model(Operation::Chat, "m").call();
    let context = call.context();
    call.finish();
    let snapshot = Snapshot::of(&meters);
    let (_, metric) = snapshot.metric("gen_ai.client.operation.duration");
    let shown = format!("{:?}", metric.data);
    let id = context.span().span_context().span_id().to_bytes();
    assert!(shown.contains(&format!("{id:?}")), "{id:?} in {shown}");
}

#[test]
fn a_bot_counts_waits_and_remembers_when_it_went_well() {
    let meters = MeterProvider::default();
    let bots = Bots::new(&meters.meter("it"));
    let (bot, other) = (bots.bot("poster"), bots.bot("reader"));
    let of = [KeyValue::new("bot_type", "poster")];
    let since = || Snapshot::of(&meters).gauge("bot.time_since_success", &of);

    let waiting = [bot.enqueue(), bots.bot("poster").enqueue(), other.enqueue()];
    assert_eq!(Snapshot::of(&meters).gauge("bot.queue_depth", &of), 2.0);
    drop(waiting);
    assert_eq!(Snapshot::of(&meters).gauge("bot.queue_depth", &of), 0.0);

    let before = since();
    drop(bot.execute());
    assert!(since() > before, "a failure changes nothing, and time goes on");
    bot.execute().succeed();
    // Seen together, so that it does not matter how long it takes to look.
    let snapshot = Snapshot::of(&meters);
    let stuck = snapshot.gauge("bot.time_since_success", &[KeyValue::new("bot_type", "reader")]);
    assert!(snapshot.gauge("bot.time_since_success", &of) < stuck);

    let snapshot = Snapshot::of(&meters);
    assert_eq!(snapshot.sum("bot.executions", &of), 2.0);
    assert_eq!(snapshot.sum("bot.failures", &of), 1.0);
    assert_eq!(snapshot.histogram("bot.duration", &of).count, 2);
}

#[test]
fn types_of_bots_are_bounded() {
    let meters = MeterProvider::default();
    let bots = Bots::new(&meters.meter("it"));
    let waiting: Vec<_> = (0..10_000).map(|number| bots.bot(&format!("bot-{number}")).enqueue()).collect();
    let snapshot = Snapshot::of(&meters);
    let others = snapshot.gauge("bot.queue_depth", &[KeyValue::new("bot_type", "_OTHER")]);
    assert!(others > 9_000.0, "{others}");
    drop(waiting);
    let _known = bots.bot("bot-0").enqueue();
    assert_eq!(Snapshot::of(&meters).gauge("bot.queue_depth", &[KeyValue::new("bot_type", "bot-0")]), 1.0);
}

#[test]
fn a_narrative_counts_its_ends_its_acts_and_its_json() {
    let meters = MeterProvider::default();
    let narrative = Narrative::new(&meters.meter("it"), "greeting");
    let tell = |answer: &str| -> Result<u8, std::num::ParseIntError> {
        let execution = narrative.execute();
        drop(execution.act("draft"));
        let parsed = execution.parsed(answer.parse())?;
        drop(execution.act("polish"));
        execution.succeed();
        Ok(parsed)
    };
    assert_eq!([tell("1").is_ok(), tell("2").is_ok(), tell("x").is_ok()], [true, true, false]);

    let snapshot = Snapshot::of(&meters);
    let of = KeyValue::new("narrative_name", "greeting");
    for (success, count) in [(true, 2), (false, 1)] {
        let ended = [of.clone(), KeyValue::new("success", success)];
        assert_eq!(snapshot.sum("narrative.executions", &ended), f64::from(count));
        assert_eq!(snapshot.histogram("narrative.duration", &ended).count, count as u64);
    }
    assert_eq!(snapshot.sum("narrative.json.success", std::slice::from_ref(&of)), 2.0);
    assert_eq!(snapshot.sum("narrative.json.failures", &[of]), 1.0);
    for (act, count) in [("draft", 3), ("polish", 2)] {
        assert_eq!(
            snapshot.histogram("narrative.act.duration", &[KeyValue::new("act_name", act)]).count,
            count
        );
    }
}

#[test]
fn a_pipeline_counts_what_comes_through_and_times_everything() {
    let meters = MeterProvider::default();
    let pipeline = Pipeline::new(&meters.meter("it"));
    for (stage, passes) in [(Stage::Generation, 3), (Stage::Curation, 2), (Stage::Publication, 1)] {
        (0..3).for_each(|item| {
            let stage = pipeline.enter(stage);
            if item < passes {
                stage.pass();
            }
        });
    }
    let snapshot = Snapshot::of(&meters);
    for (name, stage, count) in [
        ("pipeline.generated", "generation", 3.0),
        ("pipeline.curated", "curation", 2.0),
        ("pipeline.published", "publication", 1.0),
    ] {
        assert_eq!(snapshot.sum(name, &()), count, "{name}");
        assert_eq!(snapshot.histogram("pipeline.stage.latency", &[KeyValue::new("stage", stage)]).count, 3);
    }
}

#[test]
fn the_kit_says_all_that_it_records() {
    let names: BTreeSet<_> = KIT.definitions().map(|definition| definition.name).collect();
    assert_eq!(names.len(), KIT.definitions().count(), "each once");
    for name in [
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_per_output_chunk",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
        "llm.cost",
        "llm.requests",
        "llm.errors",
        "llm.duration",
        "llm.tokens",
        "llm.tokens.prompt",
        "llm.tokens.completion",
        "llm.tokens.rate",
        "bot.executions",
        "bot.failures",
        "bot.duration",
        "bot.queue_depth",
        "bot.time_since_success",
        "narrative.executions",
        "narrative.duration",
        "narrative.act.duration",
        "narrative.json.success",
        "narrative.json.failures",
        "pipeline.generated",
        "pipeline.curated",
        "pipeline.published",
        "pipeline.stage.latency",
    ] {
        assert!(names.contains(name), "{name}");
    }
    for definition in KIT.definitions() {
        assert!(!definition.description.is_empty(), "{}", definition.name);
    }
}
