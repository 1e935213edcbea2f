//! The one translator from instrument names to Prometheus names.
