//! What telemetry says about itself while it runs: the JSON of `/telemetry` and of
//! [`TelemetryProviders::status`](crate::TelemetryProviders::status).

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use throughline_core::AttributeDef;
use throughline_metrics::{CatalogueEntry, MeterProvider};

use crate::providers::{Description, setting_to_json};

/// Collects what the engine and the exporters count.
pub(crate) struct Status {
    provider: MeterProvider,
    description: Description,
    /// What each exporter says, by its name.
    exporters: Vec<(&'static str, ExporterStatus)>,
}

/// Shows what telemetry says about itself for as long as it is kept: also after the shutdown, when the account is closed.
/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct StatusHandle(pub(crate) Arc<Status>);

impl StatusHandle {
    /// What [`TelemetryProviders::status`](crate::TelemetryProviders::status) says.
    pub fn status(&self) -> Value {
        self.0.to_json()
    }
}

/// Asks an exporter for its part of the status.
pub(crate) type ExporterStatus = Box<dyn Fn() -> Value + Send + Sync>;

impl Status {
    pub(crate) fn new(
        provider: MeterProvider,
        description: Description,
        exporters: Vec<(&'static str, ExporterStatus)>,
    ) -> Self {
        Self { provider, description, exporters }
    }

    pub(crate) fn to_json(&self) -> Value {
        let settings = self.description.settings().iter().map(setting_to_json);
        let catalogue = self.provider.catalogue();
        let mut status = Map::new();
        status.insert("service".to_owned(), self.description.service.clone().into());
        status.insert("metrics".to_owned(), self.metrics(&catalogue));
        for (name, exporter) in &self.exporters {
            status.insert((*name).to_owned(), exporter());
        }
        status.insert("settings".to_owned(), settings.collect());
        status.insert("warnings".to_owned(), self.description.warnings().into());
        status.insert("instruments".to_owned(), catalogue.iter().map(instrument).collect());
        Value::Object(status)
    }

    fn metrics(&self, catalogue: &[CatalogueEntry]) -> Value {
        let dropped = self.provider.drops().into_iter();
        let dropped: Map<_, _> = dropped.map(|(reason, count)| (reason.to_string(), count.into())).collect();
        let names = |keep: fn(&CatalogueEntry) -> bool| -> Vec<&str> {
            catalogue.iter().filter(|entry| keep(entry)).map(|entry| entry.name.as_str()).collect()
        };
        json!({
            "instruments": catalogue.len(),
            "series": catalogue.iter().map(|entry| entry.series).sum::<usize>(),
            "overflowed": names(|entry| entry.overflowed),
            "dropped_measurements": dropped,
            "callback_panics": self.provider.callback_panics(),
        })
    }
}

/// One metric of the program, recorded or not: without series nothing was recorded.
fn instrument(entry: &CatalogueEntry) -> Value {
    json!({
        "scope": entry.scope,
        "name": entry.name,
        "kind": entry.kind.as_str(),
        "number": entry.number.to_string(),
        "unit": entry.unit,
        "description": entry.description,
        "attributes": entry.attributes.iter().map(attribute).collect::<Value>(),
        "bounds": entry.bounds,
        "series": entry.series,
        "overflowed": entry.overflowed,
    })
}

/// An attribute that its instrument declares; without values it is free text or a number.
fn attribute(definition: &AttributeDef) -> Value {
    json!({ "key": definition.key, "values": definition.values, "cardinality": definition.cardinality })
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Status").field("service", &self.description.service).finish_non_exhaustive()
    }
}
