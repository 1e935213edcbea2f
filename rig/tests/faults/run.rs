//! A case's hold on its subject: start it, have it record, measure, end it, and close the account.

use std::io::{BufRead as _, BufReader, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use throughline_rig::{DEADLINE, eventually};

use crate::backend::{Answer, Backend};
use crate::probe::Costs;
use crate::subject;
use crate::table::{self, Row};

/// Recording under a fault may take this many times as long as without, at the 99th percentile.
const RATIO_MAX: f64 = 2.0;

/// How often that is measured before it is believed: what else the machine does can only add to it, and what a fault costs
/// is there each time.
const ATTEMPTS_MAX: usize = 3;

/// Recording may wait so often in a case with its thousands of calls. It takes no lock of ours, but the allocator has one,
/// which the exporter's thread may hold while a ring takes memory for a new chunk.
const WAITS_MAX: u64 = 3;

/// What the subject may need beyond what it had when it started: the queues of three signals (16 MiB each), the rings of
/// four threads (1 MiB for each signal), and room for what is being encoded and for samples.
const MEMORY_MAX: u64 = (3 * 16 + 4 * 2 + 24) << 20;

/// How long a shutdown may take where that is not what is tested.
const SHUTDOWN_MS: u64 = 20_000;

/// A running subject.
pub(crate) struct Run {
    case: &'static str,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    memory_at_start: Option<u64>,
    /// What recording costs in control and under test.
    costs: Option<Costs>,
    /// Where the control is pushed to.
    _healthy: Backend,
}

/// What became of the items of one signal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) collected: u64,
    pub(crate) exported: u64,
    pub(crate) rejected: u64,
    pub(crate) queued: u64,
    pub(crate) spooled: u64,
    pub(crate) recovered: u64,
    /// By reason, those of the recorder included.
    pub(crate) dropped: Vec<(String, u64)>,
    /// Of those, what no exporter saw.
    dropped_before: u64,
}

/// A subject that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) recorded: u64,
    pub(crate) spans: Account,
    pub(crate) logs: Account,
    pub(crate) points: Account,
    /// What the last export failed with, or the last export of all.
    pub(crate) error: String,
}

impl Run {
    /// Starts a subject with this configuration (`subject.rs` has the keys).
    pub(crate) fn start(case: &'static str, config: Value) -> Self {
        let program = std::env::current_exe().expect("a test binary");
        Self::start_as(case, config, Command::new(program))
    }

    /// As [`start`](Self::start), by this command.
    pub(crate) fn start_as(case: &'static str, mut config: Value, mut command: Command) -> Self {
        let healthy = Backend::answering(Answer::Refuse(200, None));
        config["control"] = json!(healthy.url());
        let command = command.args([subject::ARGUMENT, &config.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the subject");
        let commands = child.stdin.take().expect("a pipe");
        let answers = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut run =
            Self { case, child, commands, answers, memory_at_start: None, costs: None, _healthy: healthy };
        run.memory_at_start = run.status()["memory"].as_u64();
        run
    }

    fn ask(&mut self, command: &str) -> Value {
        writeln!(self.commands, "{command}").expect("the subject listens");
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("the subject answers");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{}: {error}: {line:?}", self.case))
    }

    pub(crate) fn status(&mut self) -> Value {
        self.ask("status")
    }

    /// Records so many spans, log records and measurements.
    pub(crate) fn record(&mut self, times: u64) {
        self.ask(&format!("record {times}"));
    }

    /// Begins to record all the time.
    pub(crate) fn load(&mut self) {
        self.ask("load");
    }

    /// Ends that; how often was recorded by now.
    pub(crate) fn unload(&mut self) -> u64 {
        self.ask("unload")["recorded"].as_u64().unwrap_or(0)
    }

    /// Moves the subject's clock.
    pub(crate) fn step(&mut self, seconds: i64) {
        self.ask(&format!("step {seconds}"));
    }

    /// Measures what recording costs, now.
    pub(crate) fn probe(&mut self) {
        let mut costs = self.measure();
        for _ in 1..ATTEMPTS_MAX {
            if costs.ratio <= RATIO_MAX {
                break;
            }
            let again = self.measure();
            if again.ratio < costs.ratio {
                costs = again;
            }
        }
        self.costs = Some(costs);
    }

    #[track_caller]
    fn measure(&mut self) -> Costs {
        serde_json::from_value(self.ask("probe")).expect("costs")
    }

    /// Waits until the accounts of spans and log records say so.
    #[track_caller]
    pub(crate) fn until(&mut self, what: &str, so: impl Fn(&Account) -> bool) {
        eventually(DEADLINE, what, || {
            let status = self.status();
            ["traces", "logs"].iter().all(|signal| so(&Account::of(&status, signal))).then_some(())
        });
    }

    /// Waits until an export has failed for good, or for now.
    #[track_caller]
    pub(crate) fn until_it_fails(&mut self) {
        eventually(DEADLINE, "a failure", || {
            let status = self.status();
            let failed = |signal: &str| status["status"]["otlp"][signal]["failed_requests"].as_u64();
            ["traces", "logs"].iter().all(|signal| failed(signal) != Some(0)).then_some(())
        });
    }

    /// Records until spans are dropped for this reason.
    #[track_caller]
    pub(crate) fn until_more_is_dropped(&mut self, reason: &str) {
        eventually(DEADLINE, reason, || {
            self.record(1000);
            let status = self.status();
            (Account::of(&status, "traces").dropped_for(reason) > 0).then_some(())
        });
    }

    /// Waits until nothing waits any more.
    #[track_caller]
    pub(crate) fn settle(&mut self) {
        let mut last = Value::Null;
        let settled = catch_unwind(AssertUnwindSafe(|| {
            eventually(DEADLINE, "an empty queue", || {
                last = self.status();
                let recorded = last["recorded"].as_u64();
                let is_settled = |signal: &&str| {
                    let account = Account::of(&last, signal);
                    let seen = account.collected + account.dropped_before;
                    account.queued + account.spooled == 0 && Some(seen) == recorded
                };
                ["traces", "logs"].iter().all(is_settled).then_some(())
            });
        }));
        assert!(settled.is_ok(), "{}: {last:#}", self.case);
    }

    /// Ends the subject without warning; what recording cost in it.
    pub(crate) fn kill(mut self) -> Option<Costs> {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
        self.costs
    }

    /// Takes over what recording cost in the subject before this one.
    pub(crate) fn after(&mut self, costs: Option<Costs>) {
        self.costs = costs;
    }

    /// Records so many, and waits until exporters have taken them over.
    #[track_caller]
    pub(crate) fn record_and_hand_over(&mut self, times: u64) {
        self.record(times);
        eventually(DEADLINE, "an exporter that takes over", || {
            let status = self.status();
            let recorded = status["recorded"].as_u64();
            let signals = ["traces", "logs"].map(|signal| Account::of(&status, signal).collected);
            signals.iter().all(|collected| Some(*collected) >= recorded).then_some(())
        });
    }

    /// What the subject says about the spool of spans.
    pub(crate) fn spool(&mut self) -> Value {
        self.status()["status"]["otlp"]["traces"]["spool"].clone()
    }

    /// Has the subject record spans and series for so long; the ids of the traces.
    pub(crate) fn soak(&mut self, seconds: u64) -> Vec<String> {
        serde_json::from_value(self.ask(&format!("soak {seconds}"))).expect("ids")
    }

    /// Records so many and measures what that costs while the backend does what it does; then waits, and ends.
    #[track_caller]
    pub(crate) fn one_round(mut self, times: u64) -> Ended {
        self.record(times);
        self.probe();
        self.settle_and_finish()
    }

    /// Waits until nothing waits any more, and ends.
    #[track_caller]
    pub(crate) fn settle_and_finish(mut self) -> Ended {
        self.settle();
        self.finish()
    }

    /// Ends with more time than a shutdown needs.
    #[track_caller]
    pub(crate) fn finish(self) -> Ended {
        self.finish_within(SHUTDOWN_MS)
    }

    /// Shuts the subject's telemetry down within this time, closes its account, and puts the case into the table.
    #[track_caller]
    pub(crate) fn finish_within(mut self, within_ms: u64) -> Ended {
        let answer = self.ask(&format!("shutdown {within_ms}"));
        let ended = Ended {
            recorded: answer["recorded"].as_u64().expect("a number"),
            spans: Account::of(&answer, "traces"),
            logs: Account::of(&answer, "logs"),
            points: Account::of(&answer, "metrics"),
            error: error(&answer),
        };
        assert_eq!(answer["timed_out"], false, "{}: {answer}", self.case);
        let seconds = answer["seconds"].as_f64().expect("seconds");
        let memory = answer["memory"].as_u64().zip(self.memory_at_start).map(|(peak, start)| peak - start);
        self.close(&ended, seconds, memory);
        ended
    }

    #[track_caller]
    fn close(&self, ended: &Ended, seconds: f64, memory: Option<u64>) {
        let Ended { recorded, spans, logs, points, .. } = ended;
        for account in [spans, logs].into_iter().filter(|account| **account != Account::default()) {
            assert_eq!(account.total(), recorded + account.recovered, "{}: {account:?}", self.case);
        }
        assert_eq!(points.total(), points.collected + points.recovered, "{}: {points:?}", self.case);
        let costs = self.costs.expect("every case measures");
        table::add(&Row { case: self.case, ended, costs, memory, seconds });
        assert!(costs.waits[1] <= WAITS_MAX, "{}: recording waits: {costs:?}", self.case);
        assert!(costs.ratio <= RATIO_MAX, "{}: recording costs more: {costs:?}", self.case);
        assert!(memory.is_none_or(|memory| memory <= MEMORY_MAX), "{}: {memory:?} bytes", self.case);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Fails only when it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn error(answer: &Value) -> String {
    let signals = answer["status"]["otlp"].as_object().into_iter().flatten();
    let errors = signals.filter_map(|(_, signal)| signal["last_error"]["message"].as_str());
    errors.map(str::to_owned).collect::<Vec<_>>().join("; ")
}

impl Account {
    /// That of a signal, in an answer of the subject.
    pub(crate) fn of(answer: &Value, signal: &str) -> Self {
        let account = &answer["status"]["otlp"][signal];
        if account.is_null() {
            return Self::default();
        }
        let number = |key: &str| account[key].as_u64().unwrap_or(0);
        let by_reason = |dropped: &Value| -> Vec<(String, u64)> {
            let reasons = dropped.as_object().into_iter().flatten();
            let reasons = reasons.filter_map(|(reason, count)| Some((reason.clone(), count.as_u64()?)));
            reasons.filter(|(_, count)| *count > 0).collect()
        };
        let recorder = match signal {
            "traces" => "dropped_spans",
            "logs" => "dropped_log_records",
            _ => "",
        };
        let before = by_reason(&answer["status"]["recorder"][recorder]);
        let dropped_before = before.iter().map(|(_, count)| count).sum();
        Self {
            collected: number("collected"),
            exported: number("exported"),
            rejected: number("rejected"),
            queued: number("queued"),
            spooled: number("spooled"),
            recovered: number("recovered"),
            dropped: by_reason(&account["dropped"]).into_iter().chain(before).collect(),
            dropped_before,
        }
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.iter().map(|(_, count)| count).sum()
    }

    /// What was dropped for this reason.
    pub(crate) fn dropped_for(&self, reason: &str) -> u64 {
        self.dropped.iter().filter(|(name, _)| name == reason).map(|(_, count)| count).sum()
    }

    fn total(&self) -> u64 {
        self.exported + self.rejected + self.queued + self.spooled + self.dropped()
    }
}

impl Ended {
    /// All was delivered, and nothing dropped.
    #[track_caller]
    pub(crate) fn assert_delivered(&self) {
        for account in [&self.spans, &self.logs] {
            assert_eq!((account.dropped(), account.rejected), (0, 0), "{account:?}, {}", self.error);
            assert_eq!(account.exported, self.recorded + account.recovered, "{account:?}");
        }
    }

    /// Nothing was delivered, and all dropped for this reason.
    #[track_caller]
    pub(crate) fn assert_dropped(&self, reason: &str) {
        for account in [&self.spans, &self.logs] {
            assert_eq!(account.dropped_for(reason), self.recorded, "{account:?}, {}", self.error);
        }
    }
}
