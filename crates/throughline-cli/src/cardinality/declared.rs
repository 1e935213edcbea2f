//! Where an instrument of the store is declared: the store has its translated name, a `View` needs the one that was written.

use std::collections::{BTreeMap, HashMap};

use throughline::{MetricDef, TranslationStrategy};
use throughline_instruments::{Kit, kits};

use super::instrument::Instrument;

/// A declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Declared {
    /// A kit, or file and line.
    pub(super) place: String,
    /// The instrument's own name.
    pub(super) name: String,
    /// The keys of attributes by the names of their labels, as far as they are known.
    pub(super) keys: BTreeMap<String, String>,
}

/// Says of each instrument that a kit records which kit that is.
pub(super) fn by_kits(instruments: &mut [Instrument]) {
    let known = stored_names();
    for instrument in instruments {
        let of_kits = known.get(&instrument.name).into_iter().flatten();
        instrument.declared.extend(of_kits.map(|(kit, def)| of_kit(kit, def)));
    }
}

/// What a definition of a kit says.
pub(super) fn of_kit(kit: &Kit, def: &MetricDef) -> Declared {
    let mut keys = BTreeMap::new();
    for attribute in def.attributes {
        for strategy in TranslationStrategy::ALL {
            keys.insert(strategy.label_name(attribute.key).into_owned(), attribute.key.to_owned());
        }
    }
    let place = match def.field {
        "" => format!("kit {}", kit.name),
        field => format!("kit {}: {field}", kit.name),
    };
    Declared { place, name: def.name.to_owned(), keys }
}

/// The metrics of kits by every name that they can have in a store.
fn stored_names() -> HashMap<String, Vec<(&'static Kit, &'static MetricDef)>> {
    let mut known: HashMap<String, Vec<(&Kit, &MetricDef)>> = HashMap::new();
    for kit in kits() {
        for def in kit.definitions() {
            for strategy in TranslationStrategy::ALL {
                let Ok(name) = strategy.metric_name(def.name, def.unit, def.kind.into()) else { continue };
                let of_name = known.entry(name).or_default();
                if !of_name.iter().any(|(other, _)| other.name == kit.name) {
                    of_name.push((kit, def));
                }
            }
        }
    }
    known
}
