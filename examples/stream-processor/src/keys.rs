//! The keys that windows are kept by, each once, and the last of them at hand: events of one sender come in rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::TALLY;
use crate::event::Key;

/// Tenants are what strangers say: beyond this many keys, all are forgotten, and kept by their windows alone.
const KEYS_MAX: usize = 1000;

/// All keys that were seen.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: BTreeSet<Arc<Key>>,
    last: Option<Arc<Key>>,
}

impl Keys {
    /// The one key that is equal, and whether it was at hand.
    pub(crate) fn look_up(&mut self, key: Key) -> (Arc<Key>, bool) {
        if let Some(last) = self.last.as_ref().filter(|last| ***last == key) {
            TALLY.add("processor_state_cache_hits_total", 1.0);
            return (Arc::clone(last), true);
        }
        TALLY.add("processor_state_cache_misses_total", 1.0);
        if self.known.len() >= KEYS_MAX {
            self.known.clear();
        }
        let key = self.known.get(&key).map_or_else(|| Arc::new(key), Arc::clone);
        self.known.insert(Arc::clone(&key));
        self.last = Some(Arc::clone(&key));
        (key, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_key_is_at_hand_and_each_is_kept_once() {
        let key = |model: &str| Key { tenant: "t".to_owned(), model: model.to_owned() };
        let mut keys = Keys::default();
        let (first, at_hand) = keys.look_up(key("a"));
        assert!(!at_hand && keys.look_up(key("a")).1);
        assert!(!keys.look_up(key("b")).1);
        let (again, at_hand) = keys.look_up(key("a"));
        assert!(!at_hand && Arc::ptr_eq(&first, &again));
    }
}
