//! Inference servers.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("inference", "Inference", &[]);
