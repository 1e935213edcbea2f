//! The program against the real servers.

fn main() {}
