//! The series that a program of this toolkit has now, by its own account. What values they have it does not say.

use throughline::core::name::FamilyKind;

use super::catalogue::series_of_a_set;
use super::instrument::{Attribute, Instrument};
use crate::status::{self, Entry};

/// Asks the program.
///
/// # Errors
/// When it cannot be asked.
pub(super) async fn read(url: &str) -> anyhow::Result<Vec<Instrument>> {
    Ok(status::instruments(url).await?.into_iter().map(instrument).collect())
}

fn instrument(entry: Entry) -> Instrument {
    let is_histogram = entry.family_kind() == FamilyKind::Histogram;
    let of_a_set = series_of_a_set(is_histogram, entry.bounds.as_deref(), &entry.unit);
    let attribute = |of: status::Attribute| Attribute {
        key: of.key,
        values: of.cardinality,
        examples: of.values.into_iter().take(3).collect(),
        ..Attribute::default()
    };
    Instrument {
        series: Some(entry.series * of_a_set),
        sets: Some(entry.series),
        has_overflow: entry.overflowed,
        attributes: entry.attributes.into_iter().map(attribute).collect(),
        name: entry.name,
        ..Instrument::default()
    }
}
