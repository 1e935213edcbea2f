//! The views of a file.

use throughline_core::InstrumentKind;
use throughline_metrics::view::View;

use super::check::Findings;
use super::finding::Finding;
use super::node::{Node, Resolved};

/// The views, in order.
pub(super) fn read(meter_provider: &Node, findings: &mut Findings) -> Vec<View> {
    let views = meter_provider.key("views").map(Node::items).unwrap_or_default();
    views.iter().filter_map(|view| read_view(view, findings)).collect()
}

fn read_view(node: &Node, findings: &mut Findings) -> Option<View> {
    let (Some(selector), Some(stream)) = (node.key("selector"), node.key("stream")) else {
        let what = "has no `selector` or no `stream`; a view needs both";
        findings.add_problem(Finding::new(node.place, "{…}", what));
        return None;
    };
    let view = select(selector);
    let is_pattern =
        selector.key("instrument_name").and_then(Node::text).is_none_or(|name| name.contains(['*', '?']));
    let view = name(view, is_pattern, stream, findings);
    let view = match stream.key("aggregation").and_then(Node::choice) {
        Some((name, parameters)) => aggregation(view, name, parameters, findings),
        None => view,
    };
    Some(keys(view, stream))
}

fn select(selector: &Node) -> View {
    let text = |key: &str| selector.key(key).and_then(Node::text).map(str::to_owned);
    let mut view = View::of(text("instrument_name").unwrap_or_else(|| "*".to_owned()));
    if let Some(kind) = text("instrument_type").as_deref().and_then(kind) {
        view = view.kind(kind);
    }
    if let Some(unit) = text("unit") {
        view = view.unit(unit);
    }
    if let Some(scope) = text("meter_name") {
        view = view.scope(scope);
    }
    view
}

fn kind(name: &str) -> Option<InstrumentKind> {
    Some(match name {
        "counter" => InstrumentKind::Counter,
        "gauge" => InstrumentKind::Gauge,
        "histogram" => InstrumentKind::Histogram,
        "observable_counter" => InstrumentKind::ObservableCounter,
        "observable_gauge" => InstrumentKind::ObservableGauge,
        "observable_up_down_counter" => InstrumentKind::ObservableUpDownCounter,
        "up_down_counter" => InstrumentKind::UpDownCounter,
        _ => return None,
    })
}

/// A view that would give several instruments one name is refused.
fn name(mut view: View, is_pattern: bool, stream: &Node, findings: &mut Findings) -> View {
    if let Some(name) = stream.key("name") {
        if is_pattern {
            let what =
                "would be the name of several streams: choose one instrument by its name, or give no name";
            findings.add_problem(Finding::new(name.place, name.shown(), what));
        }
        view = view.rename(name.text().unwrap_or_default().to_owned());
    }
    if let Some(description) = stream.key("description").and_then(Node::text) {
        view = view.describe(description.to_owned());
    }
    if let Some(limit) = stream.key("aggregation_cardinality_limit").and_then(integer) {
        view = view.limit(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    view
}

fn aggregation(view: View, name: &str, parameters: &Node, findings: &mut Findings) -> View {
    match name {
        "drop" => view.drop(),
        "sum" => view.sum(),
        "last_value" => view.last_value(),
        "explicit_bucket_histogram" => match parameters.key("boundaries") {
            Some(list) => view.bounds(bounds(list, findings)),
            None => view.bounds(DEFAULT_BOUNDS),
        },
        "base2_exponential_bucket_histogram" => {
            let value = |key, default| parameters.key(key).and_then(integer).unwrap_or(default);
            let max_size = usize::try_from(value("max_size", 160)).unwrap_or(usize::MAX);
            view.exponential_with(max_size, value("max_scale", 20) as i32)
        }
        _ => view,
    }
}

/// The specification's, for who asks for a histogram without bounds.
const DEFAULT_BOUNDS: [f64; 15] =
    [0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10_000.0];

fn bounds(list: &Node, findings: &mut Findings) -> Vec<f64> {
    let bounds: Vec<_> = list.items().iter().filter_map(number).collect();
    let is_usable =
        bounds.windows(2).all(|pair| pair[0] < pair[1]) && bounds.iter().all(|bound| bound.is_finite());
    if !is_usable {
        let what = "are no bounds of a histogram: each is finite, and larger than the one before";
        findings.add_problem(Finding::new(list.place, list.shown(), what));
    }
    bounds
}

/// Included keys without excluded ones; a view knows one of the two.
fn keys(view: View, stream: &Node) -> View {
    let Some(node) = stream.key("attribute_keys") else { return view };
    let list = |key: &str| -> Option<Vec<String>> {
        Some(node.key(key)?.items().iter().filter_map(Node::text).map(str::to_owned).collect())
    };
    let excluded = list("excluded").unwrap_or_default();
    match list("included") {
        Some(included) => view.keep_keys(included.into_iter().filter(|key| !excluded.contains(key))),
        None if excluded.is_empty() => view,
        None => view.drop_keys(excluded),
    }
}

fn integer(node: &Node) -> Option<i64> {
    if let Some(Resolved::Int(value)) = node.resolve() { Some(value) } else { None }
}

fn number(node: &Node) -> Option<f64> {
    match node.resolve()? {
        Resolved::Float(value) => Some(value),
        Resolved::Int(value) => Some(value as f64),
        _ => None,
    }
}
