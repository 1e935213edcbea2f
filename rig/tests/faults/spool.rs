//! Faults with a spool on disk: nothing of what an exporter took over is lost, whatever happens to backend, process or disk.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use throughline_rig::{DEADLINE, Rig, eventually};

use crate::answers::assert_once;
use crate::backend::{Answer, Backend};
use crate::run::Run;

const ITEMS: u64 = 1200;

/// Far beyond what the first subject records.
const SECOND: i64 = 1_000_000;

fn config(backend: &Backend, spool: &Path) -> Value {
    json!({"endpoint": backend.url(), "spool": spool, "queue_items": 512})
}

/// An outage much longer than memory has room for.
pub(crate) fn outlasts_the_queue(_: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Backend::answering(Answer::Refuse(503, None));
    let mut run = Run::start("spool: long outage", config(&backend, folder.path()));
    for _ in 0..10 {
        run.record_and_hand_over(ITEMS);
    }
    run.probe();
    run.record_and_hand_over(0);
    backend.answer(Answer::Take);
    let ended = run.settle_and_finish();
    ended.assert_delivered();
    let taken = backend.taken();
    assert_once(&taken, ended.recorded);
    assert_eq!(taken.cumulative, ended.recorded as i64, "the counter");
}

/// `kill -9` in the middle of recording and of an outage: the next process delivers what the exporters had taken over.
pub(crate) fn killed(_: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Backend::answering(Answer::Refuse(503, None));
    let mut run = Run::start("spool: kill -9 under load", config(&backend, folder.path()));
    run.probe();
    run.load();
    run.until("a thousand on disk", |account| account.spooled >= 1000);
    let status = run.status();
    let spooled = |signal: &str| status["status"]["otlp"][signal]["spooled"].as_u64().expect("a number");
    let at_least = [spooled("traces"), spooled("logs")];
    let costs = run.kill();

    backend.answer(Answer::Take);
    let mut config = config(&backend, folder.path());
    config["first"] = json!(SECOND);
    let mut run = Run::start("spool: kill -9 under load", config);
    run.after(costs);
    run.record(ITEMS);
    let ended = run.settle_and_finish();
    ended.assert_delivered();
    let taken = backend.taken();
    for (arrived, at_least) in [&taken.spans, &taken.logs].into_iter().zip(at_least) {
        let first: Vec<i64> = arrived.range(..SECOND).map(|(number, _)| *number).collect();
        assert!(first.len() as u64 >= at_least, "{} of {at_least}", first.len());
        assert!(first.iter().copied().eq(0..first.len() as i64), "without a gap");
        assert_eq!(arrived.range(SECOND..).count() as u64, ITEMS);
    }
}

/// The process ends in an outage: the next one delivers.
pub(crate) fn outage_over_a_restart(_: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Backend::answering(Answer::Refuse(503, None));
    let mut run = Run::start("spool: ended in an outage", config(&backend, folder.path()));
    run.record_and_hand_over(ITEMS);
    run.probe();
    let ended = run.finish_within(5000);
    for account in [&ended.spans, &ended.logs] {
        assert_eq!((account.spooled, account.dropped()), (ended.recorded, 0), "{account:?}");
    }

    backend.answer(Answer::Take);
    let mut config = config(&backend, folder.path());
    config["first"] = json!(SECOND);
    let mut run = Run::start("spool: the next process", config);
    run.probe();
    let next = run.settle_and_finish();
    next.assert_delivered();
    assert_eq!(next.spans.recovered, ended.recorded);
    let taken = backend.taken();
    assert!(taken.spans.range(..SECOND).map(|(number, _)| *number).eq(0..ended.recorded as i64));
}

/// The disk cannot be written: memory does it, and the status says so.
fn works_from_memory(run: &mut Run, backend: &Backend) {
    run.record_and_hand_over(200);
    run.until_it_fails();
    run.probe();
    let spool = run.spool();
    assert_eq!(spool["state"], "unavailable", "{spool}");
    assert!(spool["problem"].as_str().is_some_and(|problem| !problem.is_empty()), "{spool}");
    backend.answer(Answer::Take);
    run.settle();
}

pub(crate) fn read_only(_: &Rig) {
    let backend = Backend::answering(Answer::Refuse(503, None));
    // Nobody can write there, not even the superuser.
    let config = json!({"endpoint": backend.url(), "spool": "/proc/throughline"});
    let mut run = Run::start("spool: directory cannot be written", config);
    works_from_memory(&mut run, &backend);
    let ended = run.finish();
    ended.assert_delivered();
    assert_once(&backend.taken(), ended.recorded);
}

/// Files cannot grow beyond two megabytes, as on a disk that is full by then.
pub(crate) fn disk_full(_: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    let backend = Backend::answering(Answer::Refuse(503, None));
    let config = json!({"endpoint": backend.url(), "spool": folder.path()});
    let mut command = Command::new("sh");
    let limited = "ulimit -f 4096; trap '' XFSZ; exec \"$0\" \"$@\"";
    command.args(["-c", limited]).arg(std::env::current_exe().expect("a test binary"));
    let mut run = Run::start_as("spool: disk full", config, command);
    eventually(DEADLINE, "a full disk", || {
        run.record_and_hand_over(ITEMS);
        (run.spool()["state"] == "unavailable").then_some(())
    });
    works_from_memory(&mut run, &backend);
    let ended = run.finish();
    ended.assert_delivered();
    assert_once(&backend.taken(), ended.recorded);
}

/// A file that is no spool is put aside.
pub(crate) fn corrupted(_: &Rig) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("traces.redb"), "this is no spool".repeat(1000))
        .expect("a writable folder");
    let backend = Backend::answering(Answer::Take);
    let mut run = Run::start("spool: corrupted file", config(&backend, folder.path()));
    run.record(ITEMS);
    run.probe();
    run.settle();
    assert_eq!(run.spool()["state"], "working");
    let ended = run.finish();
    ended.assert_delivered();
    let files = std::fs::read_dir(folder.path()).expect("the folder");
    let names: Vec<_> = files.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect();
    assert!(names.iter().any(|name| name.starts_with("traces.redb.corrupt-")), "{names:?}");
}
