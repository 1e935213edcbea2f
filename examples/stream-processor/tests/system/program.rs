//! The program under test, in a process of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;
use throughline_rig::{DEADLINE, eventually};

/// A running stream processor; ended when dropped.
pub(crate) struct Program {
    process: Child,
    output: BufReader<ChildStdout>,
    said: Arc<Mutex<String>>,
    listening: Option<JoinHandle<()>>,
}

impl Program {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_stream-processor"))
            .args(arguments)
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        let mut log = BufReader::new(process.stderr.take().expect("its log"));
        let said = Arc::<Mutex<String>>::default();
        let hearing = Arc::clone(&said);
        let listening = std::thread::spawn(move || {
            let mut line = String::new();
            while log.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                hearing.lock().expect("nobody panics with it").push_str(&line);
                line.clear();
            }
        });
        Self { process, output, said, listening: Some(listening) }
    }

    /// `host:port` of its scrape endpoint, which it says when it starts.
    pub(crate) fn scrape_address(&self) -> String {
        eventually(DEADLINE, "address", || {
            let said = self.said.lock().expect("nobody panics with it");
            let (_, after) = said.split_once("scraped at http://")?;
            Some(after.split_once("/metrics")?.0.to_owned())
        })
    }

    /// What it counted, when all of its load is processed.
    pub(crate) fn counted(&mut self) -> Counted {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("text");
        Counted::parse(&line).unwrap_or_else(|| panic!("`{line}` is no count: {}", self.said()))
    }

    /// Asks it to end, as Ctrl-C does: what it counted in all.
    pub(crate) fn interrupt(mut self) -> Option<Counted> {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-INT", &id]).status().expect("a shell's kill");
        assert!(status.success(), "{status}");
        self.await_end().0
    }

    /// Waits for its end: what it counted, and what it said.
    pub(crate) fn end(mut self) -> (Counted, String) {
        let (counted, said) = self.await_end();
        (counted.unwrap_or_else(|| panic!("it counted nothing: {said}")), said)
    }

    fn await_end(&mut self) -> (Option<Counted>, String) {
        let mut output = String::new();
        self.output.read_to_string(&mut output).expect("text");
        let status = self.process.wait().expect("it ends");
        self.listening.take().map(JoinHandle::join);
        let said = self.said();
        assert!(status.success(), "{status}: {said}");
        (output.lines().last().and_then(Counted::parse), said)
    }

    fn said(&self) -> String {
        self.said.lock().expect("nobody panics with it").clone()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _has_ended = self.process.kill().is_err();
        let _status = self.process.wait();
    }
}

/// Totals by the name as stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted(BTreeMap<String, f64>);

impl Counted {
    fn parse(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        assert_eq!(line["service"], "stream-processor");
        let counted = line["counted"].as_object()?.iter();
        Some(Self(counted.filter_map(|(name, total)| Some((name.clone(), total.as_f64()?))).collect()))
    }

    /// Zero for what did not happen.
    pub(crate) fn of(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// Everything that happened.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, total)| (name.as_str(), *total)).filter(|(_, total)| *total > 0.0)
    }
}
