//! What was rendered of a family's series, in one piece of memory, in the order it is shown.
//!
//! Part of stop 7. `family.rs` makes it when series come and go; `text.rs` and `protobuf.rs` walk through it from front
//! to back, so that a scrape reads memory in order and copies each series' text whole.

/// The texts of a family's series, sorted, each with the number of its point.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    bytes: Vec<u8>,
    /// The length of each text.
    lengths: Vec<u32>,
    /// Which point of the family each is of: its place among the points of all members, one after the other.
    points: Vec<u32>,
}

/// How far a walk through [`Lines`] has come.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub(crate) line: usize,
    byte: usize,
}

impl Lines {
    pub(crate) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Adds a text at the end. One above four gigabytes, which no attribute set can have, would be cut there.
    pub(crate) fn push(&mut self, point: u32, text: &[u8]) {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&text[..length as usize]);
        self.lengths.push(length);
        self.points.push(point);
    }

    /// Each text from this place on, with the number of its point.
    #[inline]
    pub(crate) fn walk(&self, from: Place) -> impl Iterator<Item = (&[u8], u32)> {
        let mut rest = &self.bytes[from.byte..];
        let lines = self.lengths[from.line..].iter().zip(&self.points[from.line..]);
        lines.map(move |(length, point)| {
            let (text, after) = rest.split_at(*length as usize);
            rest = after;
            (text, *point)
        })
    }

    /// The place after this one.
    #[inline]
    pub(crate) fn after(place: Place, text: &[u8]) -> Place {
        Place { line: place.line + 1, byte: place.byte + text.len() }
    }

    /// Of these texts and `new` ones those that differ, sorted by what `key` says of them; of equal ones that with the
    /// lowest point stays, and `left_out` is called with the other. A point that `moved` has nothing for is gone.
    pub(crate) fn merged<'a>(
        &'a self,
        moved: impl Fn(u32) -> Option<u32>,
        new: &'a Self,
        key: impl Fn(&[u8]) -> &[u8],
        mut left_out: impl FnMut(u32),
    ) -> Self {
        let mut new: Vec<(&[u8], u32)> = new.walk(Place::default()).collect();
        new.sort_unstable_by(|a, b| key(a.0).cmp(key(b.0)).then(a.1.cmp(&b.1)));
        let kept = self.walk(Place::default()).filter_map(|(text, point)| Some((text, moved(point)?)));
        let (mut kept, mut new) = (kept.peekable(), new.into_iter().peekable());
        let mut all = Self::default();
        let mut last: Option<(&[u8], u32)> = None;
        loop {
            let takes_new = match (kept.peek(), new.peek()) {
                (Some(kept), Some(new)) => (key(new.0), new.1) < (key(kept.0), kept.1),
                (kept, _) => kept.is_none(),
            };
            let Some((text, point)) = (if takes_new { new.next() } else { kept.next() }) else { break };
            if last.is_some_and(|(last, _)| key(last) == key(text)) {
                left_out(point);
                continue;
            }
            last = Some((text, point));
            all.push(point, text);
        }
        all.shrink();
        all
    }

    fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.lengths.shrink_to_fit();
        self.points.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[(&str, u32)]) -> Lines {
        let mut lines = Lines::default();
        for (text, point) in texts {
            lines.push(*point, text.as_bytes());
        }
        lines
    }

    fn texts(lines: &Lines) -> Vec<(&str, u32)> {
        let text = |(text, point)| (std::str::from_utf8(text).expect("UTF-8"), point);
        lines.walk(Place::default()).map(text).collect()
    }

    #[test]
    fn what_is_kept_and_what_is_new_is_merged_in_order() {
        let kept = lines(&[("b", 0), ("c", 1), ("e", 2)]);
        let new = lines(&[("d", 3), ("a", 4), ("e", 5), ("d", 6)]);
        let mut left_out = Vec::new();
        let moved = |point| (point != 1).then_some(point + 10);
        let merged = kept.merged(moved, &new, |text| text, |point| left_out.push(point));
        assert_eq!(texts(&merged), [("a", 4), ("b", 10), ("d", 3), ("e", 5)]);
        left_out.sort_unstable();
        assert_eq!(left_out, [6, 12], "the lowest point stays");
    }

    #[test]
    fn a_walk_can_go_on_where_another_stopped() {
        let all = lines(&[("", 7), ("one", 8), ("two", 9)]);
        let mut place = Place::default();
        for (text, point) in [("", 7), ("one", 8), ("two", 9)] {
            assert_eq!(all.walk(place).next(), Some((text.as_bytes(), point)));
            place = Lines::after(place, text.as_bytes());
        }
        assert_eq!(all.walk(place).next(), None);
    }
}
