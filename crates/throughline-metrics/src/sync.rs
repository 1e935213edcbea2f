//! Atomics and locks of the cells, so that loom can take their place in its model tests.
//!
//! `cell/` and `aggregation/`, whose correctness is about the order of memory accesses, take them from here.

#[cfg(loom)]
pub(crate) use loom::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(crate) use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering, fence},
};

/// What every measurement reads and hardly anything writes, on cache lines of its own: wherever the linker puts it, nobody writes
/// beside it.
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);
