//! Actors on several threads and processes, pushing straight into Prometheus.

fn main() {}
