//! The report, for people and as JSON.

use serde_json::{Value, json};

use super::Report;
use super::advice::Advice;
use super::findings::findings;
use super::instrument::{Attribute, Instrument};
use crate::doctor::troubles::trouble;

/// Without a limit, what to do is shown for instruments with more series …
const MANY: usize = 100;

/// The table, and what to do about what is too much.
pub(super) fn human(report: &Report, limit: Option<usize>, top: usize) -> anyhow::Result<()> {
    let Report { source, instruments } = report;
    say!("{source}: {} of {} instruments", total(report), instruments.len());
    for instrument in instruments.iter().take(top) {
        head(instrument)?;
        table(instrument)?;
        advise(instrument, limit)?;
    }
    for instrument in instruments.iter().skip(top) {
        if !findings(instrument, limit).is_empty() {
            head(instrument)?;
            advise(instrument, limit)?;
        }
    }
    if let Some(more) = instruments.len().checked_sub(top).filter(|more| *more > 0) {
        say!("\n{more} more; --top shows them");
    }
    Ok(())
}

fn total(report: &Report) -> String {
    let known: usize = report.instruments.iter().filter_map(|instrument| instrument.series).sum();
    let unbounded = report.instruments.iter().filter(|instrument| instrument.series.is_none()).count();
    if unbounded > 0 {
        format!("{unbounded} without a bound, {known} series")
    } else {
        format!("{known} series")
    }
}

fn head(instrument: &Instrument) -> anyhow::Result<()> {
    let Instrument { name, series, sets, declared, .. } = instrument;
    let of_sets = sets.filter(|sets| series.is_some_and(|series| series != *sets));
    let of_sets =
        of_sets.map(|sets| format!(" of {sets} set{} of attributes", if sets == 1 { "" } else { "s" }));
    match series {
        Some(series) => say!("\n{name}: {series} series{}", of_sets.unwrap_or_default()),
        None => say!("\n{name}: no bound{}", unbounded(instrument)),
    }
    let places: Vec<&str> = declared.iter().map(|declared| &*declared.place).collect();
    if !places.is_empty() {
        say!("  declared in {}", places.join(", "));
    }
    Ok(())
}

/// What makes it so.
fn unbounded(instrument: &Instrument) -> String {
    let keys = instrument.attributes.iter().filter(|attribute| attribute.values.is_none());
    let keys: Vec<&str> = keys.map(|attribute| &*attribute.key).collect();
    let each = instrument.series_each.map(|each| format!(", {each} series for each {}", keys.join(" × ")));
    each.unwrap_or_default()
}

/// A line for each attribute that makes series; the others are named.
fn table(instrument: &Instrument) -> anyhow::Result<()> {
    let (one, more): (Vec<_>, Vec<_>) =
        instrument.attributes.iter().partition(|attribute| attribute.values == Some(1));
    let width = more.iter().map(|attribute| attribute.key.len()).max().unwrap_or(0).max("ATTRIBUTE".len());
    if !more.is_empty() {
        say!(
            "  {:width$}  {:>8}  {:>12}  {:>6}  VALUES LIKE",
            "ATTRIBUTE",
            "VALUES",
            "LEFT WITHOUT",
            "SAVES"
        );
    }
    for attribute in more {
        let values = attribute.values.map_or_else(|| "any".to_owned(), |values| values.to_string());
        let left = attribute.without.map_or_else(|| "-".to_owned(), |left| left.to_string());
        let saves = instrument
            .series
            .zip(attribute.without)
            .map_or_else(|| "-".to_owned(), |(all, left)| percent(all, left));
        say!("  {:width$}  {values:>8}  {left:>12}  {saves:>6}  {}", attribute.key, looks(attribute));
    }
    if !one.is_empty() {
        let keys: Vec<&str> = one.iter().map(|attribute| &*attribute.key).collect();
        say!("  with one value each: {}", keys.join(", "));
    }
    Ok(())
}

/// How much of it goes, rounded down: what is left is never nothing.
fn percent(all: usize, left: usize) -> String {
    format!("{}%", (all - left.min(all)) * 100 / all.max(1))
}

fn looks(attribute: &Attribute) -> String {
    let shape = attribute.shape.map(|shape| format!("{shape}: ")).unwrap_or_default();
    let more =
        if attribute.values.is_none_or(|values| values > attribute.examples.len()) { ", …" } else { "" };
    match &*attribute.examples {
        [] => String::new(),
        examples => format!("{shape}{}{more}", examples.join(", ")),
    }
}

/// The findings, and what to do when there are any, or when most of many series can be saved.
fn advise(instrument: &Instrument, limit: Option<usize>) -> anyhow::Result<()> {
    let findings = findings(instrument, limit);
    for finding in &findings {
        let title = trouble(finding.id).map_or("", |known| &known.title);
        say!("  {} {title}: {}", finding.id, finding.evidence);
    }
    let Some(advice) = Advice::on(instrument) else { return Ok(()) };
    let is_worth = instrument.series.is_some_and(|series| series > MANY && advice.left * 2 < series);
    if findings.is_empty() && (limit.is_some() || !is_worth) {
        return Ok(());
    }
    say!("  drop {}, and {} series are left:", advice.attribute.key, advice.left);
    say!("    {}", advice.view);
    if let Some(relabel) = advice.relabel {
        say!(
            "  or in prometheus.yml, which keeps one of the series that become the same, and adds nothing up:"
        );
        relabel.lines().try_for_each(|line| anyhow::Ok(say!("    {line}")))?;
    }
    Ok(())
}

/// One document; `schema_version` changes when a field is taken away or means something else.
pub(super) fn json(report: &Report, limit: Option<usize>, top: usize) -> anyhow::Result<()> {
    let Report { source, instruments } = report;
    let series: usize = instruments.iter().filter_map(|instrument| instrument.series).sum();
    let found = instruments.iter().flat_map(|instrument| {
        findings(instrument, limit).into_iter().map(|finding| {
            let known = trouble(finding.id);
            json!({
                "id": finding.id,
                "instrument": instrument.name,
                "title": known.map(|known| &known.title),
                "evidence": finding.evidence,
                "help": known.map(|known| &known.help),
                "explain": format!("throughline explain {}", finding.id),
            })
        })
    });
    say!(
        "{:#}",
        json!({
            "schema_version": 1,
            "source": source,
            "series": series,
            "instruments_total": instruments.len(),
            "instruments": instruments.iter().take(top).map(instrument).collect::<Value>(),
            "findings": found.collect::<Value>(),
        })
    );
    Ok(())
}

fn instrument(of: &Instrument) -> Value {
    let drop = Advice::on(of).map(|Advice { attribute, left, view, relabel }| {
        json!({ "attribute": attribute.key, "series_left": left, "view": view, "metric_relabel_configs": relabel })
    });
    let declared = of.declared.iter().map(|one| json!({ "in": one.place, "name": one.name }));
    json!({
        "name": of.name,
        "stored_as": of.stored,
        "series": of.series,
        "series_each": of.series_each,
        "attribute_sets": of.sets,
        "overflowed": of.has_overflow,
        "attributes": of.attributes.iter().map(attribute).collect::<Value>(),
        "declared": declared.collect::<Value>(),
        "drop": drop,
    })
}

fn attribute(of: &Attribute) -> Value {
    json!({
        "key": of.key,
        "values": of.values,
        "series_without": of.without,
        "shape": of.shape.map(super::shape::Shape::name),
        "examples": of.examples,
    })
}
