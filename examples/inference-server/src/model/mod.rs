//! A language model, small and untrained, that computes as its large relatives do: ternary weights, activations of eight
//! bits, products that are sums of integers. What it writes is noise.
//!
//! `engine.rs` steps it, one token of one sequence at a time.

mod random;
mod ternary;
mod tokenizer;

use crate::settings;
use random::Random;
use ternary::Ternary;
pub(crate) use tokenizer::encode;
use tokenizer::{END, VOCABULARY, decode};

/// The weights. They do not change, so all sequences share them.
#[derive(Debug)]
pub(crate) struct Model {
    width: usize,
    embeddings: Ternary,
    layers: Vec<Layer>,
    head: Ternary,
}

/// A gated recurrence, which remembers, and a perceptron, which thinks.
#[derive(Debug)]
struct Layer {
    gate: Ternary,
    candidate: Ternary,
    up: Ternary,
    down: Ternary,
}

/// What is remembered of one sequence.
#[derive(Debug)]
pub(crate) struct Sequence {
    /// A row for each layer.
    memory: Vec<Vec<f32>>,
    logits: Vec<f32>,
    temperature: f32,
    random: Random,
}

/// How many times wider than its layer a perceptron is.
const EXPANSION: usize = 4;

impl Model {
    /// Weights from a seed.
    pub(crate) fn new(settings: &settings::Model) -> Self {
        let settings::Model { width, layers, seed, .. } = *settings;
        let mut random = Random::new(seed);
        let mut ternary = |rows, columns| Ternary::random(&mut random, rows, columns);
        Self {
            width,
            embeddings: ternary(BYTES, width),
            layers: (0..layers)
                .map(|_| Layer {
                    gate: ternary(width, width),
                    candidate: ternary(width, width),
                    up: ternary(width * EXPANSION, width),
                    down: ternary(width, width * EXPANSION),
                })
                .collect(),
            head: ternary(VOCABULARY, width),
        }
    }

    /// A sequence that nothing was said to yet.
    pub(crate) fn sequence(&self, temperature: f32, seed: u64) -> Sequence {
        let memory = vec![vec![0.0; self.width]; self.layers.len()];
        Sequence { memory, logits: vec![0.0; VOCABULARY], temperature, random: Random::new(seed) }
    }

    /// Reads one byte.
    pub(crate) fn read(&self, sequence: &mut Sequence, byte: u8) {
        let mut x: Vec<f32> = self.embeddings.row(usize::from(byte)).collect();
        for (layer, memory) in self.layers.iter().zip(&mut sequence.memory) {
            layer.apply(&mut x, memory);
        }
        sequence.logits = self.head.times(&normalized(&x));
    }

    /// The next character, which it reads itself; `None` when the text ends here.
    pub(crate) fn next(&self, sequence: &mut Sequence) -> Option<char> {
        let token = sequence.sample();
        if token == END {
            return None;
        }
        let byte = decode(token);
        self.read(sequence, byte);
        Some(char::from(byte))
    }
}

const BYTES: usize = 256;

impl Layer {
    fn apply(&self, x: &mut [f32], memory: &mut [f32]) {
        let seen = normalized(x);
        let (gates, candidates) = (self.gate.times(&seen), self.candidate.times(&seen));
        for (((x, memory), gate), candidate) in x.iter_mut().zip(memory).zip(gates).zip(candidates) {
            let open = 1.0 / (1.0 + (-gate).exp());
            *memory += open * (candidate - *memory);
            *x += *memory;
        }
        // The squared rectifier.
        let hidden: Vec<f32> =
            self.up.times(&normalized(x)).iter().map(|value| value.max(0.0).powi(2)).collect();
        for (x, thought) in x.iter_mut().zip(self.down.times(&normalized(&hidden))) {
            *x += thought;
        }
    }
}

/// With a mean square of one.
fn normalized(x: &[f32]) -> Vec<f32> {
    let mean_square = x.iter().map(|value| value * value).sum::<f32>() / x.len() as f32;
    let scale = 1.0 / (mean_square + 1e-6).sqrt();
    x.iter().map(|value| value * scale).collect()
}

impl Sequence {
    /// A token, by its probability at this temperature; at zero, the likeliest.
    fn sample(&mut self) -> usize {
        let likeliest = |(_, a): &(usize, &f32), (_, b): &(usize, &f32)| a.total_cmp(b);
        let (best, top) = self.logits.iter().enumerate().max_by(likeliest).unwrap_or((END, &0.0));
        if self.temperature <= 0.0 {
            return best;
        }
        let weights: Vec<f32> =
            self.logits.iter().map(|logit| ((logit - top) / self.temperature).exp()).collect();
        let mut left = self.random.fraction() * weights.iter().sum::<f32>();
        let found = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        found.unwrap_or(best)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(seed: u64) -> Model {
        Model::new(&settings::Model { name: "test".to_owned(), width: 16, layers: 2, seed })
    }

    fn completion(model: &Model, prompt: &str, temperature: f32, seed: u64) -> String {
        let mut sequence = model.sequence(temperature, seed);
        encode(prompt).for_each(|byte| model.read(&mut sequence, byte));
        std::iter::from_fn(|| model.next(&mut sequence)).take(40).collect()
    }

    #[test]
    fn a_completion_depends_on_the_prompt_the_seed_and_the_weights_and_nothing_else() {
        let texts = [
            completion(&model(1), "hello", 1.0, 7),
            completion(&model(1), "hello", 1.0, 8),
            completion(&model(1), "goodbye, o", 1.0, 7),
            completion(&model(2), "hello", 1.0, 7),
        ];
        assert_eq!(texts[0], completion(&model(1), "hello", 1.0, 7));
        for (at, text) in texts.iter().enumerate() {
            assert!(!texts[..at].contains(text), "{texts:?}");
        }
    }

    #[test]
    fn without_temperature_the_seed_does_not_matter() {
        let model = model(3);
        assert_eq!(completion(&model, "x", 0.0, 1), completion(&model, "x", 0.0, 2));
    }
}
