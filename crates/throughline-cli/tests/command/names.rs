//! `throughline names`, and what `send` and `load` say without a receiver.

use std::process::Output;

use super::command::throughline;

fn run(arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = throughline(arguments).output().expect("the command starts");
    let text = String::from_utf8([stdout, stderr].concat()).expect("text");
    (status.code().expect("it ended"), text)
}

#[test]
fn an_instrument_has_a_name_under_each_strategy() {
    let (status, said) =
        run(&["names", "http.server.request.duration", "--kind", "histogram", "--unit", "s"]);
    assert_eq!(status, 0, "{said}");
    for name in [
        "  http_server_request_duration_seconds{_bucket,_sum,_count}",
        "  http_server_request_duration{_bucket,_sum,_count}",
        "  http.server.request.duration_seconds{_bucket,_sum,_count}",
        "  http.server.request.duration{_bucket,_sum,_count}",
    ] {
        assert_eq!(said.matches(name).count(), 1, "{name} in {said}");
    }
}

#[test]
fn a_collision_is_found() {
    let (status, said) = run(&["names", "orders.placed", "orders_placed", "--strategy", "NoTranslation"]);
    assert_eq!(status, 0, "{said}");
    let (status, said) = run(&["names", "orders.placed", "orders_placed"]);
    assert_eq!(status, 1, "{said}");
    assert!(
        said.contains("collision under UnderscoreEscapingWithSuffixes: orders.placed and orders_placed are all stored as orders_placed_total"),
        "{said}"
    );
}

#[test]
fn the_kits_have_no_collision() {
    let (status, said) = run(&["names", "--format", "json"]);
    assert_eq!(status, 0, "{said}");
    let all: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    let requests = all.as_array().expect("a list").iter().find(|one| one["name"] == "mcp.requests.total");
    let stored = requests.map(|one| one["stored"]["UnderscoreEscapingWithSuffixes"].clone());
    assert_eq!(stored, Some("mcp_requests_total".into()), "no suffix is doubled");
}

#[test]
fn sending_nowhere_is_an_error_that_says_how() {
    for command in ["send", "load"] {
        let (status, said) = run(&[command]);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("--endpoint http://localhost:4318"), "{said}");
    }
    let (status, said) = run(&["send", "--endpoint", "http://127.0.0.1:9", "--timeout", "1s"]);
    assert_eq!(status, 1, "{said}");
    assert!(said.contains("not delivered") && said.contains("http://127.0.0.1:9"), "{said}");
}
