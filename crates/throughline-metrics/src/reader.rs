//! Stop 4 in the life of an increment, for now only its shape: hands a prepared collection to an exporter.

use crate::data::Collection;

/// Collects on request. Until the engine is there, always the collection it was made with.
#[derive(Debug, Default)]
pub struct Reader {
    collection: Collection,
}

impl Reader {
    /// A reader that always collects this.
    #[doc(hidden)]
    pub fn fixed(collection: Collection) -> Self {
        Self { collection }
    }

    /// Collects; the result is valid until the next call.
    #[expect(
        clippy::needless_pass_by_ref_mut,
        reason = "the engine's reader remembers its last collection"
    )]
    pub fn collect(&mut self) -> &Collection {
        &self.collection
    }
}
