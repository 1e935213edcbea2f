//! What the command says and how it ends, without any server.

#[path = "../support/command.rs"]
mod command;
mod lint;
mod migrate;
#[path = "../../src/snippet/throughline.rs"]
#[expect(dead_code, clippy::print_stdout, reason = "it is compiled, to be right when it is printed")]
mod snippet;

use std::process::Stdio;

use command::throughline;

#[test]
fn ends_by_itself() {
    let output = throughline(&["demo", "--for", "3s", "--listen", "127.0.0.1:0"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    for part in
        ["telemetry of `throughline-demo`: scraped at http://127.0.0.1:", "p99 ms", "answered", "flushed:"]
    {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
    let row = said.lines().skip_while(|line| !line.contains("p99 ms")).nth(1).expect("a row");
    let numbers: Vec<f64> =
        row.split_whitespace().map(|n| n.trim_end_matches('%').parse().expect(n)).collect();
    let [requests, rate, p50, p99, ..] = numbers.as_slice() else { panic!("{row}") };
    assert!(*requests > 0.0 && *rate > 0.0 && *p50 > 0.0 && p99 >= p50, "{row}");
}

#[test]
fn it_ends_quietly_when_nobody_reads_on() {
    let mut process = throughline(&["demo", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(process.stdout.take());
    let output = process.wait_with_output().expect("it ends");
    // Its log may have a line or two by then.
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("error:") && !log.contains("panic"), "{output:?}");
}

#[test]
fn a_taken_port_is_an_error_that_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("its address").to_string();
    let output = throughline(&["demo", "--for", "1s", "--listen", &address]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(
        said.contains(&format!("cannot listen on {address}"))
            && said.contains("OTEL_EXPORTER_PROMETHEUS_PORT"),
        "{said}"
    );
}
