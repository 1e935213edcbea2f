//! The traces that Jaeger has of the mesh.

use std::collections::HashMap;

use serde_json::Value;
use throughline_rig::{Counted, DEADLINE, Jaeger, eventually};

/// There are as many spans as the program counted; whoever handles a message is in the trace of whoever posted it, in
/// another process too.
pub(crate) fn assert_counted(jaeger: &Jaeger, counted: &Counted) {
    let (posts, handled) =
        (counted.of("mailbox.posts") as usize, counted.of("actor.messages_received") as usize);
    let traces = eventually(DEADLINE, "all spans in Jaeger", || {
        let traces = jaeger.get_json("/api/traces?service=monarch&limit=100000&lookback=1h");
        let traces = traces.as_array()?.clone();
        let count: usize = traces.iter().map(|trace| spans(trace).count()).sum();
        assert!(count <= posts + handled, "{count} spans of {posts} posts and {handled} messages handled");
        (count == posts + handled).then_some(traces)
    });
    let named = |name: &str| {
        let all = traces.iter().flat_map(spans);
        all.filter(|span| span["operationName"] == name).count()
    };
    assert_eq!((named("post"), named("handle")), (posts, handled));
    let mut across = 0;
    for trace in &traces {
        let by_id: HashMap<_, _> = spans(trace).map(|span| (span["spanID"].to_string(), span)).collect();
        for handle in spans(trace).filter(|span| span["operationName"] == "handle") {
            let parent = by_id[&handle["references"][0]["spanID"].to_string()];
            assert_eq!(parent["operationName"], "post");
            across += usize::from(parent["processID"] != handle["processID"]);
        }
    }
    assert!(across > 0, "no trace leads from process to process");
}

fn spans(trace: &Value) -> impl Iterator<Item = &Value> {
    trace["spans"].as_array().into_iter().flatten()
}
