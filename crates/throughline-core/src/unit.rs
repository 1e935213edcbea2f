//! Units.

/// Histogram bounds that fit the unit.
pub fn default_bounds(_unit: &str) -> &'static [f64] {
    &[0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0]
}
