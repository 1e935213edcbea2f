//! Atomics and locks of the cells, so that loom can take their place in its model tests.
//!
//! Only `cell/arena.rs` and `aggregation/exponential/block.rs`, whose correctness is about the order of memory
//! accesses, take them from here.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex,
    atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex,
    atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering, fence},
};
