//! The documents of traces and logs.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use throughline_trace::sampler::Sampler;
use throughline_trace::{KeepErrors, LogLimits, SpanLimits};

use super::export::is_empty;
use super::time::Time;
use crate::config::{
    BatchConfiguration, ConsoleFormat, ExportConfig, LogConfig, SamplingStrategy, TraceConfig,
};

/// How many are pushed at once, and how often.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Batch {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_queue_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_export_batch_size: Option<usize>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "scheduled_delay_ms",
        alias = "schedule_delay",
        alias = "schedule_delay_ms"
    )]
    scheduled_delay: Option<Time>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        alias = "max_export_timeout_ms",
        alias = "export_timeout",
        alias = "export_timeout_ms"
    )]
    max_export_timeout: Option<Time>,
}

impl TryFrom<Batch> for BatchConfiguration {
    type Error = String;

    fn try_from(document: Batch) -> Result<Self, String> {
        Ok(Self {
            max_queue_size: document.max_queue_size,
            max_export_batch_size: document.max_export_batch_size,
            scheduled_delay: document.scheduled_delay.map(|Time(time)| time),
            max_export_timeout: document.max_export_timeout.map(|Time(time)| time),
        })
    }
}

impl TryFrom<&BatchConfiguration> for Batch {
    type Error = String;

    fn try_from(config: &BatchConfiguration) -> Result<Self, String> {
        Ok(Self {
            max_queue_size: config.max_queue_size,
            max_export_batch_size: config.max_export_batch_size,
            scheduled_delay: config.scheduled_delay.map(Time),
            max_export_timeout: config.max_export_timeout.map(Time),
        })
    }
}

fn is_unset(batch: &BatchConfiguration) -> bool {
    *batch == BatchConfiguration::default()
}

/// Which traces are recorded.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sampling {
    #[serde(alias = "AlwaysOn")]
    AlwaysOn,
    #[serde(alias = "AlwaysOff")]
    AlwaysOff,
    #[serde(alias = "TraceIdRatio", alias = "traceidratio")]
    TraceIdRatio { ratio: f64 },
    #[serde(alias = "ParentBased")]
    ParentBased { root: Box<Self> },
    #[serde(alias = "RateLimited")]
    RateLimited { traces_per_second: f64 },
}

impl TryFrom<Sampling> for SamplingStrategy {
    type Error = String;

    fn try_from(sampling: Sampling) -> Result<Self, String> {
        Ok(match sampling {
            Sampling::AlwaysOn => Self::AlwaysOn,
            Sampling::AlwaysOff => Self::AlwaysOff,
            Sampling::TraceIdRatio { ratio } if (0.0..=1.0).contains(&ratio) => Self::TraceIdRatio { ratio },
            Sampling::TraceIdRatio { ratio } => {
                return Err(format!("`ratio` = {ratio} is no share; write 0 to 1"));
            }
            Sampling::ParentBased { root } => Self::ParentBased { root: Box::new(Self::try_from(*root)?) },
            Sampling::RateLimited { traces_per_second } if traces_per_second >= 0.0 => {
                Self::RateLimited { traces_per_second }
            }
            Sampling::RateLimited { traces_per_second } => {
                return Err(format!("`traces_per_second` = {traces_per_second} is no rate; write 0 or more"));
            }
        })
    }
}

impl TryFrom<&SamplingStrategy> for Sampling {
    type Error = String;

    fn try_from(strategy: &SamplingStrategy) -> Result<Self, String> {
        Ok(match strategy {
            SamplingStrategy::AlwaysOn => Self::AlwaysOn,
            SamplingStrategy::AlwaysOff => Self::AlwaysOff,
            SamplingStrategy::TraceIdRatio { ratio } => Self::TraceIdRatio { ratio: *ratio },
            SamplingStrategy::ParentBased { root } => {
                Self::ParentBased { root: Box::new(Self::try_from(&**root)?) }
            }
            SamplingStrategy::RateLimited { traces_per_second } => {
                Self::RateLimited { traces_per_second: *traces_per_second }
            }
        })
    }
}

/// The sampler that is described like this; none when it is the application's own.
fn described(description: &str) -> Option<Sampling> {
    match description {
        "AlwaysOnSampler" => return Some(Sampling::AlwaysOn),
        "AlwaysOffSampler" => return Some(Sampling::AlwaysOff),
        _ => {}
    }
    let (kind, argument) = description.strip_suffix('}')?.split_once('{')?;
    match kind {
        "TraceIdRatioBased" => Some(Sampling::TraceIdRatio { ratio: argument.parse().ok()? }),
        "RateLimited" => Some(Sampling::RateLimited { traces_per_second: argument.parse().ok()? }),
        "ParentBased" => Some(Sampling::ParentBased { root: Box::new(described(argument)?) }),
        _ => None,
    }
}

/// How much a span may carry.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Limits {
    attributes: u32,
    value_bytes: u32,
    events: u32,
    links: u32,
    event_attributes: u32,
    link_attributes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        SpanLimits::default().into()
    }
}

impl From<SpanLimits> for Limits {
    fn from(limits: SpanLimits) -> Self {
        Self {
            attributes: limits.attributes,
            value_bytes: limits.value_bytes,
            events: limits.events,
            links: limits.links,
            event_attributes: limits.attributes_per_event,
            link_attributes: limits.attributes_per_link,
        }
    }
}

impl From<Limits> for SpanLimits {
    fn from(limits: Limits) -> Self {
        Self {
            attributes: limits.attributes,
            value_bytes: limits.value_bytes,
            events: limits.events,
            links: limits.links,
            attributes_per_event: limits.event_attributes,
            attributes_per_link: limits.link_attributes,
        }
    }
}

/// Which sampled-out traces are kept all the same.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keep {
    #[serde(skip_serializing_if = "Option::is_none")]
    slower_than: Option<Time>,
    bytes_max: usize,
    age_max: Time,
}

impl Default for Keep {
    fn default() -> Self {
        KeepErrors::default().into()
    }
}

impl From<KeepErrors> for Keep {
    fn from(keep: KeepErrors) -> Self {
        let KeepErrors { slower_than, bytes_max, age_max } = keep;
        Self { slower_than: slower_than.map(Time), bytes_max, age_max: Time(age_max) }
    }
}

impl From<Keep> for KeepErrors {
    fn from(keep: Keep) -> Self {
        let slower_than: Option<Duration> = keep.slower_than.map(|Time(time)| time);
        Self { slower_than, bytes_max: keep.bytes_max, age_max: keep.age_max.0 }
    }
}

/// What is asked of traces.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Traces {
    #[serde(skip_serializing_if = "is_empty", alias = "export")]
    otlp: ExportConfig,
    #[serde(skip_serializing_if = "is_unset")]
    batch: BatchConfiguration,
    #[serde(skip_serializing_if = "Option::is_none", alias = "sampler")]
    sampling: Option<SamplingStrategy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<Limits>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_errors: Option<Keep>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baggage_attributes: Option<Vec<String>>,
}

impl TryFrom<Traces> for TraceConfig {
    type Error = String;

    fn try_from(document: Traces) -> Result<Self, String> {
        let mut config = Self::new().with_export(document.otlp).with_batch(document.batch);
        config.sampler = document.sampling.map(Sampler::from);
        config.limits = document.limits.map(Into::into);
        config.keep_errors = document.keep_errors.map(Into::into);
        config.baggage = document.baggage_attributes;
        Ok(config)
    }
}

impl TryFrom<&TraceConfig> for Traces {
    type Error = String;

    fn try_from(config: &TraceConfig) -> Result<Self, String> {
        let sampling = config.sampler.as_ref().map(|sampler| {
            let sampling = described(&sampler.to_string());
            sampling.ok_or_else(|| format!("the sampler `{sampler}` is code, and cannot be written"))
        });
        Ok(Self {
            otlp: config.export.clone(),
            batch: config.batch.clone(),
            sampling: sampling.transpose()?.map(SamplingStrategy::try_from).transpose()?,
            limits: config.limits.map(Into::into),
            keep_errors: config.keep_errors.map(Into::into),
            baggage_attributes: config.baggage.clone(),
        })
    }
}

/// What log records look like on standard error.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Console {
    #[serde(alias = "Text")]
    Text,
    #[serde(alias = "Json")]
    Json,
    #[serde(alias = "None")]
    None,
}

/// What is asked of logs.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Logs {
    #[serde(skip_serializing_if = "is_empty", alias = "export")]
    otlp: ExportConfig,
    #[serde(skip_serializing_if = "is_unset")]
    batch: BatchConfiguration,
    #[serde(skip_serializing_if = "Option::is_none", alias = "level")]
    filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "format")]
    console: Option<Console>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limits: Option<OfLogs>,
}

/// How much a log record may carry.
#[derive(Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct OfLogs {
    attributes: u32,
    value_bytes: u32,
}

impl Default for OfLogs {
    fn default() -> Self {
        LogLimits::default().into()
    }
}

impl From<LogLimits> for OfLogs {
    fn from(limits: LogLimits) -> Self {
        Self { attributes: limits.attributes, value_bytes: limits.value_bytes }
    }
}

impl From<OfLogs> for LogLimits {
    fn from(limits: OfLogs) -> Self {
        Self { attributes: limits.attributes, value_bytes: limits.value_bytes }
    }
}

impl TryFrom<Logs> for LogConfig {
    type Error = String;

    fn try_from(document: Logs) -> Result<Self, String> {
        let console = document.console.map(|console| match console {
            Console::Text => ConsoleFormat::Text,
            Console::Json => ConsoleFormat::Json,
            Console::None => ConsoleFormat::None,
        });
        let mut config = Self::new().with_export(document.otlp).with_batch(document.batch);
        (config.filter, config.console) = (document.filter, console);
        config.limits = document.limits.map(Into::into);
        Ok(config)
    }
}

impl TryFrom<&LogConfig> for Logs {
    type Error = String;

    fn try_from(config: &LogConfig) -> Result<Self, String> {
        let console = config.console.map(|console| match console {
            ConsoleFormat::Text => Console::Text,
            ConsoleFormat::Json => Console::Json,
            ConsoleFormat::None => Console::None,
        });
        let (otlp, batch) = (config.export.clone(), config.batch.clone());
        let limits = config.limits.map(Into::into);
        Ok(Self { otlp, batch, filter: config.filter.clone(), console, limits })
    }
}
