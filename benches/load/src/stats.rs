//! Percentiles of latencies.

/// Sorted latencies in nanoseconds.
#[derive(Default)]
pub struct Latencies(Vec<u64>);

impl Latencies {
    /// Sorts the observations.
    pub fn new(mut nanos: Vec<u64>) -> Self {
        nanos.sort_unstable();
        Self(nanos)
    }

    /// Number of observations.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The smallest observation that a fraction `part` (0 to 1) of all does not exceed, in ms; 0 without observations.
    pub fn at(&self, part: f64) -> f64 {
        let rank = ((self.0.len() as f64 * part).ceil() as usize).clamp(1, self.0.len().max(1));
        self.0.get(rank - 1).map_or(0.0, |nanos| *nanos as f64 / 1e6)
    }
}

/// Rounds for the result line; more digits would claim a precision that is not there.
pub fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_observations_of_the_nearest_rank() {
        let latencies = Latencies::new((1..=100).rev().map(|ms| ms * 1_000_000).collect());
        assert_eq!((latencies.at(0.5), latencies.at(0.99), latencies.at(1.0)), (50.0, 99.0, 100.0));
        assert_eq!(Latencies::default().at(0.99), 0.0);
    }
}
