//! An MCP server and its client, scraped by Prometheus.

fn main() {}
