//! What is decided about the queue and the spool of all signals that are pushed.
//!
//! `enabled.rs` asks once, and applies it to each exporter.

use std::fmt;
use std::path::PathBuf;

use throughline_otlp::{OtlpConfig, SpoolConfig};

use crate::config::{BufferConfig, QueueFull};
use crate::settings::parse::{Shown, count, time};
use crate::settings::{Settings, catalogue};

/// How much is kept, and where.
#[derive(Debug)]
pub(super) struct Buffer {
    queue_bytes_max: usize,
    queue_full: throughline_otlp::QueueFull,
    spool: Option<SpoolConfig>,
}

impl Buffer {
    pub(super) fn decide(config: &BufferConfig, settings: &mut Settings<'_>) -> Self {
        let bytes = config.queue_bytes_max.map(|bytes| ("with_queue_bytes_max", bytes));
        let full = config.queue_full.map(|full| ("with_queue_full", full));
        Self {
            queue_bytes_max: settings.decide(&catalogue::QUEUE_BYTES, bytes, count),
            queue_full: match settings.decide(&catalogue::QUEUE_FULL, full, parse_full) {
                QueueFull::DropOldest => throughline_otlp::QueueFull::DropOldest,
                QueueFull::DropNewest => throughline_otlp::QueueFull::DropNewest,
            },
            spool: spool(config, settings),
        }
    }

    pub(super) fn apply(&self, config: OtlpConfig) -> OtlpConfig {
        let config = config.with_queue_bytes_max(self.queue_bytes_max).with_queue_full(self.queue_full);
        match &self.spool {
            Some(spool) => config.with_spool(spool.clone()),
            None => config,
        }
    }
}

fn spool(config: &BufferConfig, settings: &mut Settings<'_>) -> Option<SpoolConfig> {
    let directory = config.spool.clone().map(|directory| ("with_spool", Directory(directory)));
    let parse = |directory: &str| Ok(Directory(directory.into()));
    let directory = settings.choose(&catalogue::SPOOL_DIRECTORY, directory, parse)?;
    let source = settings.last_source();
    let bytes = config.spool_bytes_max.map(|bytes| ("with_spool_bytes_max", bytes));
    let age = config.spool_age_max.map(|age| ("with_spool_age_max", Shown(age)));
    let spool = SpoolConfig::new(&directory.0)
        .with_max_bytes(settings.decide(&catalogue::SPOOL_BYTES, bytes, parse_bytes))
        .with_max_age(settings.decide(&catalogue::SPOOL_AGE, age, time).0);
    if let Err(problem) = spool.check() {
        let definition = &catalogue::SPOOL_DIRECTORY;
        settings.problem_of(definition, source, directory.to_string(), problem.to_string());
    }
    Some(spool)
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_not_a_number| "is no number of bytes; write a whole number".to_owned())
}

fn parse_full(text: &str) -> Result<QueueFull, String> {
    match text {
        "drop_oldest" => Ok(QueueFull::DropOldest),
        "drop_newest" => Ok(QueueFull::DropNewest),
        _ => Err("is nothing that can be done; write drop_oldest or drop_newest".to_owned()),
    }
}

struct Directory(PathBuf);

impl fmt::Display for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
