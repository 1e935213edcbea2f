//! An HTTP inference server with a small model that really computes.

fn main() {}
