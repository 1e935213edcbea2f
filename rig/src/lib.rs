//! Starts the real Prometheus, OpenTelemetry Collector and Jaeger for integration tests.
//!
//! What we encode must be understood by the programs that people run, so no
//! test of ours talks to a stand-in: [`Rig`] starts the upstream servers that
//! `cargo xtask rig` put into `target/rig/bin`, each on private loopback ports,
//! with its files in a temporary folder that disappears with it.
//!
//! A test file that needs servers sets `harness = false` and calls [`run`]:
//!
//! ```no_run
//! use std::process::ExitCode;
//! use throughline_rig::{Case, Need, Page, PrometheusConfig, Rig, run};
//!
//! fn main() -> ExitCode {
//!     run(&[Case::new("prometheus_reads_a_counter", &[Need::Prometheus], reads_a_counter)])
//! }
//!
//! fn reads_a_counter(rig: &Rig) {
//!     let page = Page::serve("text/plain; version=0.0.4", "jobs_total 3\n");
//!     let targets = vec![page.address()];
//!     let prometheus = rig.prometheus(PrometheusConfig { targets, ..PrometheusConfig::default() });
//!     assert_eq!(prometheus.value_soon("jobs_total"), 3.0);
//! }
//! ```
//!
//! Everything here **panics** instead of returning an error, with the location
//! of the caller: a test has nothing better to do, and a server that is dropped
//! by a panicking thread prints the end of its log. The exceptions are the
//! judges ([`Rig::promtool_check_metrics`], [`Rig::parse_openmetrics`]), whose
//! refusal may be what a test expects, and [`http`].
//!
//! Nothing waits for a fixed time: [`eventually`] polls with a deadline.
//!
//! Servers are killed when their handle is dropped, so keep handles out of
//! statics, which are never dropped.

#![expect(clippy::panic, reason = "a harness reports by panicking, as assertions do")]
#![expect(clippy::missing_panics_doc, reason = "the crate's documentation says it once for all")]
#![expect(clippy::print_stderr, reason = "server logs belong into the test's output")]
#![expect(clippy::disallowed_methods, reason = "real servers live in real time")]
#![expect(clippy::exhaustive_structs, reason = "configurations are written as struct literals")]

mod alertmanager;
mod cases;
mod collector;
mod counted;
mod document;
mod eventually;
pub mod http;
mod jaeger;
mod judges;
mod locate;
mod page;
mod process;
mod prometheus;
mod system;

pub use alertmanager::Alertmanager;
pub use cases::{Case, run};
pub use collector::{Collector, CollectorConfig};
pub use counted::Counted;
pub use document::Document;
pub use eventually::{DEADLINE, eventually, eventually_ok};
pub use jaeger::Jaeger;
pub use locate::{Missing, Need, Rig};
pub use page::Page;
pub use prometheus::{Prometheus, PrometheusConfig, Sample};
pub use system::System;
