//! The program under test, in a process of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use throughline_rig::{Counted, DEADLINE, eventually};

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
        parse(&line).unwrap_or_else(|| panic!("`{line}` is no count: {}", self.said()))
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
        (parse(&output), said)
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

fn parse(output: &str) -> Option<Counted> {
    Counted::parse(output, "stream-processor")
}
