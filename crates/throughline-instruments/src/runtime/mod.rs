//! The tokio runtime.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("runtime", "Tokio runtime", &[]);
