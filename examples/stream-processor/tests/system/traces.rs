//! The traces that Jaeger has of the program.

use std::collections::HashMap;

use serde_json::Value;
use throughline_rig::{Counted, DEADLINE, Jaeger, eventually};

/// How many messages a result is linked with at most.
const LINKS_MAX: usize = 100;

/// All spans, by their ids.
pub(crate) struct Traces(HashMap<String, Value>);

impl Traces {
    /// Waits for so many spans.
    pub(crate) fn read(jaeger: &Jaeger, count: usize) -> Self {
        let spans = eventually(DEADLINE, "all spans in Jaeger", || {
            let traces = jaeger.get_json("/api/traces?service=stream-processor&limit=100000&lookback=1h");
            let spans = traces.as_array()?.iter().filter_map(|trace| trace["spans"].as_array().cloned());
            let spans: Vec<_> = spans.flatten().collect();
            assert!(spans.len() <= count, "{} spans of {count}", spans.len());
            (spans.len() == count).then_some(spans)
        });
        Self(spans.into_iter().map(|span| (text(&span["spanID"]), span)).collect())
    }

    fn named(&self, names: &[&str]) -> Vec<&Value> {
        let is_named = |span: &&Value| names.iter().any(|name| span["operationName"] == **name);
        self.0.values().filter(is_named).collect()
    }

    /// There are as many of each kind as the program counted.
    pub(crate) fn assert_counted(&self, counted: &Counted) {
        for (names, kind, name) in [
            (&["send events", "send results"][..], "producer", "messaging_client_sent_messages_total"),
            (&["process events", "process results"], "consumer", "messaging_client_consumed_messages_total"),
            (&["aggregate window"], "internal", "processor_window_triggers_total"),
        ] {
            let spans = self.named(names);
            assert_eq!(spans.len() as u64, counted.of(name) as u64, "{names:?}");
            assert!(spans.iter().all(|span| tag(span, "span.kind") == kind), "{names:?}");
        }
    }

    /// Whoever handles a message is in the trace of who sent it, and knows whose it is.
    pub(crate) fn assert_messages_are_followed(&self) {
        for (handled, sent) in [("process events", "send events"), ("process results", "send results")] {
            for span in self.named(&[handled]) {
                let [parent] = &self.references(span, "CHILD_OF")[..] else { panic!("no parent: {span}") };
                assert_eq!((&parent["operationName"], &parent["traceID"]), (&sent.into(), &span["traceID"]));
                assert_eq!(tag(span, "tenant"), tag(parent, "tenant"));
                assert_ne!(tag(span, "tenant"), "", "{span}");
            }
        }
    }

    /// A result is a trace of its own, linked with the messages that it was made of.
    pub(crate) fn assert_results_link_to_their_events(&self) {
        let mut linked = 0;
        for result in self.named(&["aggregate window"]) {
            let inputs = self.references(result, "FOLLOWS_FROM");
            assert!(!inputs.is_empty() && inputs.len() <= LINKS_MAX, "{result}");
            linked += inputs.len();
            for input in inputs {
                assert_eq!(input["operationName"], "process events");
                assert_ne!(input["traceID"], result["traceID"]);
                assert_eq!(tag(input, "tenant"), tag(result, "tenant"));
            }
        }
        let events = |names: &[&str]| {
            let spans = self.named(names).into_iter();
            spans.filter_map(|span| span["logs"].as_array().cloned()).flatten().collect::<Vec<_>>()
        };
        let seen = |event: &str| {
            let all = events(&["process events", "aggregate window"]);
            all.iter().any(|log| log["fields"].as_array().is_some_and(|fields| has(fields, "event", event)))
        };
        assert!(linked > 0 && seen("late") && seen("duplicate") && seen("exception"));
        assert!(seen("too few values for a quantile"));
    }

    fn references(&self, span: &Value, kind: &str) -> Vec<&Value> {
        let references = span["references"].as_array().into_iter().flatten();
        let of_kind = references.filter(|reference| reference["refType"] == kind);
        of_kind.map(|reference| &self.0[reference["spanID"].as_str().expect("an id")]).collect()
    }
}

fn tag(span: &Value, key: &str) -> String {
    let tags = span["tags"].as_array().into_iter().flatten();
    tags.filter(|tag| tag["key"] == key).map(|tag| text(&tag["value"])).collect()
}

fn has(fields: &[Value], key: &str, value: &str) -> bool {
    fields.iter().any(|field| field["key"] == key && field["value"] == value)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
