//! The program under test, in processes of its own.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Starts it.
pub(crate) fn start(arguments: &[&str], environment: &[(&str, String)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_actor-mesh"))
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Waits until it ends by itself: what it counted, and what it said.
pub(crate) fn end(program: Child) -> (Counted, String) {
    let ended = program.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{}: {said}", ended.status);
    let output = String::from_utf8_lossy(&ended.stdout).into_owned();
    let counted = output.lines().last().and_then(Counted::parse);
    (counted.unwrap_or_else(|| panic!("it counted nothing: {output}{said}")), said)
}

/// Waits until it says that this worker runs, and kills it without warning.
pub(crate) fn kill_worker(program: &mut Child, number: u32) {
    let said = program.stderr.take().expect("its log");
    let mut lines = BufReader::new(said).lines().map_while(Result::ok);
    let id = lines.find_map(|line| {
        let (_, id) = line.split_once(&format!("worker {number} is process "))?;
        id.split_whitespace().next().map(str::to_owned)
    });
    // It ends when nobody reads what it says.
    std::thread::spawn(move || lines.for_each(drop));
    let status = Command::new("kill").args(["-KILL", &id.expect("an id")]).status();
    assert!(status.expect("a shell's kill").success());
}

/// Totals by the name as stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Counted(BTreeMap<String, f64>);

impl Counted {
    fn parse(line: &str) -> Option<Self> {
        let line: Value = serde_json::from_str(line).ok()?;
        assert_eq!(line["service"], "actor-mesh");
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
