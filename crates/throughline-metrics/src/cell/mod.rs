//! Where numbers live: one slab of cells for each thread, and one cell that all share.
//!
//! A series owns a few *slots*. A thread writes slot `s` of its own [`Slab`](arena::Slab) with a relaxed load and
//! store: no lock, no read-modify-write, no cache line that another thread writes. Where its slab has no such slot, it
//! writes the slot's [common cell](common). The collector adds up slot `s` of all slabs and the common cell. Cells
//! only grow, so any number of readers share them and none has to reset anything.
//!
//! - [`arena`] hands out slots and slabs, and takes them back.
//! - [`slots`] numbers the slots.
//! - [`local`] is the thread's own slab.
//! - [`common`] are the cells that all threads share.
//! - [`place`] is what a series holds, how it is written, and how it is added up.
//!
//! Called by `aggregation/`; read by `collect.rs`.

pub(crate) mod arena;
pub(crate) mod common;
pub(crate) mod local;
pub(crate) mod place;
pub(crate) mod slots;

pub(crate) use place::{CellOp, CellWrite, Place};
pub(crate) use slots::Sharing;
