//! Connections between processes: frames as lines of JSON over loopback TCP.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyperactor_telemetry::core::{Clock as _, SystemClock};
use throughline_instruments::actor::{ByError, ByTransport, ChannelError, ChannelMetrics, Transport};

use crate::TALLY;
use crate::envelope::Frame;

/// No message is near as long.
const FRAME_BYTES_MAX: u64 = 1 << 20;

/// One end of a connection.
#[derive(Debug)]
pub(crate) struct Link {
    /// The process at the other end.
    dest: String,
    stream: Mutex<TcpStream>,
    metrics: ChannelMetrics,
}

impl Link {
    pub(crate) fn new(proc: u32, stream: TcpStream, metrics: &ChannelMetrics) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        TALLY.add("channel.connections", 1.0);
        metrics.connections.add(1, &ByTransport { transport: Transport::Tcp });
        Ok(Self { dest: format!("proc-{proc}"), stream: Mutex::new(stream), metrics: metrics.clone() })
    }

    /// Writes a frame, whole.
    pub(crate) fn write(&self, frame: &Frame) -> io::Result<()> {
        let mut line = serde_json::to_vec(frame)?;
        line.push(b'\n');
        let started = SystemClock.now();
        let written = {
            let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
            stream.write_all(&line)
        };
        match &written {
            Ok(()) => self.count(line.len(), SystemClock.now() - started),
            Err(_) => self.fail(ChannelError::Write),
        }
        written
    }

    fn count(&self, bytes: usize, took: Duration) {
        TALLY.add("channel.throughput.bytes", bytes as f64);
        TALLY.add("channel.throughput.messages", 1.0);
        self.metrics.sent(&self.dest, bytes, took);
    }

    fn fail(&self, error_type: ChannelError) {
        TALLY.add("channel.errors", 1.0);
        self.metrics.errors.add(1, &ByError { transport: Transport::Tcp, error_type });
    }

    /// Reads frames until the other end is done, or gone: whether it said so.
    pub(crate) fn read(&self, mut lines: Lines, mut take: impl FnMut(Frame)) -> bool {
        loop {
            match lines.next() {
                Ok(Some(Frame::Drained)) => return true,
                Ok(Some(frame)) => take(frame),
                Ok(None) => return false,
                Err(error) => {
                    let is_malformed = error.kind() == io::ErrorKind::InvalidData;
                    self.fail(if is_malformed { ChannelError::Malformed } else { ChannelError::Read });
                    return false;
                }
            }
        }
    }
}

/// The frames that come in.
#[derive(Debug)]
pub(crate) struct Lines(BufReader<TcpStream>);

impl Lines {
    pub(crate) fn new(stream: &TcpStream) -> io::Result<Self> {
        Ok(Self(BufReader::new(stream.try_clone()?)))
    }

    /// Waits for the next frame; none when the other end has closed.
    pub(crate) fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut line = Vec::new();
        let bytes = (&mut self.0).take(FRAME_BYTES_MAX).read_until(b'\n', &mut line)?;
        if bytes == 0 {
            return Ok(None);
        }
        serde_json::from_slice(&line)
            .map(Some)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}
