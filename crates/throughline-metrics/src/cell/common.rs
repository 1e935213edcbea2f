//! The cells that all threads share: one for each slot, made a chunk at a time when first written.
//!
//! Here goes what has no cell in the writing thread's slab: gauges, the series of very large families, slots beyond
//! the length of a slab, and the last writes of a thread that is ending. Writes are read-modify-write instructions.

use std::sync::OnceLock;

use super::arena::zeroed;
use super::slots::Slots;
use crate::sync::{AtomicU64, Ordering};

/// Cells in a chunk: 32 KiB.
#[cfg(not(loom))]
pub(crate) const CHUNK: u32 = 1 << 12;
#[cfg(loom)]
pub(crate) const CHUNK: u32 = 8;
/// Chunks in a directory, and directories: together they lead to 2^31 cells.
#[cfg(not(loom))]
const CHUNKS: u32 = 1 << 10;
#[cfg(loom)]
const CHUNKS: u32 = 4;
const DIRECTORIES: u32 = CHUNKS / 2;
/// How many slots there are at most.
pub(crate) const SLOTS: u32 = CHUNK * CHUNKS * DIRECTORIES;

type Chunk = Box<[AtomicU64]>;
type Directory = Box<[OnceLock<Chunk>]>;

/// The common cells of all slots.
#[derive(Debug)]
pub(crate) struct Common {
    directories: [OnceLock<Directory>; DIRECTORIES as usize],
}

impl Common {
    pub(crate) const fn new() -> Self {
        Self { directories: [const { OnceLock::new() }; DIRECTORIES as usize] }
    }

    /// The common cell of a slot. Allocates when it is the first that is asked for in its chunk.
    #[inline]
    pub(crate) fn cell(&self, slot: usize) -> &AtomicU64 {
        &self.chunk(slot)[slot % CHUNK as usize]
    }

    /// The common cells of a run that lies in one chunk. Allocates as [`cell`](Self::cell) does.
    #[inline]
    pub(crate) fn run(&self, slots: Slots) -> &[AtomicU64] {
        let first = slots.start as usize % CHUNK as usize;
        &self.chunk(slots.start as usize)[first..first + slots.len as usize]
    }

    /// The common cell of a slot, unless it is zero for certain.
    #[inline]
    pub(crate) fn written(&self, slot: usize) -> Option<&AtomicU64> {
        self.written_chunk(slot)?.get(slot % CHUNK as usize)
    }

    /// The common cells of a run that lies in one chunk, unless they are zero for certain.
    pub(crate) fn written_run(&self, slots: Slots) -> Option<&[AtomicU64]> {
        let first = slots.start as usize % CHUNK as usize;
        self.written_chunk(slots.start as usize)?.get(first..first + slots.len as usize)
    }

    /// Zeroes the cells of slots that nobody writes any more.
    pub(crate) fn zero(&self, slots: Slots) {
        for cell in slots.range().filter_map(|slot| self.written(slot)) {
            cell.store(0, Ordering::Relaxed);
        }
    }

    fn written_chunk(&self, slot: usize) -> Option<&Chunk> {
        let (directory, chunk) = place(slot);
        self.directories[directory].get()?[chunk].get()
    }

    #[inline]
    fn chunk(&self, slot: usize) -> &Chunk {
        let (directory, chunk) = place(slot);
        let directory = self.directories[directory].get_or_init(new_directory);
        directory[chunk].get_or_init(|| zeroed(CHUNK as usize))
    }
}

fn new_directory() -> Directory {
    (0..CHUNKS).map(|_| OnceLock::new()).collect()
}

/// The directory of a slot, and its chunk there.
#[inline]
fn place(slot: usize) -> (usize, usize) {
    let chunk = slot / CHUNK as usize;
    (chunk / CHUNKS as usize, chunk % CHUNKS as usize)
}
