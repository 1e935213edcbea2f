//! What is parsed, and what a collection of this very process says.

use throughline_metrics::MeterProvider;
use throughline_metrics::testing::Snapshot;

use super::proc::{Stat, Status, auxiliary};
use super::*;

/// The name of a program can look like the rest of the line.
const STAT: &str =
    "4242 (a) R 1 (b) S 1 4242 4242 0 -1 4194304 1500 0 7 0 250 50 0 0 20 0 9 0 1000 5000000 300";

#[test]
fn stat_is_parsed_behind_the_name() {
    let stat = Stat::parse(STAT, 100.0).expect("it is parsed");
    assert_eq!((stat.minor_faults, stat.major_faults), (1500, 7));
    assert_eq!((stat.user.to_bits(), stat.system.to_bits()), (2.5_f64.to_bits(), 0.5_f64.to_bits()));
    for cut in ["", "1", "1 (x", "1 (x) S 1 2"] {
        assert_eq!(Stat::parse(cut, 100.0), None, "{cut}");
    }
}

#[test]
fn status_is_parsed_by_its_keys() {
    let status = Status::parse(
        "Name:\tx\nVmSize:\t    2048 kB\nVmRSS:\t 12 kB\nThreads:\t3\nvoluntary_ctxt_switches:\t5\nnonsense\n",
    );
    let expected = Status {
        memory: Some(12 * 1024),
        virtual_memory: Some(2048 * 1024),
        threads: Some(3),
        voluntary: Some(5),
        involuntary: None,
    };
    assert_eq!(status, expected);
}

#[test]
fn the_auxiliary_vector_is_pairs() {
    let vector: Vec<u8> = [6, 4096, 17, 100, 0, 0_usize].iter().flat_map(|word| word.to_ne_bytes()).collect();
    assert_eq!(auxiliary(&vector, 17), Some(100));
    assert_eq!(auxiliary(&vector, 4096), None, "a value is no key");
    assert_eq!(auxiliary(&vector[..20], 17), None, "cut off");
}

#[cfg(target_os = "linux")]
#[test]
fn everything_declared_is_reported_on_linux() {
    let provider = MeterProvider::default();
    observe(&provider.meter("it"));
    let held = std::fs::File::open("/proc/self/stat").expect("it is there");
    let snapshot = Snapshot::of(&provider);
    let mut declared: Vec<_> = KIT.definitions().map(|def| def.name).collect();
    let mut reported = snapshot.names();
    declared.sort_unstable();
    reported.sort_unstable();
    assert_eq!(reported, declared);
    for (name, at_least) in [
        ("process.thread.count", 1.0),
        ("process.unix.file_descriptor.count", 4.0),
        ("process.memory.usage", 100_000.0),
        ("process.uptime", 0.0),
    ] {
        let value = snapshot.sum(name, &());
        assert!(value >= at_least && value < 1e15, "{name} {value}");
    }
    assert!(snapshot.sum("process.memory.virtual", &()) >= snapshot.sum("process.memory.usage", &()));
    drop(held);
}

#[cfg(target_os = "linux")]
#[test]
fn time_spent_computing_is_user_time() {
    let provider = MeterProvider::default();
    observe(&provider.meter("it"));
    let user = || Snapshot::of(&provider).sum("process.cpu.time", &Cpu { mode: CpuMode::User });
    let before = user();
    let mut digest = 0_u64;
    while user() <= before {
        digest = (0..1_000_000).fold(digest, |digest, n| std::hint::black_box(digest.rotate_left(5) ^ n));
    }
}
