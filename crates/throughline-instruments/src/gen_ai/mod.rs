//! Calls of language models.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("gen-ai", "LLM calls", &[]);
