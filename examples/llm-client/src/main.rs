//! A bot server that calls an LLM API.

fn main() {}
