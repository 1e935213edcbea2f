//! Reads OTLP's protobuf messages, as far as the report needs them. Field numbers are those of `opentelemetry-proto`.

use throughline::core::protobuf::{Field, Fields, Value};

use super::{Batch, Metric, Signal, TEMPORALITIES};

/// `ExportMetricsServiceRequest` and those of the other signals: resources, in them scopes, in them items.
pub(super) fn read(signal: Signal, message: &[u8]) -> Option<Vec<Batch>> {
    let mut batches = Vec::new();
    for of_resource in messages(message, 1)? {
        let resource: Vec<_> = messages(of_resource, 1)?.into_iter().flat_map(attributes).collect();
        for of_scope in messages(of_resource, 2)? {
            batches.push(batch(signal, resource.clone(), of_scope)?);
        }
    }
    Some(batches)
}

fn batch(signal: Signal, resource: Vec<(String, String)>, of_scope: &[u8]) -> Option<Batch> {
    let scope = messages(of_scope, 1)?.first().and_then(|scope| text(scope, 1)).unwrap_or_default();
    let items = messages(of_scope, 2)?;
    if signal != Signal::Metrics {
        return Some(Batch { resource, scope, records: items.len() as u64, ..Batch::default() });
    }
    let metrics = items.into_iter().map(metric).collect::<Option<_>>()?;
    Some(Batch { resource, scope, metrics, ..Batch::default() })
}

/// The fields of a metric that hold its data.
const KINDS: [(u64, &str); 5] =
    [(5, "gauge"), (7, "counter"), (9, "histogram"), (10, "exponential histogram"), (11, "summary")];

fn metric(message: &[u8]) -> Option<Metric> {
    let mut metric = Metric {
        name: text(message, 1).unwrap_or_default(),
        unit: text(message, 3).unwrap_or_default(),
        ..Metric::default()
    };
    for field in Fields(message) {
        let field = field?;
        let Some((number, kind)) = KINDS.iter().find(|(number, _)| *number == field.number) else { continue };
        let data = field.bytes(*number)?;
        metric.kind = kind;
        metric.points = messages(data, 1)?.len() as u64;
        if matches!(number, 7 | 9 | 10) {
            let temporality = number_of(data, 2).and_then(|number| usize::try_from(number).ok());
            metric.temporality = temporality.and_then(|at| TEMPORALITIES.get(at)).unwrap_or(&"unspecified");
        }
        if *number == 7 && number_of(data, 3).is_none_or(|is_monotonic| is_monotonic == 0) {
            metric.kind = "up-down counter";
        }
    }
    Some(metric)
}

/// All messages of this number, or none of them when the message around them breaks off.
fn messages(message: &[u8], number: u64) -> Option<Vec<&[u8]>> {
    let mut found = Vec::new();
    for field in Fields(message) {
        found.extend(field?.bytes(number));
    }
    Some(found)
}

fn text(message: &[u8], number: u64) -> Option<String> {
    Fields(message).flatten().find_map(|field| field.text(number))
}

fn number_of(message: &[u8], number: u64) -> Option<u64> {
    Fields(message).flatten().find_map(|field| field.number(number))
}

fn attributes(resource: &[u8]) -> Vec<(String, String)> {
    let attribute = |field: Field<'_>| {
        let attribute = field.bytes(1)?;
        let value = Fields(attribute).flatten().find_map(|field| field.bytes(2)).unwrap_or_default();
        Some((text(attribute, 1)?, shown(value)))
    };
    Fields(resource).flatten().filter_map(attribute).collect()
}

/// An `AnyValue`, for people.
fn shown(value: &[u8]) -> String {
    let Some(Field { number, value, .. }) = Fields(value).flatten().next() else { return String::new() };
    match (number, value) {
        (1, Value::Bytes(text)) => String::from_utf8_lossy(text).into_owned(),
        (2, Value::Number(truth)) => (truth != 0).to_string(),
        (3, Value::Number(number)) => (number as i64).to_string(),
        (4, Value::Bytes(bytes)) => {
            bytes.try_into().map(|bytes| f64::from_le_bytes(bytes).to_string()).unwrap_or_default()
        }
        // Lists, maps and bytes.
        _ => "…".to_owned(),
    }
}
