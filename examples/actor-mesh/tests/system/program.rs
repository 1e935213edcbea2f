//! The program under test, in processes of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use throughline_rig::Counted;

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
    let counted = Counted::parse(&output, "actor-mesh");
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

/// Ends it as Ctrl-C does.
pub(crate) fn interrupt(program: &Child) {
    let status = Command::new("kill").args(["-INT", &program.id().to_string()]).status();
    assert!(status.expect("a shell's kill").success());
}
