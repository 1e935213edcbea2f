//! A matrix of -1, 0 and 1, and its product with a vector.

use super::random::Random;

/// A matrix whose elements are -1, 0 or 1.
#[derive(Debug)]
pub(super) struct Ternary {
    columns: usize,
    /// Row by row.
    weights: Vec<i8>,
    /// What every product is multiplied with, so that it is about as large as what went in.
    scale: f32,
}

impl Ternary {
    /// Each weight is as likely as the others.
    pub(super) fn random(random: &mut Random, rows: usize, columns: usize) -> Self {
        let weights = (0..rows * columns).map(|_| (random.next() % 3) as i8 - 1).collect();
        Self { columns, weights, scale: (1.5 / columns as f32).sqrt() }
    }

    /// One row, as it is.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f32> {
        self.weights
            .chunks_exact(self.columns)
            .nth(row)
            .into_iter()
            .flatten()
            .map(|weight| f32::from(*weight))
    }

    /// The product, with the vector in steps of a 127th of its largest element: what is added up are integers.
    pub(super) fn times(&self, x: &[f32]) -> Vec<f32> {
        let largest = x.iter().fold(f32::MIN_POSITIVE, |largest, value| largest.max(value.abs()));
        let steps: Vec<i32> = x.iter().map(|value| (value / largest * STEPS).round() as i32).collect();
        let unit = largest / STEPS * self.scale;
        let product = |row: &[i8]| {
            let sum: i32 = row.iter().zip(&steps).map(|(weight, step)| i32::from(*weight) * step).sum();
            sum as f32 * unit
        };
        self.weights.chunks_exact(self.columns).map(product).collect()
    }
}

/// Eight bits, with a sign.
const STEPS: f32 = 127.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_what_it_is_in_floats() {
        let mut random = Random::new(5);
        let matrix = Ternary::random(&mut random, 3, 64);
        let x: Vec<f32> = (0..64).map(|_| random.fraction() - 0.5).collect();
        for (row, product) in matrix.times(&x).into_iter().enumerate() {
            let exact =
                matrix.row(row).zip(&x).map(|(weight, value)| weight * value).sum::<f32>() * matrix.scale;
            assert!((product - exact).abs() < 0.02, "{product} is not {exact}");
        }
    }
}
