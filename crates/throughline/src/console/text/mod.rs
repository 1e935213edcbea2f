//! Telemetry as text for people.
//!
//! What comes from outside is shown on one line and cannot control the terminal: see `values.rs`.

mod logs;
mod metrics;
mod spans;
mod values;

pub(super) use logs::log;
pub(super) use metrics::metrics;
pub(super) use spans::{span, traces};

/// How something looks on a terminal.
#[derive(Clone, Copy, Debug)]
enum Colour {
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
    Blue,
    Magenta,
}

impl Colour {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "\x1b[1m",
            Self::Dim => "\x1b[2m",
            Self::Red => "\x1b[31m",
            Self::Green => "\x1b[32m",
            Self::Yellow => "\x1b[33m",
            Self::Blue => "\x1b[34m",
            Self::Magenta => "\x1b[35m",
        }
    }

    /// What begins it and what ends it; nothing when there are no colours.
    const fn around(self, colours: bool) -> (&'static str, &'static str) {
        if colours { (self.code(), "\x1b[0m") } else { ("", "") }
    }
}
