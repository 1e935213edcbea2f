//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use example_support::Length;

/// An MCP server and its client, scraped by Prometheus
#[derive(Debug, clap::Parser)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) length: Length,
    /// Serve MCP there, at /mcp; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000")]
    pub(crate) listen: SocketAddr,
    /// Serve MCP on standard input and output in place of HTTP
    #[arg(long, conflicts_with_all = ["length", "attack"])]
    pub(crate) stdio: bool,
    /// Serve metrics there, at /metrics; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9464")]
    pub(crate) metrics: SocketAddr,
    /// The folder whose files the tools may read
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
    /// What clients have to show
    #[arg(long, value_name = "TEXT", default_value = "let-me-in")]
    pub(crate) token: String,
    /// Requests a second that a session may make; 0 for any number
    #[arg(long, value_name = "NUMBER", default_value_t = 200)]
    pub(crate) rate: u32,
    /// Bytes that a request or response may have
    #[arg(long, value_name = "BYTES", default_value_t = 64 * 1024)]
    pub(crate) size: u64,
    /// How often sessions are looked at
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    pub(crate) heartbeat: Duration,
    /// After how long a session that nobody uses is evicted
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    pub(crate) idle: Duration,
    /// Clients that ask at the same time, when the program drives itself
    #[arg(long, value_name = "NUMBER", default_value_t = 4)]
    pub(crate) clients: usize,
    /// Call so many tools whose names a stranger made up
    #[arg(long, value_name = "NUMBER")]
    pub(crate) attack: Option<u64>,
    /// After driving itself, go on serving until Ctrl-C
    #[arg(long)]
    pub(crate) linger: bool,
}

impl Arguments {
    /// Whether the program makes its own load.
    pub(crate) fn drives(&self) -> bool {
        self.length.drives_itself() || self.attack.is_some()
    }
}
