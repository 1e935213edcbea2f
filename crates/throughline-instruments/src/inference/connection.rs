//! A client that is connected: [`Connection`].

use std::fmt;
use std::sync::Arc;

use super::Shared;

/// A client that is connected: counts in `active_connections` until it is dropped.
#[must_use = "the connection ends when it is dropped"]
pub struct Connection(Arc<Shared>);

impl Connection {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        shared.metrics.active_connections.add(1, &());
        Self(shared)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.metrics.active_connections.add(-1, &());
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection")
    }
}
