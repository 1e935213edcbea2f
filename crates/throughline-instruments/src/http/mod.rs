//! HTTP servers and clients.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("http", "HTTP", &[]);
