//! Results: one row for each candidate of a case, printed as a table or kept as JSON.

use serde_json::{Value, json};

use super::LIMIT;

/// One candidate's result. Lower is better, whatever the unit.
#[derive(Clone, Debug)]
pub struct Row {
    pub section: String,
    pub case: String,
    pub candidate: String,
    pub unit: String,
    pub min: f64,
    pub median: f64,
    /// The minimum over that of the case's `LIMIT` row.
    pub limit_ratio: Option<f64>,
}

impl Row {
    pub fn to_json(&self) -> Value {
        let Self { section, case, candidate, unit, min, median, limit_ratio } = self;
        json!({
            "section": section, "case": case, "candidate": candidate, "unit": unit,
            "min": min, "median": median, "limit_ratio": limit_ratio,
        })
    }

    pub fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        Some(Self {
            section: text("section")?,
            case: text("case")?,
            candidate: text("candidate")?,
            unit: text("unit")?,
            min: value["min"].as_f64().unwrap_or(f64::NAN),
            median: value["median"].as_f64().unwrap_or(f64::NAN),
            limit_ratio: value["limit_ratio"].as_f64(),
        })
    }
}

/// Sums up the samples of a case.
pub(super) fn rows<'a>(
    section: &str,
    case: &str,
    unit: &str,
    samples: impl Iterator<Item = (&'a str, Vec<f64>)>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = samples
        .map(|(candidate, mut samples)| {
            samples.sort_by(f64::total_cmp);
            Row {
                section: section.to_owned(),
                case: case.to_owned(),
                candidate: candidate.to_owned(),
                unit: unit.to_owned(),
                min: samples.first().copied().unwrap_or(f64::NAN),
                median: samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN),
                limit_ratio: None,
            }
        })
        .collect();
    let limit = rows.iter().find(|row| row.candidate == LIMIT).map(|row| row.min);
    for row in &mut rows {
        row.limit_ratio = limit.filter(|limit| *limit > 0.0).map(|limit| row.min / limit);
    }
    rows
}

impl Row {
    /// Rows of something that was counted once: bytes, allocations.
    pub fn counted(section: &str, case: &str, unit: &str, counts: &[(&str, f64)]) -> Vec<Self> {
        rows(section, case, unit, counts.iter().map(|(name, count)| (*name, vec![*count])))
    }
}

/// Prints the rows of one case as an aligned table.
pub fn print(rows: &[Row]) {
    let Some(first) = rows.first() else { return };
    let width = rows.iter().map(|row| row.candidate.len()).max().unwrap_or(0).max(first.case.len());
    println!(
        "\n{:<width$}  {:>10}  {:>10}  {:>8}   [{}]",
        first.case, "min", "median", "x limit", first.unit
    );
    for row in rows {
        let ratio = row.limit_ratio.map_or_else(|| "-".to_owned(), number);
        let (min, median) = (number(row.min), number(row.median));
        println!("{:<width$}  {min:>10}  {median:>10}  {ratio:>8}", row.candidate);
    }
}

/// Three significant digits or so; a dash where no sample counted.
pub fn number(value: f64) -> String {
    match value {
        v if v.is_nan() => "-".to_owned(),
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}
