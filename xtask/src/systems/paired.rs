//! Pairs of runs, and what they say of the difference: its mean, and Student's interval around it.
//!
//! The two runs of a pair are beside each other in time, so what else the machine does comes to both.

use serde_json::{Value, json};

/// What runs took with something, and without it.
#[derive(Debug, Default)]
pub(super) struct Paired(Vec<(f64, f64)>);

impl Paired {
    /// One pair.
    pub(super) fn add(&mut self, with: f64, without: f64) {
        self.0.push((with, without));
    }

    /// What runs take without, on average.
    pub(super) fn without(&self) -> f64 {
        mean(self.0.iter().map(|(_, without)| *without))
    }

    /// What is added, as a share of what runs take without.
    pub(super) fn share(&self) -> f64 {
        mean(self.shares())
    }

    /// Where that share lies, with 95 per cent confidence.
    pub(super) fn interval(&self) -> [f64; 2] {
        let (share, count) = (self.share(), self.0.len() as f64);
        let squares: f64 = self.shares().map(|each| (each - share).powi(2)).sum();
        let error = (squares / (count - 1.0) / count).sqrt();
        let half = quantile(self.0.len() - 1) * error;
        [share - half, share + half]
    }

    pub(super) fn pairs(&self) -> Value {
        self.0.iter().map(|(with, without)| json!([with, without])).collect()
    }

    fn shares(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|(with, without)| with / without - 1.0)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (count, sum) = values.fold((0.0, 0.0), |(count, sum), value| (count + 1.0, sum + value));
    sum / count
}

/// The 97.5 % quantile of Student's distribution with so many degrees of freedom; of more than the table has, a little too
/// large.
fn quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    TABLE[freedom.clamp(1, TABLE.len()) - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_students() {
        let mut paired = Paired::default();
        for with in [1.01, 1.02, 1.03, 1.04] {
            paired.add(with, 1.0);
        }
        assert!((paired.share() - 0.025).abs() < 1e-9);
        let [low, high] = paired.interval();
        // As R says: t.test(c(0.01, 0.02, 0.03, 0.04)).
        assert!((low - 0.004_457).abs() < 1e-5 && (high - 0.045_543).abs() < 1e-5, "{low} {high}");
    }
}
