//! The spool: what outlives an outage, the exporter, and the process.

use std::fs;
use std::path::{Path, PathBuf};

use super::records::{span_config, start as start_spans, tens, unavailable};
use super::*;
use crate::batch::BatchConfiguration;
use crate::config::QueueFull;
use crate::spool::SpoolConfig;
use crate::status::SpoolState;

struct Directory(tempfile::TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    fn spool(&self) -> SpoolConfig {
        SpoolConfig::new(self.path())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("spool")
    }

    fn files(&self) -> Vec<String> {
        let files = fs::read_dir(self.path()).expect("the spool's directory");
        let name = |file: fs::DirEntry| file.file_name().into_string().expect("a plain name");
        let mut names: Vec<_> = files.map(|file| name(file.expect("readable"))).collect();
        names.sort();
        names
    }

    /// What a process that is killed now leaves: the files as they are, seen by another one.
    fn as_after_a_crash(&self) -> Self {
        let copy = Self::new();
        fs::create_dir(copy.path()).expect("a directory");
        for file in self.files() {
            fs::copy(self.path().join(&file), copy.path().join(&file)).expect("copied");
        }
        copy
    }
}

fn spooling(directory: &Directory) -> OtlpConfig {
    span_config().with_spool(directory.spool())
}

fn down() -> Vec<Answer> {
    vec![Answer::Refuse; 100]
}

#[tokio::test(start_paused = true)]
async fn what_was_not_delivered_is_delivered_by_the_next_process() {
    let directory = Directory::new();
    let traced = start_spans(spooling(&directory), &tens(), down());
    traced.record(0..25);
    let failed = traced.rig.flush().await;
    assert_eq!((failed.delivered_items, failed.undelivered_items, failed.spooled_items), (0, 0, 25));
    assert_eq!(traced.rig.status().spool, SpoolState::Working);
    traced.record(25..30);
    let (last, status) = traced.rig.shutdown(seconds(1)).await;
    assert_eq!((last.undelivered_items, last.spooled_items), (0, 30));
    assert_eq!((status.spooled_items, status.dropped_items.total()), (30, 0));

    let next = start_spans(spooling(&directory), &tens(), []);
    next.record(30..31);
    let report = next.rig.flush().await;
    assert_eq!((report.undelivered_items, report.spooled_items), (0, 0));
    assert_eq!(next.received().concat(), (0..31).collect::<Vec<_>>(), "oldest first");
    let status = next.rig.status();
    assert_eq!((status.recovered_items, status.exported_items, status.spooled_bytes), (30, 31, 0));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_receiver_that_is_away_when_all_is_on_disk() {
    let directory = Directory::new();
    let config = spooling(&directory).with_retry(RetryPolicy::default());
    let traced = start_spans(config, &tens(), down());
    traced.record(0..25);
    let before = Instant::now();
    let (last, _) = traced.rig.shutdown(seconds(5)).await;
    assert_eq!((last.undelivered_items, last.spooled_items), (0, 25));
    assert!(before.elapsed() < seconds(1), "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_crash_loses_nothing_that_was_taken_and_repeats_nothing_that_was_settled() {
    let directory = Directory::new();
    let traced = start_spans(spooling(&directory), &tens(), [Answer::Hang]);
    traced.record(0..25);
    let report = traced.rig.ask_flush().await;
    while traced.received().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let in_flight = directory.as_after_a_crash();
    assert_eq!(report.await.expect("a report").undelivered_items, 0);
    traced.rig.flush().await;
    let delivered = directory.as_after_a_crash();

    let next = start_spans(spooling(&in_flight), &tens(), []);
    next.rig.flush().await;
    assert_eq!(next.received().concat(), (0..25).collect::<Vec<_>>());
    let next = start_spans(spooling(&delivered), &tens(), []);
    next.rig.flush().await;
    assert_eq!(next.rig.status().recovered_items, 0);
    assert!(next.received().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_a_request_is_on_its_way_goes_to_disk() {
    let directory = Directory::new();
    let batch = BatchConfiguration::spans().with_max_export_batch_size(64);
    let traced = start_spans(spooling(&directory), &batch, [Answer::Hang]);
    traced.record(0..64);
    while traced.received().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    traced.record(64..192);
    sleep(Duration::from_millis(10)).await;
    let status = traced.rig.status();
    assert_eq!((status.collected_items, status.spooled_items, status.exported_items), (192, 192, 0));
    traced.record(192..193);
    sleep(seconds(5)).await;
    assert_eq!(traced.rig.status().collected_items, 193, "and when the delay is over");
}

#[tokio::test(start_paused = true)]
async fn more_than_is_loaded_at_once_arrives_in_order() {
    let directory = Directory::new();
    let traced = start_spans(spooling(&directory), &tens(), down());
    traced.record(0..505);
    traced.rig.flush().await;
    assert_eq!(traced.rig.status().spooled_items, 505);
    traced.rig.collector.clear_script();
    assert_eq!(traced.rig.flush().await.delivered_items, 505);
    assert_eq!(traced.received().concat(), (0..505).collect::<Vec<_>>());
    assert_eq!(traced.rig.status().spooled_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn every_collection_of_cumulative_metrics_arrives() {
    let directory = Directory::new();
    let config = config().with_retry(RetryPolicy::disabled()).with_spool(directory.spool());
    let rig = start(config, Source::new(CUMULATIVE), vec![Answer::Refuse; 3]);
    for _ in 0..3 {
        rig.flush().await;
    }
    rig.flush().await;
    assert_eq!(rig.collector.values(), [1, 2, 3, 4], "an outage leaves no hole");
    assert_eq!(rig.status().dropped_items.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_spool_is_bounded_in_bytes() {
    for (full, kept) in [(QueueFull::DropOldest, 10..30), (QueueFull::DropNewest, 0..20)] {
        let directory = Directory::new();
        // A request of ten spans takes a page.
        let spool = directory.spool().with_max_bytes(2 * 4096);
        let config = span_config().with_spool(spool).with_queue_full(full);
        let traced = start_spans(config, &tens(), down());
        traced.record(0..30);
        let failed = traced.rig.flush().await;
        assert_eq!((failed.undelivered_items, failed.spooled_items), (10, 20), "{full}");
        let status = traced.rig.status();
        assert_eq!((status.dropped_items.spool_full, status.spooled_bytes), (10, 2 * 4096), "{full}");
        traced.rig.collector.clear_script();
        traced.rig.flush().await;
        assert_eq!(traced.received().concat(), kept.collect::<Vec<_>>(), "{full}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_spool_is_bounded_in_age() {
    let directory = Directory::new();
    let config = span_config().with_spool(directory.spool().with_max_age(seconds(60)));
    let traced = start_spans(config.clone(), &tens(), down());
    traced.record(0..20);
    let (last, _) = traced.rig.shutdown(seconds(1)).await;
    assert_eq!(last.spooled_items, 20);
    // The next process's clock stands at the same time; two minutes later the first ones are too old.
    let next = start_spans(config, &tens(), down());
    while next.rig.status().recovered_items == 0 {
        sleep(Duration::from_millis(1)).await;
    }
    next.rig.clock.advance(seconds(120));
    next.rig.collector.clear_script();
    let report = next.rig.flush().await;
    let status = next.rig.status();
    assert_eq!(report.delivered_items + status.dropped_items.spool_expired, 20, "{status:?}");
}

#[tokio::test(start_paused = true)]
async fn one_process_has_it_and_the_other_waits_for_it() {
    let directory = Directory::new();
    let first = start_spans(spooling(&directory), &tens(), down());
    first.record(0..5);
    first.rig.flush().await;
    let second = start_spans(spooling(&directory), &tens(), [Answer::Refuse, Answer::Refuse]);
    second.record(100..105);
    assert_eq!(second.rig.flush().await.undelivered_items, 5);
    let status = second.rig.status();
    assert_eq!((status.spool, status.queued_items), (SpoolState::Unavailable, 5));
    let problem = status.spool_problem.expect("a problem");
    assert!(
        problem.ends_with("traces.redb is held by another process: give each its own directory"),
        "{problem}"
    );
    first.rig.shutdown(seconds(1)).await;
    sleep(seconds(20)).await;
    second.rig.flush().await;
    let status = second.rig.status();
    assert_eq!((status.spool, status.recovered_items), (SpoolState::Working, 5));
    let mut received = second.received().concat();
    received.sort_unstable();
    assert_eq!(received, [0, 1, 2, 3, 4, 100, 101, 102, 103, 104]);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_set_aside() {
    let directory = Directory::new();
    for damage in [damage_all as fn(&Path), cut_off, write_over] {
        let traced = start_spans(spooling(&directory), &tens(), down());
        traced.record(0..15);
        traced.rig.shutdown(seconds(1)).await;
        damage(&directory.path().join("traces.redb"));
        let next = start_spans(spooling(&directory), &tens(), []);
        next.record(15..20);
        assert_eq!(next.rig.flush().await, report(5, 0));
        let status = next.rig.status();
        assert_eq!((status.spool, status.recovered_items), (SpoolState::Working, 0));
        next.rig.shutdown(seconds(1)).await;
    }
    let files = directory.files();
    assert_eq!(files.len(), 3, "a few are kept: {files:?}");
    assert!(files[1].starts_with("traces.redb.corrupt-"), "{files:?}");
}

fn damage_all(path: &Path) {
    fs::write(path, "not a database").expect("written");
}

fn cut_off(path: &Path) {
    let file = fs::OpenOptions::new().write(true).open(path).expect("the file");
    file.set_len(5000).expect("cut");
}

fn write_over(path: &Path) {
    let mut bytes = fs::read(path).expect("the file");
    bytes[64..4096].fill(0x55);
    fs::write(path, bytes).expect("written");
}

#[tokio::test(start_paused = true)]
async fn a_spool_that_cannot_be_made_is_tried_again() {
    let directory = Directory::new();
    fs::write(directory.path(), "in the way").expect("written");
    let config = span_config().with_spool(SpoolConfig::new(directory.path().join("below")));
    let traced = start_spans(config, &tens(), [Answer::Refuse, Answer::Refuse]);
    traced.record(0..5);
    assert_eq!(traced.rig.flush().await.undelivered_items, 5);
    let status = traced.rig.status();
    assert_eq!((status.spool, status.queued_items, status.spool_failures), (SpoolState::Unavailable, 5, 1));
    fs::remove_file(directory.path()).expect("removed");
    sleep(seconds(11)).await;
    traced.rig.flush().await;
    assert_eq!(traced.rig.status().spool, SpoolState::Working);
    assert_eq!(traced.rig.status().exported_items, 5);
}

#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = Directory::new();
    let traced = start_spans(spooling(&directory), &tens(), []);
    traced.rig.flush().await;
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&directory.path()), 0o700);
    assert_eq!(mode(&directory.path().join("traces.redb")), 0o600);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_cut_in_two_leaves_the_spool_when_both_have_ended() {
    let directory = Directory::new();
    let answers = [answer("413 Payload Too Large", "", b""), ok(), Answer::Refuse];
    let traced = start_spans(spooling(&directory), &tens(), answers);
    traced.record(0..10);
    let halfway = traced.rig.flush().await;
    assert_eq!((halfway.delivered_items, halfway.spooled_items), (5, 5));
    traced.rig.flush().await;
    let status = traced.rig.status();
    assert_eq!((status.exported_items, status.spooled_items, status.spooled_bytes), (10, 0, 0));
}

#[test]
fn what_is_no_directory_is_refused() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let error = SpoolConfig::new(file.path()).check().expect_err("a file").to_string();
    assert!(error.ends_with("is not a directory: name one, or one that can be made"), "{error}");
}

fn any_answer() -> impl Strategy<Value = Answer> {
    prop::sample::select(vec![
        ok(),
        Answer::Refuse,
        Answer::Close,
        unavailable(),
        answer("400 Bad Request", "", b""),
        answer("413 Payload Too Large", "", b""),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_span_is_accounted_for_over_restarts(
        processes in prop::collection::vec(
            (prop::collection::vec(any_answer(), 0..10), prop::collection::vec(0..40_usize, 1..5)), 1..4),
        pages in 1..8_u64,
        full in prop::sample::select(vec![QueueFull::DropOldest, QueueFull::DropNewest]),
    ) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let directory = Directory::new();
            let spool = directory.spool().with_max_bytes(pages * 4096);
            let config = span_config().with_spool(spool).with_queue_full(full);
            let mut spooled = 0;
            for (answers, steps) in processes {
                let traced = start_spans(config.clone(), &tens(), answers);
                let mut recorded = 0;
                for spans in steps {
                    traced.record(recorded..recorded + spans);
                    recorded += spans;
                    traced.rig.flush().await;
                    traced.rig.status();
                }
                let (last, status) = traced.rig.shutdown(seconds(1)).await;
                assert_eq!(status.collected_items, recorded as u64);
                assert_eq!(status.recovered_items, spooled);
                assert_eq!((status.queued_items, status.dropped_items.shutdown), (0, 0));
                assert_eq!(last.spooled_items, status.spooled_items);
                spooled = status.spooled_items;
            }
        });
    }
}
