//! The program against the real servers: what Prometheus stores is what the program counted itself.

#![expect(clippy::float_cmp, reason = "counts are whole numbers")]
#![expect(
    clippy::panic,
    clippy::print_stderr,
    reason = "a test reports by panicking, and shows the program's log"
)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitCode, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use throughline_instruments::mcp::KIT;
use throughline_rig::{
    Case, Counted, DEADLINE, Document, Need, Prometheus, PrometheusConfig, Rig, System, eventually, http, run,
};

fn main() -> ExitCode {
    run(&[
        Case::new(
            "prometheus_stores_what_the_program_counted",
            &[Need::Prometheus, Need::Throughline],
            stores_what_was_counted,
        ),
        Case::new(
            "an_attack_and_an_end_fire_alerts_until_it_runs_again",
            &[Need::Alertmanager, Need::Prometheus, Need::Throughline],
            an_attack_and_an_end,
        ),
        Case::new("names_that_a_stranger_made_up_fill_no_memory", &[], made_up_names_fill_no_memory),
        Case::new("standard_input_and_output_carry_the_protocol", &[], standard_input_and_output),
    ])
}

/// The program, running; killed on drop.
struct Program {
    child: Child,
    output: BufReader<ChildStdout>,
    folder: TempDir,
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", "2000", arguments)
    }

    /// With its metrics there, and no more series of an instrument than this.
    fn start_at(metrics: &str, series: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("haystack.txt"), "needle\n").expect("write a file");
        let log = File::create(folder.path().join("log")).expect("create the log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_mcp-server"))
            .args(["--listen", "127.0.0.1:0", "--metrics", metrics, "--folder"])
            .arg(folder.path())
            .args(arguments)
            .env("THROUGHLINE_METRICS_CARDINALITY_LIMIT", series)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("start the program");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, output, folder }
    }

    fn log(&self) -> String {
        let path: PathBuf = self.folder.path().join("log");
        fs::read_to_string(path).unwrap_or_default()
    }

    /// `host:port` of its metrics.
    fn metrics(&self) -> String {
        let address = || {
            let log = self.log();
            let line = log.lines().find_map(|line| line.strip_prefix("metrics at http://"))?;
            line.strip_suffix("/metrics").map(str::to_owned)
        };
        eventually(DEADLINE, "address of the metrics", address)
    }

    /// The next line that it prints.
    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}\n{}", self.log()))
    }

    fn send(&mut self, message: &Value) {
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{message}").expect("the program reads");
    }

    /// The bytes of its memory that are in use.
    fn memory(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? << 10)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

fn counted(line: &Value) -> Counted {
    Counted::parse(&line.to_string(), "mcp-server").expect("what was counted")
}

fn stores_what_was_counted(rig: &Rig) {
    let mut program = Program::start(&["--for", "4s", "--idle", "2s", "--heartbeat", "300ms", "--linger"]);
    let targets = vec![program.metrics()];
    let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
    let line = program.line();
    let counted = counted(&line);
    for name in MUST_BE_COUNTED {
        assert!(counted.of(name) > 0.0, "{name} in {counted:#?}");
    }
    counted.assert_stored(&prometheus);
    prometheus.assert_stores(KIT.definitions().map(|definition| definition.name));
    let document = include_str!("../../../crates/throughline-cli/tests/lint/mcp_server.md");
    Document::read(document).assert_stored(&prometheus);
    SYSTEM.assert_charted(rig, &prometheus);
    gauges_are_back_at_zero(&prometheus);
    // Who hung up when is the system's business; that somebody did is known.
    let broken = prometheus.value_soon(r#"sum(mcp_connection_errors_total{error_type="connection_reset"})"#);
    assert!(broken > 0.0);
}

const SYSTEM: System = System { name: "mcp-server", naming: &["--path", "scrape"] };

/// Made-up names fill up instruments; a program that has ended cannot be scraped; the one that follows is well.
fn an_attack_and_an_end(rig: &Rig) {
    let (alertmanager, rules) = (rig.alertmanager(), SYSTEM.rules(rig, &["--faster", "200"]));
    let attacked = attacked();
    let address = attacked.metrics();
    let _prometheus = rig.prometheus(PrometheusConfig {
        targets: vec![address.clone()],
        rule_folder: Some(rules.path().to_owned()),
        alertmanagers: vec![alertmanager.address()],
        ..PrometheusConfig::default()
    });
    alertmanager.await_firing("TooManySeries");
    drop(attacked);
    alertmanager.await_firing("TargetDown");
    let _well = Program::start_at(&address, SERIES_MAX, &[]);
    for alert in ["TargetDown", "TooManySeries"] {
        alertmanager.await_resolved(alert);
    }
}

/// What must have happened in a drive, so that equal does not mean that nothing was counted.
const MUST_BE_COUNTED: &[&str] = &[
    "mcp_connections_total",
    "mcp_sessions_created_total",
    "mcp_sessions_evicted_total",
    "mcp_session_heartbeat_checks_total",
    "mcp_session_dead_detected_total",
    "mcp_requests_total",
    "mcp_interceptor_actions_total",
    "mcp_interceptor_errors_total",
    "mcp_pool_connections_created_total",
    "mcp_pool_connections_reused_total",
    "mcp_server_operation_duration_seconds_count",
    "mcp_client_operation_duration_seconds_count",
    "mcp_client_session_duration_seconds_count",
    "mcp_task_spawns_total",
];

fn gauges_are_back_at_zero(prometheus: &Prometheus) {
    for name in [
        "mcp_sessions_active",
        "mcp_pool_connections_idle",
        "mcp_pool_connections_active",
        "mcp_memory_usage_bytes",
    ] {
        prometheus.await_value(&format!("sum({name})"), 0.0);
    }
}

/// Calls over HTTP; the kit's own test makes a million, and has the usual limit.
const ATTACK: &str = "600";

const SERIES_MAX: &str = "100";

fn attacked() -> Program {
    Program::start_at("127.0.0.1:0", SERIES_MAX, &["--attack", ATTACK, "--clients", "1", "--linger"])
}

/// Far less than thousands of series of histograms would take.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

fn made_up_names_fill_no_memory(_rig: &Rig) {
    let mut program = attacked();
    let address = program.metrics();
    let before = program.memory();
    let counted = counted(&program.line());
    let page = http::get(&format!("http://{address}/metrics")).expect("the metrics").body;
    let counts = |line: &&str| line.starts_with("mcp_server_operation_duration_seconds_count{");
    let series: Vec<&str> = page.lines().filter(counts).collect();
    let value =
        |line: &&str| line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).unwrap_or(0.0);
    assert_eq!(series.len(), 101, "the limit, and the rest");
    assert_eq!(
        series.iter().map(value).sum::<f64>(),
        counted.of("mcp_server_operation_duration_seconds_count")
    );
    let rest = series.iter().filter(|line| line.contains("otel_metric_overflow=\"true\"")).map(value);
    assert!(rest.sum::<f64>() > 400.0, "what is beyond the limit is in one series");
    let log = program.log();
    let warnings: Vec<_> = log.lines().filter(|line| line.contains("has reached its limit")).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    if let (Some(before), Some(after)) = (before, program.memory()) {
        assert!(after - before.min(after) < GROWTH_BYTES_MAX, "memory grew from {before} to {after} bytes");
    }
}

fn standard_input_and_output(_rig: &Rig) {
    let mut program = Program::start(&["--stdio"]);
    let client = json!({"name": "test", "version": "1"});
    let parameters = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    program.send(&json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": parameters}));
    assert_eq!(program.line()["result"]["protocolVersion"], "2025-11-25");
    program.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    let call = json!({"name": "read_file", "arguments": {"name": "haystack.txt"}});
    program.send(&json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}));
    assert_eq!(program.line()["result"]["content"][0]["text"], "needle\n");
    let address = program.metrics();
    let page = http::get(&format!("http://{address}/metrics")).expect("the metrics").body;
    let called = page.lines().find(|line| {
        line.starts_with("mcp_server_operation_duration_seconds_count") && line.contains("read_file")
    });
    assert!(called.is_some_and(|line| line.contains(r#"network_transport="pipe""#)), "{page}");
}
