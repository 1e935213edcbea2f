//! The process: processor time, memory, threads, file descriptors.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("process", "Process", &[]);
