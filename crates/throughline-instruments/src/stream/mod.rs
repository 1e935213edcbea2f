//! Stream processors: events, windows, aggregation, watermarks.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("stream", "Stream processing", &[]);
