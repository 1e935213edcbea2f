//! Short texts copied in blocks of one size, which the compiler turns into a few moves each.
//!
//! Part of stop 7, used by `text.rs` for what a histogram repeats seventeen times. A text is kept with some bytes behind
//! it, so that whole blocks can be copied; what is copied too much is written over by what comes next.

/// The size of a block: two moves on any processor of the last twenty years, one on most.
const SIZE: usize = 32;

/// A text of one block at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    bytes: [u8; SIZE],
    length: usize,
}

impl Block {
    /// The text; what is beyond a block is cut off.
    pub(crate) fn new(text: &[u8]) -> Self {
        let length = text.len().min(SIZE);
        let mut bytes = [0; SIZE];
        bytes[..length].copy_from_slice(&text[..length]);
        Self { bytes, length }
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A text of any length.
#[derive(Clone, Debug, Default)]
pub(crate) struct Blocks {
    bytes: Vec<u8>,
    length: usize,
}

impl Blocks {
    /// Exchanges the text for what `write` writes.
    pub(crate) fn set(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.clear();
        write(&mut self.bytes);
        self.length = self.bytes.len();
        self.bytes.resize(self.length.next_multiple_of(SIZE), 0);
    }

    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// A buffer that is written in blocks, and used again without being cleared.
#[derive(Debug, Default)]
pub(crate) struct Room {
    bytes: Vec<u8>,
    at: usize,
}

impl Room {
    /// Empties it, and makes room for `lines` times that text, a block, and a number.
    pub(crate) fn begin(&mut self, lines: usize, text: &Blocks) {
        const LINE_FEED: usize = 1;
        const NUMBER: usize = 20;
        self.at = 0;
        let needed = lines * (text.length + SIZE + NUMBER + LINE_FEED) + SIZE;
        if self.bytes.len() < needed {
            self.bytes.resize(needed.next_power_of_two(), 0);
        }
    }

    #[inline]
    pub(crate) fn blocks(&mut self, text: &Blocks) {
        let to = &mut self.bytes[self.at..][..text.bytes.len()];
        for (to, from) in to.chunks_exact_mut(SIZE).zip(text.bytes.chunks_exact(SIZE)) {
            to.copy_from_slice(from);
        }
        self.at += text.length;
    }

    #[inline]
    pub(crate) fn block(&mut self, text: &Block) {
        self.bytes[self.at..][..SIZE].copy_from_slice(&text.bytes);
        self.at += text.length;
    }

    /// A number, and the end of the line.
    #[inline]
    pub(crate) fn number(&mut self, number: u64) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(number).as_bytes();
        let to = &mut self.bytes[self.at..][..=text.len()];
        to[..text.len()].copy_from_slice(text);
        to[text.len()] = b'\n';
        self.at += to.len();
    }

    /// What was written.
    pub(crate) fn text(&self) -> &[u8] {
        &self.bytes[..self.at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn lines_are_what_was_written(start in ".{0,100}", end in "[a-z]{0,32}", numbers: Vec<u64>) {
            let mut text = Blocks::default();
            text.set(|bytes| bytes.extend_from_slice(start.as_bytes()));
            let mut room = Room::default();
            room.begin(numbers.len(), &text);
            for number in &numbers {
                room.blocks(&text);
                room.block(&Block::new(end.as_bytes()));
                room.number(*number);
            }
            let lines: Vec<String> = numbers.iter().map(|number| format!("{start}{end}{number}\n")).collect();
            let lines = lines.concat();
            proptest::prop_assert_eq!(room.text(), lines.as_bytes());
        }
    }
}
