//! Where numbers live: one slab of cells for each thread.
//!
//! A series owns a few *slots*. A thread writes slot `s` of its own [`Slab`] with a relaxed load and store: no lock, no
//! read-modify-write, no cache line that another thread writes. The collector adds up slot `s` of all slabs. Cells
//! only grow, so any number of readers share them and none has to reset anything.
//!
//! - [`arena`] hands out slots and slabs, takes them back, and adds them up.
//! - [`local`] is the thread's own slab.
//! - [`place`] is what a series holds: slots, or cells of its own when the slots are used up.
//!
//! Called by `aggregation/`; read by `collect.rs`.

pub(crate) mod arena;
pub(crate) mod local;
pub(crate) mod place;

pub(crate) use place::{CellOp, CellWrite, Place};
