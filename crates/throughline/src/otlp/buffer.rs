//! What is decided about the queue and the spool of all signals that are pushed.
//!
//! `enabled.rs` asks once, and applies it to each exporter.

use std::path::PathBuf;
use std::time::Duration;

use throughline_otlp::{OtlpConfig, SpoolConfig};

use super::signal::{Shown, parse_time};
use crate::config::{BufferConfig, QueueFull, TelemetryConfig};
use crate::error::Source;
use crate::settings::Settings;

/// How much is kept, and where.
#[derive(Debug)]
pub(super) struct Buffer {
    queue_bytes_max: usize,
    queue_full: throughline_otlp::QueueFull,
    spool: Option<SpoolConfig>,
}

impl Buffer {
    pub(super) fn decide(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Self {
        let BufferConfig { queue_bytes_max, queue_full, .. } = config.buffer;
        let bytes = settings.decide(
            "queue.max_bytes",
            queue_bytes_max.map(|bytes| ("with_queue_bytes_max", bytes)),
            &["THROUGHLINE_QUEUE_MAX_BYTES"],
            parse_bytes,
            16 << 20,
        );
        let full = settings.decide(
            "queue.full",
            queue_full.map(|full| ("with_queue_full", full)),
            &["THROUGHLINE_QUEUE_FULL"],
            parse_full,
            QueueFull::default(),
        );
        Self {
            queue_bytes_max: usize::try_from(bytes).unwrap_or(usize::MAX),
            queue_full: match full {
                QueueFull::DropOldest => throughline_otlp::QueueFull::DropOldest,
                QueueFull::DropNewest => throughline_otlp::QueueFull::DropNewest,
            },
            spool: spool(&config.buffer, settings),
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
    let variable = settings.variable(&["THROUGHLINE_SPOOL_DIRECTORY"]);
    let (directory, source) = match (&config.spool, variable) {
        (Some(directory), _) => (directory.clone(), Source::Code("with_spool")),
        (None, Some((variable, directory))) => (PathBuf::from(directory), Source::Environment(variable)),
        (None, None) => (PathBuf::new(), Source::Default),
    };
    if directory.as_os_str().is_empty() {
        settings.decided("spool.directory", &"none", source);
        return None;
    }
    settings.decided("spool.directory", &directory.display(), source.clone());
    let max_bytes = settings.decide(
        "spool.max_bytes",
        config.spool_bytes_max.map(|bytes| ("with_spool_bytes_max", bytes)),
        &["THROUGHLINE_SPOOL_MAX_BYTES"],
        parse_bytes,
        256 << 20,
    );
    let max_age = settings.decide(
        "spool.max_age",
        config.spool_age_max.map(|age| ("with_spool_age_max", Shown(age))),
        &["THROUGHLINE_SPOOL_MAX_AGE"],
        parse_time,
        Shown(Duration::from_secs(24 * 3600)),
    );
    let spool = SpoolConfig::new(&directory).with_max_bytes(max_bytes).with_max_age(max_age.0);
    if let Err(problem) = spool.check() {
        settings.problem(source, directory.display().to_string(), problem.to_string());
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
        _ => Err("says nothing that can be done; write drop_oldest or drop_newest".to_owned()),
    }
}
