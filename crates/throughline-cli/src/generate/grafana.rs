//! Charts as a dashboard of Grafana: its JSON, built by hand, since of the format little is needed.
//!
//! The same charts give the same bytes. A panel's id is made of its title, so that links to it stay when others come.

use serde_json::{Value, json};

use super::chart::{Chart, Kind, Query, Row};

/// A dashboard to be.
#[derive(Debug)]
pub(crate) struct Dashboard {
    /// What its address ends with.
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) description: String,
    /// Each with a title and its charts, in order of their rows.
    pub(crate) parts: Vec<(String, Vec<Chart>)>,
}

/// The name of the variable that the data source is chosen by.
const SOURCE: &str = "${datasource}";
/// How wide a dashboard is, in Grafana's units.
const WIDTH: usize = 24;
const HEIGHT: usize = 8;

impl Dashboard {
    pub(crate) fn to_json(&self) -> Value {
        let mut grid = Grid::default();
        for (title, charts) in &self.parts {
            for row in Row::ALL {
                let of_row: Vec<_> = charts.iter().filter(|chart| chart.row == row).collect();
                if !of_row.is_empty() {
                    grid.row(&heading(title, row));
                    for chart in of_row {
                        grid.panel(title, chart);
                    }
                }
            }
        }
        json!({
            "uid": format!("throughline-{}", self.name),
            "title": self.title,
            "description": self.description,
            "tags": ["throughline"],
            "schemaVersion": 41,
            "editable": true,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-1h", "to": "now"},
            "templating": {"list": variables()},
            "panels": grid.panels,
        })
    }
}

fn heading(part: &str, row: Row) -> String {
    if part.is_empty() { row.title().to_owned() } else { format!("{part}: {}", lowercase_first(row.title())) }
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(chars).collect()
}

/// Panels in rows, from left to right.
#[derive(Default)]
struct Grid {
    panels: Vec<Value>,
    x: usize,
    y: usize,
}

impl Grid {
    fn row(&mut self, title: &str) {
        self.new_line();
        let grid = json!({"h": 1, "w": WIDTH, "x": 0, "y": self.y});
        self.panels.push(json!({
            "type": "row", "id": id("row", title), "title": title, "collapsed": false, "gridPos": grid, "panels": [],
        }));
        self.y += 1;
    }

    fn panel(&mut self, part: &str, chart: &Chart) {
        let width = if matches!(chart.kind, Kind::Lines) { WIDTH / 3 } else { WIDTH / 2 };
        if self.x + width > WIDTH {
            self.new_line();
        }
        let grid = json!({"h": HEIGHT, "w": width, "x": self.x, "y": self.y});
        self.panels.push(panel(id(part, &chart.title), &grid, chart));
        self.x += width;
    }

    fn new_line(&mut self) {
        if self.x > 0 {
            (self.x, self.y) = (0, self.y + HEIGHT);
        }
    }
}

fn panel(id: u32, grid: &Value, chart: &Chart) -> Value {
    let targets: Vec<_> =
        chart.queries.iter().zip('A'..).map(|(query, letter)| target(query, letter, chart.kind)).collect();
    let mut panel = json!({
        "id": id,
        "title": chart.title,
        "description": chart.description,
        "gridPos": grid,
        "datasource": source(),
        "targets": targets,
    });
    let (kind, options, defaults) = match chart.kind {
        Kind::Heatmap => ("heatmap", heatmap_options(chart.unit), json!({})),
        Kind::Lines | Kind::LinesWithExemplars => ("timeseries", line_options(), line_defaults(chart.unit)),
    };
    panel["type"] = json!(kind);
    panel["options"] = options;
    panel["fieldConfig"] = json!({"defaults": defaults, "overrides": []});
    panel
}

fn target(query: &Query, letter: char, kind: Kind) -> Value {
    json!({
        "refId": letter.to_string(),
        "datasource": source(),
        "expr": query.expression,
        "legendFormat": query.legend,
        "range": true,
        "exemplar": kind == Kind::LinesWithExemplars,
        "format": if kind == Kind::Heatmap { "heatmap" } else { "time_series" },
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": SOURCE})
}

fn line_options() -> Value {
    json!({
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
        "tooltip": {"mode": "multi", "sort": "desc"},
    })
}

fn line_defaults(unit: &str) -> Value {
    json!({
        "unit": unit,
        "min": 0,
        "custom": {"drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "never", "spanNulls": true},
    })
}

fn heatmap_options(unit: &str) -> Value {
    json!({
        "calculate": false,
        "cellGap": 1,
        "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64},
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": true},
        "rowsFrame": {"layout": "auto"},
        "tooltip": {"mode": "single", "yHistogram": true},
        "yAxis": {"unit": unit},
    })
}

/// Where data comes from, of which services, of which of their instances.
fn variables() -> Value {
    json!([
        {"type": "datasource", "name": "datasource", "label": "Data source", "query": "prometheus"},
        labels("service", "Service", "label_values(target_info, job)"),
        labels("instance", "Instance", r#"label_values(target_info{job=~"$service"}, instance)"#),
    ])
}

fn labels(name: &str, label: &str, query: &str) -> Value {
    json!({
        "type": "query",
        "name": name,
        "label": label,
        "datasource": source(),
        "query": {"qryType": 1, "query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    })
}

/// FNV-1a in 31 bits: what Grafana takes as an id, and the same in every release.
fn id(part: &str, title: &str) -> u32 {
    let bytes = part.bytes().chain([0]).chain(title.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 1).max(1)
}
