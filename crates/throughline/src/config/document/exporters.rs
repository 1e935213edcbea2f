//! The documents of what all exporters share, and of those that do not push: buffer, scrape endpoint, console.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::export::one_of;
use super::time::Time;
use crate::config::{BufferConfig, QueueFull, ScrapeSecurity, SecretSource};
use crate::console::{ConsoleConfig, ConsoleOutput, ConsoleStream};

/// The scrape endpoint. Secrets are written as they were given: better give files.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Prometheus {
    /// Whether there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) endpoint: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "bind")]
    pub(super) address: Option<SocketAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) translation_strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) scope_labels: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bearer_token_file: Option<PathBuf>,
}

/// The certificate of the scrape endpoint.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tls {
    certificate: PathBuf,
    key: PathBuf,
}

impl Prometheus {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What keeps the endpoint private.
    pub(super) fn of(security: &ScrapeSecurity) -> Self {
        let ScrapeSecurity { tls, basic, bearer } = security;
        let (username, secret) = basic.clone().unzip();
        let (password, password_file) = parts(secret);
        let (bearer_token, bearer_token_file) = parts(bearer.clone());
        let tls = tls.clone().map(|(certificate, key)| Tls { certificate, key });
        Self { tls, username, password, password_file, bearer_token, bearer_token_file, ..Self::default() }
    }

    pub(super) fn security(&self) -> Result<ScrapeSecurity, String> {
        let password = secret(
            self.password.as_deref(),
            self.password_file.as_deref(),
            "`password` and `password_file`",
        )?;
        let basic = match (&self.username, password) {
            (Some(username), Some(password)) => Some((username.clone(), password)),
            (None, None) => None,
            _ => return Err("`username` and a password go together; write both, or neither".to_owned()),
        };
        let names = "`bearer_token` and `bearer_token_file`";
        let bearer = secret(self.bearer_token.as_deref(), self.bearer_token_file.as_deref(), names)?;
        let tls = self.tls.clone().map(|Tls { certificate, key }| (certificate, key));
        Ok(ScrapeSecurity { tls, basic, bearer })
    }
}

/// What keeps back what cannot be pushed yet: the queue.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Queue {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    full: Option<Full>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Full {
    DropOldest,
    DropNewest,
}

/// … and the spool.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Spool {
    #[serde(skip_serializing_if = "Option::is_none")]
    directory: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<Time>,
}

/// The documents of what keeps back what cannot be pushed yet.
pub(super) fn of_buffer(config: &BufferConfig) -> (Queue, Spool) {
    let full = config.queue_full.map(|full| match full {
        QueueFull::DropOldest => Full::DropOldest,
        QueueFull::DropNewest => Full::DropNewest,
    });
    let spool = Spool {
        directory: config.spool.clone(),
        max_bytes: config.spool_bytes_max,
        max_age: config.spool_age_max.map(Time),
    };
    (Queue { max_bytes: config.queue_bytes_max, full }, spool)
}

pub(super) fn buffer(queue: &Queue, spool: Spool) -> BufferConfig {
    BufferConfig {
        queue_bytes_max: queue.max_bytes,
        queue_full: queue.full.map(|full| match full {
            Full::DropOldest => QueueFull::DropOldest,
            Full::DropNewest => QueueFull::DropNewest,
        }),
        spool: spool.directory,
        spool_bytes_max: spool.max_bytes,
        spool_age_max: spool.max_age.map(|Time(age)| age),
    }
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Spool {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What goes to the console, and what it looks like there.
#[derive(Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Console {
    #[serde(skip_serializing_if = "is_false")]
    metrics: bool,
    #[serde(skip_serializing_if = "is_false")]
    traces: bool,
    #[serde(skip_serializing_if = "is_false")]
    logs: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<Stream>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stream {
    Stdout,
    Stderr,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Text,
    Json,
}

impl Console {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<&ConsoleConfig> for Console {
    fn from(config: &ConsoleConfig) -> Self {
        let ConsoleConfig { metrics, traces, logs, stream, output, writer: _ } = config;
        let stream = stream.map(|stream| match stream {
            ConsoleStream::Stdout => Stream::Stdout,
            ConsoleStream::Stderr => Stream::Stderr,
        });
        let format = output.map(|output| match output {
            ConsoleOutput::Text => Format::Text,
            ConsoleOutput::Json => Format::Json,
        });
        Self { metrics: *metrics, traces: *traces, logs: *logs, stream, format }
    }
}

impl From<Console> for ConsoleConfig {
    fn from(document: Console) -> Self {
        let Console { metrics, traces, logs, stream, format } = document;
        let stream = stream.map(|stream| match stream {
            Stream::Stdout => ConsoleStream::Stdout,
            Stream::Stderr => ConsoleStream::Stderr,
        });
        let output = format.map(|format| match format {
            Format::Text => ConsoleOutput::Text,
            Format::Json => ConsoleOutput::Json,
        });
        Self { metrics, traces, logs, stream, output, writer: None }
    }
}

/// What serde asks for a field that need not be written.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it over like this")]
fn is_false(value: &bool) -> bool {
    !value
}

fn parts(secret: Option<SecretSource>) -> (Option<String>, Option<PathBuf>) {
    match secret {
        Some(SecretSource::Text(text)) => (Some(text), None),
        Some(SecretSource::File(path)) => (None, Some(path)),
        None => (None, None),
    }
}

fn secret(text: Option<&str>, file: Option<&Path>, names: &str) -> Result<Option<SecretSource>, String> {
    let text = text.map(|text| SecretSource::Text(text.to_owned()));
    one_of(text, file.map(|path| SecretSource::File(path.to_owned())), names)
}
