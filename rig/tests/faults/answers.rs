//! Faults in what a backend answers, scripted.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::backend::{Answer, Backend, Taken};
use crate::run::Run;
use throughline_rig::Rig;

/// Two batches and a bit, so that there is more than one request.
const ITEMS: u64 = 1200;

/// With time enough that no request is given up that was taken.
fn start(case: &'static str, backend: &Backend) -> Run {
    Run::start(case, json!({"endpoint": backend.url(), "timeout": 20_000}))
}

/// Every number up to the last one arrived, once.
#[track_caller]
pub(crate) fn assert_once(taken: &Taken, recorded: u64) {
    for arrived in [&taken.spans, &taken.logs] {
        assert!(arrived.values().all(|times| *times == 1), "nothing arrived twice");
        assert!(arrived.keys().copied().eq(0..recorded as i64), "{} of {recorded}", arrived.len());
    }
}

/// Spans and log records wait while the backend answers like this, and arrive when it takes them again.
fn waits_out(case: &'static str, fault: Answer) {
    let backend = Backend::answering(fault);
    let mut run = Run::start(case, json!({"endpoint": backend.url()}));
    run.record(ITEMS);
    run.until_it_fails();
    run.probe();
    backend.answer(Answer::Take);
    let ended = run.settle_and_finish();
    ended.assert_delivered();
    let taken = backend.taken();
    assert_once(&taken, ended.recorded);
    assert_eq!(taken.cumulative, ended.recorded as i64, "the counter");
}

pub(crate) fn hanging(_: &Rig) {
    waits_out("hanging: accepts, never answers", Answer::Hang);
}

pub(crate) fn unavailable(_: &Rig) {
    waits_out("503", Answer::Refuse(503, None));
}

/// A backend that asks to be left alone for a second is left alone for a second.
pub(crate) fn throttled(_: &Rig) {
    let throttle = |asked: crate::backend::Asked| match asked.before {
        0 => Answer::Refuse(429, Some(1)),
        _ => Answer::Take,
    };
    let backend = Backend::scripted(throttle);
    let ended = start("429 with Retry-After", &backend).one_round(ITEMS);
    ended.assert_delivered();
    let taken = backend.taken();
    assert_once(&taken, ended.recorded);
    for (path, times) in &taken.requests {
        let gap = gap(times);
        assert!(gap >= Duration::from_secs(1), "{path} was asked again after {gap:?}");
    }
}

fn gap(times: &[Instant]) -> Duration {
    times[1] - times[0]
}

/// What the backend rejects of a request is counted as such, and not sent again.
pub(crate) fn partial_success(_: &Rig) {
    let backend = Backend::scripted(|asked| match asked.before {
        0 => Answer::Reject(3),
        _ => Answer::Take,
    });
    let ended = start("partial success", &backend).one_round(ITEMS);
    assert_eq!((ended.spans.rejected, ended.logs.rejected), (3, 0));
    assert_eq!(ended.spans.exported, ended.recorded - 3);
    let taken = backend.taken();
    assert!(taken.spans.keys().copied().eq(3..ended.recorded as i64), "all but the first three, once");
}

pub(crate) fn slow(_: &Rig) {
    let backend = Backend::answering(Answer::TakeLate(Duration::from_millis(300)));
    let ended = start("slow answers", &backend).one_round(ITEMS);
    ended.assert_delivered();
    assert_once(&backend.taken(), ended.recorded);
}

/// An answer that is cut off may have been a yes: the request is sent again, so that its items arrive once at least.
pub(crate) fn cut_off(_: &Rig) {
    let backend = Backend::scripted(|asked| match asked.before % 2 {
        0 => Answer::TakeAndCutOff,
        _ => Answer::Take,
    });
    let ended = start("answers cut off in the middle", &backend).one_round(ITEMS);
    ended.assert_delivered();
    let taken = backend.taken();
    for arrived in [&taken.spans, &taken.logs] {
        assert!(arrived.keys().copied().eq(0..ended.recorded as i64), "all of them");
    }
}

/// A request that is too large for the backend is cut until its parts are not.
pub(crate) fn too_large(_: &Rig) {
    let backend = Backend::scripted(|asked| match asked.bytes {
        0..=16_384 => Answer::Take,
        _ => Answer::Refuse(413, None),
    });
    let ended = start("413: too large", &backend).one_round(ITEMS);
    ended.assert_delivered();
    assert_once(&backend.taken(), ended.recorded);
}

/// What is refused for good is dropped, and counted as that.
fn refuses(case: &'static str, status: u16) {
    let backend = Backend::answering(Answer::Refuse(status, None));
    let mut run = start(case, &backend);
    run.record(ITEMS);
    run.until_it_fails();
    run.probe();
    let ended = run.settle_and_finish();
    ended.assert_dropped("refused");
    assert!(ended.error.contains(&status.to_string()), "{}", ended.error);
    assert_eq!(backend.taken().spans.len(), 0);
}

pub(crate) fn not_understood(_: &Rig) {
    refuses("404: no such path", 404);
}

pub(crate) fn unauthorized(_: &Rig) {
    refuses("401: credentials", 401);
}

/// More than the queue holds: the rest is counted, and what is kept arrives.
pub(crate) fn overflow(_: &Rig) {
    let backend = Backend::answering(Answer::Refuse(503, None));
    let config = json!({"endpoint": backend.url(), "padding": 1000, "queue_bytes": 1 << 20, "timeout": 2000});
    let mut run = Run::start("queue overflow", config);
    run.until_more_is_dropped("queue_full");
    run.probe();
    backend.answer(Answer::Take);
    let ended = run.settle_and_finish();
    let taken = backend.taken();
    for (account, arrived) in [(&ended.spans, taken.spans.len()), (&ended.logs, taken.logs.len())] {
        // What is taken when nobody waits for the answer any more may be dropped here all the same.
        let late = account.dropped_for("queue_full");
        assert!((account.exported..=account.exported + late).contains(&(arrived as u64)), "{account:?}");
    }
    assert!(ended.spans.dropped_for("queue_full") > 0);
}

/// The clock goes back an hour, and forth again: nothing is lost, and no number changes.
pub(crate) fn clock_steps(_: &Rig) {
    let backend = Backend::answering(Answer::Take);
    let mut run = start("clock steps back and forth", &backend);
    run.record(ITEMS);
    run.settle();
    run.step(-3600);
    run.record(ITEMS);
    run.probe();
    run.settle();
    run.step(3600);
    run.record(ITEMS);
    let ended = run.settle_and_finish();
    ended.assert_delivered();
    let taken = backend.taken();
    assert_once(&taken, ended.recorded);
    assert_eq!(taken.cumulative, ended.recorded as i64, "the counter");
}
