//! Small values in documents: names of things, and attributes.

use std::collections::BTreeMap;

use opentelemetry::{Array, StringValue};
use serde::{Deserialize, Serialize};
use throughline_core::resource::Detector;
use throughline_core::{KeyValue, Value};
use throughline_metrics::TemporalityPreference;

use crate::config::{Exporter, OtlpCompression, OtlpProtocol};

/// The value of an attribute.
#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a boolean, a number, a text, or a list of one of them")]
pub(super) enum Attribute {
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Bools(Vec<bool>),
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Texts(Vec<String>),
}

pub(super) fn attributes(attributes: &[KeyValue]) -> Option<BTreeMap<String, Attribute>> {
    let attributes: BTreeMap<_, _> =
        attributes.iter().map(|pair| (pair.key.to_string(), attribute(&pair.value))).collect();
    (!attributes.is_empty()).then_some(attributes)
}

fn attribute(value: &Value) -> Attribute {
    match value {
        Value::Bool(value) => Attribute::Bool(*value),
        Value::I64(value) => Attribute::Int(*value),
        Value::F64(value) => Attribute::Float(*value),
        Value::Array(Array::Bool(values)) => Attribute::Bools(values.clone()),
        Value::Array(Array::I64(values)) => Attribute::Ints(values.clone()),
        Value::Array(Array::F64(values)) => Attribute::Floats(values.clone()),
        Value::Array(Array::String(values)) => {
            Attribute::Texts(values.iter().map(ToString::to_string).collect())
        }
        other => Attribute::Text(other.as_str().into_owned()),
    }
}

pub(super) fn key_value((key, value): (String, Attribute)) -> KeyValue {
    let value = match value {
        Attribute::Bool(value) => value.into(),
        Attribute::Int(value) => value.into(),
        Attribute::Float(value) => value.into(),
        Attribute::Text(value) => value.into(),
        Attribute::Bools(values) => Value::Array(values.into()),
        Attribute::Ints(values) => Value::Array(values.into()),
        Attribute::Floats(values) => Value::Array(values.into()),
        Attribute::Texts(values) => {
            Value::Array(values.into_iter().map(StringValue::from).collect::<Vec<_>>().into())
        }
    };
    KeyValue::new(key, value)
}

/// Defines how the variants of an enum are written, and what else they are read from.
macro_rules! names {
    ($name:ident for $of:ty { $($variant:ident = $text:literal $(| $alias:literal)*),* }) => {
        #[derive(Clone, Copy, Serialize, Deserialize)]
        pub(super) enum $name {
            $(#[serde(rename = $text $(, alias = $alias)*)] $variant,)*
        }

        impl From<$name> for $of {
            fn from(name: $name) -> Self {
                match name {
                    $($name::$variant => Self::$variant,)*
                }
            }
        }
    };
}

names! { Protocol for OtlpProtocol {
    HttpProtobuf = "http/protobuf" | "http" | "Http" | "HttpProtobuf", HttpJson = "http/json" | "HttpJson", Grpc = "grpc" | "Grpc"
} }
names! { Compression for OtlpCompression { None = "none" | "None", Gzip = "gzip" | "Gzip", Zstd = "zstd" | "Zstd" } }
names! { ExporterName for Exporter {
    Otlp = "otlp" | "Otlp", Prometheus = "prometheus" | "Prometheus", Console = "console" | "Console"
} }
names! { Temporality for TemporalityPreference {
    Cumulative = "cumulative" | "Cumulative", Delta = "delta" | "Delta", LowMemory = "lowmemory" | "LowMemory"
} }

impl From<OtlpProtocol> for Protocol {
    fn from(protocol: OtlpProtocol) -> Self {
        match protocol {
            OtlpProtocol::HttpProtobuf => Self::HttpProtobuf,
            OtlpProtocol::HttpJson => Self::HttpJson,
            OtlpProtocol::Grpc => Self::Grpc,
        }
    }
}

impl From<OtlpCompression> for Compression {
    fn from(compression: OtlpCompression) -> Self {
        match compression {
            OtlpCompression::None => Self::None,
            OtlpCompression::Gzip => Self::Gzip,
            OtlpCompression::Zstd => Self::Zstd,
        }
    }
}

impl From<Exporter> for ExporterName {
    fn from(exporter: Exporter) -> Self {
        match exporter {
            Exporter::Otlp => Self::Otlp,
            Exporter::Prometheus => Self::Prometheus,
            Exporter::Console => Self::Console,
        }
    }
}

impl From<TemporalityPreference> for Temporality {
    fn from(temporality: TemporalityPreference) -> Self {
        match temporality {
            TemporalityPreference::Delta => Self::Delta,
            TemporalityPreference::LowMemory => Self::LowMemory,
            _ => Self::Cumulative,
        }
    }
}

/// Detectors by their names.
pub(super) fn detectors(names: &[String]) -> Result<Vec<Detector>, String> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    Detector::parse_list(&names.join(",")).map_err(|error| error.to_string())
}

/// The one exporter of everything, or none at all.
#[derive(Clone, Copy, Deserialize)]
pub(super) enum OneExporter {
    #[serde(rename = "otlp", alias = "Otlp")]
    Otlp,
    #[serde(rename = "prometheus", alias = "Prometheus")]
    Prometheus,
    #[serde(rename = "console", alias = "Console")]
    Console,
    #[serde(rename = "none", alias = "None")]
    None,
}

impl OneExporter {
    pub(super) fn list(self) -> Vec<Exporter> {
        match self {
            Self::Otlp => vec![Exporter::Otlp],
            Self::Prometheus => vec![Exporter::Prometheus],
            Self::Console => vec![Exporter::Console],
            Self::None => Vec::new(),
        }
    }
}
