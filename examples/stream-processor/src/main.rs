//! A stream processor with windows and aggregation, over a Kafka-like log in the process.

fn main() {}
