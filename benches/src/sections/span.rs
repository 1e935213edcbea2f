//! Starting and ending a span.

use super::{Section, run_cases};
use crate::candidates::{fastrace, limit, otel_trace, throughline_trace, tracing};
use crate::harness::{Case, Effort};

pub const SECTION: Section = Section {
    name: "span",
    title: "Spans with three attributes, one thread: ns per span",
    notes: &[
        "On the caller: finished spans are taken away by another thread that does nothing with them, except with the \
         SDK's no-op processor, which drops them at once.",
        "The limit of a sampled span has no context, sampler or limits, and overwrites its own records. That of one that is \
         not sampled reads the current context, decides, draws ids and makes a context.",
        "Made current: fastrace's local spans always are. OpenTelemetry's context, which throughline shares with the SDK, \
         takes an allocation for it.",
        "fastrace has attributes of strings alone; its children are local spans, in traces of 100 spans.",
        "Through `tracing`: the span is entered, too. tracing-opentelemetry hands its spans to the SDK with a no-op \
         processor; both layers add what they add unless told otherwise.",
        "To the exporter: the same thread records the spans and takes them out, looking at every field.",
    ],
    run: |effort: Effort, random| run_cases(CASES, effort, random),
};

pub const CASES: &[fn() -> Case] = &[
    root_sampled,
    child_sampled,
    child_entered,
    root_unsampled,
    child_unsampled,
    root_whole,
    child_whole,
    tracing_child_sampled,
    tracing_root_unsampled,
    tracing_child_unsampled,
];

fn root_sampled() -> Case {
    let [no_op, batch] = otel_trace::root_sampled();
    Case::new(
        SECTION.name,
        "root, sampled, on the caller",
        vec![
            limit::span::sampled(),
            throughline_trace::root_sampled(),
            fastrace::root_sampled(),
            no_op,
            batch,
        ],
    )
}

fn child_sampled() -> Case {
    let [no_op, batch] = otel_trace::child_sampled();
    Case::new(
        SECTION.name,
        "child, sampled, on the caller",
        vec![
            limit::span::sampled(),
            throughline_trace::child_sampled(),
            tracing::otel_child_sampled(),
            fastrace::child_sampled(),
            no_op,
            batch,
        ],
    )
}

fn child_entered() -> Case {
    Case::new(
        SECTION.name,
        "child, sampled and made current, on the caller",
        vec![
            limit::span::sampled(),
            throughline_trace::child_entered(),
            fastrace::child_sampled(),
            otel_trace::child_entered(),
        ],
    )
}

fn root_unsampled() -> Case {
    Case::new(
        SECTION.name,
        "root, not sampled",
        vec![
            limit::span::unsampled_root(),
            throughline_trace::root_unsampled(),
            fastrace::root_unsampled(),
            otel_trace::root_unsampled(),
        ],
    )
}

fn child_unsampled() -> Case {
    Case::new(
        SECTION.name,
        "child, parent not sampled",
        vec![
            limit::span::unsampled_child(),
            throughline_trace::child_unsampled(),
            fastrace::child_unsampled(),
            otel_trace::child_unsampled(),
        ],
    )
}

fn root_whole() -> Case {
    Case::new(
        SECTION.name,
        "root, to the exporter",
        vec![limit::span::sampled(), throughline_trace::root_whole()],
    )
}

fn child_whole() -> Case {
    Case::new(
        SECTION.name,
        "child, to the exporter",
        vec![limit::span::sampled(), throughline_trace::child_whole()],
    )
}

fn tracing_child_sampled() -> Case {
    Case::new(
        SECTION.name,
        "tracing, child, sampled, on the caller",
        vec![
            limit::span::sampled(),
            tracing::registry(),
            tracing::child_sampled(),
            tracing::child_sampled_bare(),
            tracing::peer_child_sampled(),
            tracing::peer_child_sampled_bare(),
        ],
    )
}

fn tracing_root_unsampled() -> Case {
    Case::new(
        SECTION.name,
        "tracing, root, not sampled",
        vec![
            limit::span::unsampled_root(),
            tracing::registry(),
            tracing::root_unsampled(),
            tracing::peer_root_unsampled(),
        ],
    )
}

fn tracing_child_unsampled() -> Case {
    Case::new(
        SECTION.name,
        "tracing, child, parent not sampled",
        vec![
            limit::span::unsampled_child(),
            tracing::registry(),
            tracing::child_unsampled(),
            tracing::peer_child_unsampled(),
        ],
    )
}
