//! What Linux says of this process, in `/proc/self`.
//!
//! Asked by the callbacks of `mod.rs`. Files that are not there, or say something else, give `None`.

use std::fs;
use std::path::Path;
use std::sync::{Once, OnceLock};

/// The parts of `/proc/self/stat` that are reported, in seconds and counts.
#[derive(Debug, PartialEq)]
pub(super) struct Stat {
    pub(super) user: f64,
    pub(super) system: f64,
    pub(super) minor_faults: u64,
    pub(super) major_faults: u64,
    /// After the machine was started.
    started: f64,
}

impl Stat {
    pub(super) fn read() -> Option<Self> {
        Self::parse(&fs::read_to_string("/proc/self/stat").ok()?, ticks_per_second()?)
    }

    /// The second field is the program's name in parentheses, which can hold anything, parentheses and spaces too; what
    /// is counted here begins behind the last of them, with field 3.
    pub(super) fn parse(text: &str, ticks_per_second: f64) -> Option<Self> {
        let (_name, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let count = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let time = |number: usize| Some(count(number)? as f64 / ticks_per_second);
        Some(Self {
            minor_faults: count(10)?,
            major_faults: count(12)?,
            user: time(14)?,
            system: time(15)?,
            started: time(22)?,
        })
    }

    /// How long the process has been running; `None` where the machine's uptime is another machine's, as in some
    /// containers.
    pub(super) fn uptime(&self) -> Option<f64> {
        let text = fs::read_to_string("/proc/uptime").ok()?;
        let machine: f64 = text.split_whitespace().next()?.parse().ok()?;
        Some(machine - self.started).filter(|uptime| *uptime >= 0.0)
    }
}

/// The parts of `/proc/self/status` that are reported, memory in bytes. A kernel thread has no memory, and other systems
/// leave lines out.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Status {
    pub(super) memory: Option<u64>,
    pub(super) virtual_memory: Option<u64>,
    pub(super) threads: Option<u64>,
    pub(super) voluntary: Option<u64>,
    pub(super) involuntary: Option<u64>,
}

impl Status {
    pub(super) fn read() -> Option<Self> {
        Some(Self::parse(&fs::read_to_string("/proc/self/status").ok()?))
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut status = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let number = value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
            match key {
                "VmRSS" => status.memory = number.map(|kibibytes| kibibytes * 1024),
                "VmSize" => status.virtual_memory = number.map(|kibibytes| kibibytes * 1024),
                "Threads" => status.threads = number,
                "voluntary_ctxt_switches" => status.voluntary = number,
                "nonvoluntary_ctxt_switches" => status.involuntary = number,
                _ => {}
            }
        }
        status
    }
}

/// How many file descriptors are open.
///
/// Since Linux 6.2 the folder's size says so. Before, its entries are counted, without the one that reading it takes.
pub(super) fn file_descriptors() -> Option<u64> {
    let folder = Path::new("/proc/self/fd");
    let size = folder.metadata().ok()?.len();
    if size > 0 {
        return Some(size);
    }
    let entries = folder.read_dir().ok()?.count() as u64;
    Some(entries.saturating_sub(1))
}

/// The unit of times in `/proc/self/stat`, as the kernel hands it to every program: in the auxiliary vector.
fn ticks_per_second() -> Option<f64> {
    static TICKS: OnceLock<Option<f64>> = OnceLock::new();
    *TICKS.get_or_init(|| {
        let ticks = auxiliary(&fs::read("/proc/self/auxv").ok()?, AT_CLKTCK)?;
        Some(ticks as f64).filter(|ticks| *ticks > 0.0)
    })
}

/// The key of the clock's ticks.
const AT_CLKTCK: usize = 17;

/// The value of a key in an auxiliary vector: pairs of machine words.
pub(super) fn auxiliary(vector: &[u8], key: usize) -> Option<usize> {
    let words = vector.chunks_exact(size_of::<usize>());
    let words: Vec<_> = words.filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?))).collect();
    words.chunks_exact(2).find(|pair| pair.first() == Some(&key))?.get(1).copied()
}

/// Says once what will be missing.
pub(super) fn warn_unless_readable() {
    static SAID: Once = Once::new();
    let readable = [
        ("process.cpu.time and process.paging.faults", Stat::read().is_some()),
        ("process.memory.* and process.thread.count", Status::read().is_some()),
        ("process.unix.file_descriptor.count", file_descriptors().is_some()),
        ("process.uptime", Stat::read().is_some_and(|stat| stat.uptime().is_some())),
    ];
    let missing: Vec<_> = readable.iter().filter(|(_, is_there)| !is_there).map(|(what, _)| *what).collect();
    if !missing.is_empty() {
        SAID.call_once(|| {
            tracing::warn!(target: "throughline", "there will be no {}: /proc/self does not tell", missing.join(", "));
        });
    }
}
