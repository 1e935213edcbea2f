//! Metrics in the fields of `tracing` events.
