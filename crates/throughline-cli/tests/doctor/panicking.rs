//! An application whose exporter panics as asynchronous ones do on the threads of OpenTelemetry's SDK, which have no tokio: this
//! test binary itself, started once more.

use std::time::Duration;

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider, Temporality};
use tokio::net::TcpStream;

/// Set for the application.
pub(crate) const VARIABLE: &str = "THROUGHLINE_TEST_APPLICATION";

/// Connects with tokio, wherever it is called.
struct Asynchronous;

impl PushMetricExporter for Asynchronous {
    async fn export(&self, _: &ResourceMetrics) -> OTelSdkResult {
        let connected = TcpStream::connect("127.0.0.1:4318").await;
        connected.map(drop).map_err(|error| OTelSdkError::InternalFailure(error.to_string()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }
}

/// Records, and does what every program does at its end.
pub(crate) fn main() {
    let provider =
        SdkMeterProvider::builder().with_reader(PeriodicReader::builder(Asynchronous).build()).build();
    provider.meter("shop").u64_counter("orders").build().add(1, &[]);
    drop(provider.shutdown());
}
