//! Actors: mailboxes, messages, handlers.

use crate::Kit;

/// What this kit records.
pub const KIT: Kit = Kit::new("actor", "Actors", &[]);
