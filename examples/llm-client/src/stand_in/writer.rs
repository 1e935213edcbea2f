//! A very small language model: a chain of words, in which the next one is one that followed the last one in what was read.

use std::collections::BTreeMap;

use super::plan::mix;

/// What it has read.
const READ: &str = "The sea keeps no count of ships, but the harbour does. A counter only grows, and a gauge goes where \
    the water goes. What nobody measures nobody mends. The ship that left at noon is late, says the clock of the harbour. \
    A trace is the wake of a ship, and the sea keeps it for a while. Who follows the wake finds the ship. A histogram is a \
    harbour with many docks, and each ship goes where it fits. The night is long, and the lamp of the harbour is small. \
    But who would sail without it? Measure the water first, and then the ship. Is the water deep enough? The clock knows \
    the hour, and the captain knows the way. What the captain knows nobody measures.";

/// The model: each word, and the words that followed it.
#[derive(Debug)]
pub(crate) struct Writer(BTreeMap<&'static str, Vec<&'static str>>);

impl Writer {
    /// Reads.
    pub(crate) fn new() -> Self {
        let words: Vec<&str> = READ.split_whitespace().collect();
        let mut followers: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for pair in words.windows(2) {
            followers.entry(pair[0]).or_default().push(pair[1]);
        }
        Self(followers)
    }

    /// Writes a reply to a prompt, different for each number: one or two sentences, within so many words.
    pub(crate) fn reply(&self, number: u64, prompt: &str, words_max: usize) -> String {
        let mut state = prompt.bytes().fold(mix(number), |state, byte| mix(state ^ u64::from(byte)));
        let sentences = 1 + state % 2;
        let (mut reply, mut ended, mut word) = (Vec::new(), 0, self.first(prompt, state));
        while reply.len() < words_max.min(WORDS_MAX) {
            reply.push(word);
            ended += u64::from(word.ends_with(['.', '?']));
            if ended == sentences {
                break;
            }
            state = mix(state);
            word = self.after(word, state);
        }
        reply.join(" ")
    }

    /// A word of the prompt that it knows, or any that begins a sentence.
    fn first(&self, prompt: &str, state: u64) -> &'static str {
        let known = |word: &str| self.0.keys().find(|key| **key == word).copied();
        let of_prompt = prompt.split(|c: char| !c.is_alphanumeric()).find_map(known);
        of_prompt.unwrap_or_else(|| pick(&BEGINNINGS, state))
    }

    fn after(&self, word: &str, state: u64) -> &'static str {
        self.0.get(word).map_or_else(|| pick(&BEGINNINGS, state), |followers| pick(followers, state))
    }
}

/// The longest reply, should no sentence end.
const WORDS_MAX: usize = 60;

const BEGINNINGS: [&str; 4] = ["The", "A", "What", "Who"];

const MOODS: [&str; 4] = ["calm", "curious", "cheerful", "solemn"];

pub(crate) fn mood(number: u64) -> &'static str {
    pick(&MOODS, mix(number))
}

/// How many tokens a text has: its words, and its marks.
pub(crate) fn tokens(text: &str) -> u64 {
    let marks = text.chars().filter(char::is_ascii_punctuation).count();
    (text.split_whitespace().count() + marks) as u64
}

fn pick<'a>(words: &[&'a str], state: u64) -> &'a str {
    words.get((state % words.len().max(1) as u64) as usize).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_of_words_that_were_read_and_come_again() {
        let writer = Writer::new();
        for number in 0..200 {
            let reply = writer.reply(number, "Tell me about the sea.", 100);
            assert_eq!(reply, writer.reply(number, "Tell me about the sea.", 100));
            assert!(!reply.is_empty() && reply.split(' ').all(|word| READ.contains(word)), "{reply}");
        }
        assert_eq!(writer.reply(1, "sea", 3).split(' ').count(), 3);
    }
}
