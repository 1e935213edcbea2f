//! Channels: the connections on which messages go to other processes.

use std::time::Duration;

use throughline_macros::{AttributeValue, Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram};

use super::MICROS;

/// The instruments of channels.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct ChannelMetrics {
    /// Connections that were made, or taken.
    #[metric(name = "channel.connections")]
    pub connections: Counter<u64, ByTransport>,
    /// Connections that were made again after one was lost.
    #[metric(name = "channel.reconnections")]
    pub reconnections: Counter<u64, ByTransport>,
    /// What went wrong on a connection.
    #[metric(name = "channel.errors")]
    pub errors: Counter<u64, ByError>,
    /// How many bytes a message had that went to another process.
    #[metric(name = "channel.remote_message_send_size", bounds = SIZES)]
    pub send_size: Histogram<f64, ByChannel<'static>>,
    /// Bytes that were sent.
    #[metric(name = "channel.throughput.bytes")]
    pub bytes: Counter<u64, ByChannel<'static>>,
    /// Messages that were sent.
    #[metric(name = "channel.throughput.messages")]
    pub messages: Counter<u64, ByChannel<'static>>,
    /// How long it took to write a message to the connection, in microseconds.
    #[metric(name = "channel.latency.us", bounds = MICROS)]
    pub latency: Histogram<f64, ByChannel<'static>>,
}

/// From a bare envelope to a mebibyte.
const SIZES: &[f64] =
    &[64.0, 128.0, 256.0, 512.0, 1024.0, 2048.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0];

/// What is sent is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByChannel<'a> {
    /// The process at the other end, by a name that does not change with each run.
    pub dest: &'a str,
}

/// What happens to a connection is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByTransport {
    /// What it is made of.
    pub transport: Transport,
}

/// What goes wrong on a connection is counted by.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "a set of attributes, written out where it is recorded")]
pub struct ByError {
    /// What it is made of.
    pub transport: Transport,
    /// What went wrong.
    pub error_type: ChannelError,
}

/// What a connection is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Transport {
    /// TCP.
    Tcp,
    /// A Unix socket.
    Unix,
    /// A pipe.
    Pipe,
    /// A queue within the process.
    Local,
}

/// What goes wrong on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum ChannelError {
    /// It cannot be made.
    Connect,
    /// It broke while something was read.
    Read,
    /// It broke while something was written.
    Write,
    /// What came cannot be understood.
    Malformed,
}

impl ChannelMetrics {
    /// A message of so many bytes was written, which took so long.
    pub fn sent(&self, dest: &str, bytes: usize, took: Duration) {
        let channel = ByChannel { dest };
        self.send_size.record(bytes as f64, &channel);
        self.bytes.add(bytes as u64, &channel);
        self.messages.add(1, &channel);
        self.latency.record(took.as_secs_f64() * 1e6, &channel);
    }
}
