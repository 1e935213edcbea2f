//! What the stream is about: measurements that clients of models report.

use serde::{Deserialize, Serialize};

/// One measurement. Who measured, the tenant, is not in it: that travels in the baggage of the message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// The same when it is sent again.
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) model: String,
    pub(crate) value: f64,
    /// When it was measured.
    pub(crate) time: u64,
}

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Latency,
    Quality,
    Cost,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Latency, Self::Quality, Self::Cost];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Quality => "quality",
            Self::Cost => "cost",
        }
    }
}

/// What is aggregated together.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) tenant: String,
    pub(crate) model: String,
}

impl Event {
    /// As it is in a message.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// From a message, which anybody can have written.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload)
    }
}
