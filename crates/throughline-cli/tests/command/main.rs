//! What the command says and how it ends, without any server.

mod cardinality;
#[path = "../support/command.rs"]
mod command;
mod conventions;
mod doctor;
mod generate;
mod lint;
mod migrate;
mod names;
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

#[test]
fn config_explain_says_where_every_value_comes_from() {
    let explain = |arguments: &[&str]| {
        let arguments: Vec<_> = ["config", "explain"].iter().chain(arguments).copied().collect();
        let mut command = throughline(&arguments);
        command
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:hunter2@collector:4318")
            .env("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://one:4318/v1/metrics")
            .env("OTEL_EXPORTER_OTLP_HEADERS", "authorization=hunter2")
            .env("OTEL_SERVCE_NAME", "shop");
        command
    };
    let output = explain(&["--service", "shop"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !said.contains("hunter2"), "{said}");
    for part in [
        "SETTING",
        "`TelemetryConfig::new` in code",
        "http://one:4318/v1/metrics",
        "http://…@collector:4318  ",
        "OTEL_EXPORTER_OTLP_ENDPOINT (overridden)",
        "authorization=…",
        "did you mean OTEL_SERVICE_NAME?",
    ] {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }

    let output =
        explain(&["--format", "json"]).env("OTEL_BSP_SCHEDULE_DELAY", "soon").output().expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let settings = json["settings"].as_array().expect("a list");
    let endpoint =
        settings.iter().find(|setting| setting["name"] == "metrics.otlp.endpoint").expect("it is pushed");
    assert_eq!(endpoint["source"], "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    assert_eq!(endpoint["overrode"][0]["source"], "OTEL_EXPORTER_OTLP_ENDPOINT");
    assert!(json["error"].as_str().expect("a problem").contains("OTEL_BSP_SCHEDULE_DELAY = `soon`"));
}

#[test]
fn the_console_has_the_format_that_the_environment_asks_for() {
    let output = throughline(&["config", "explain"]).env("THROUGHLINE_LOG_FORMAT", "json").output();
    let said = String::from_utf8_lossy(&output.expect("it runs").stdout).into_owned();
    assert!(
        said.lines().any(|line| line.starts_with("logs.console") && line.ends_with("THROUGHLINE_LOG_FORMAT")),
        "{said}"
    );
}

#[test]
fn the_console_exporter_writes_where_and_as_the_environment_says() {
    let demo = |format: &str| {
        let mut command = throughline(&["demo", "--for", "1s", "--listen", "127.0.0.1:0", "--requests", "1"]);
        command.env("OTEL_METRICS_EXPORTER", "prometheus,console").env("THROUGHLINE_CONSOLE_FORMAT", format);
        command
    };
    let output = demo("text").env("NO_COLOR", "1").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("metrics of throughline-demo at ") && !said.contains('\x1b'), "{said}");

    let output = demo("json").env("THROUGHLINE_CONSOLE_STREAM", "stderr").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let point = said.lines().find(|line| line.starts_with('{')).expect("a line of JSON");
    let point: serde_json::Value = serde_json::from_str(point).expect("it is JSON");
    assert_eq!(point["resource"]["attributes"][0]["value"]["stringValue"], "throughline-demo");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("metrics of"));
}
