//! Guards of general use: they record when they are dropped, whatever path the code takes.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("guard", "Guards", &[]);
