//! Where the names of instruments stand in Rust sources: every string that the store's name can come of.
//!
//! Strings are looked at, not what they are handed to: a name in a test is found as well.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};
use throughline::TranslationStrategy;

use super::declared::Declared;
use super::instrument::Instrument;
use crate::lint::workspace::Workspace;

/// Of one instrument, so many places are named.
const PLACES: usize = 3;

/// What exporters add to names, besides `_total`.
const UNITS: [&str; 16] = [
    "seconds",
    "milliseconds",
    "microseconds",
    "nanoseconds",
    "minutes",
    "hours",
    "days",
    "bytes",
    "kibibytes",
    "mebibytes",
    "gibibytes",
    "ratio",
    "percent",
    "celsius",
    "hertz",
    "per_second",
];

/// Every string of the sources, by its name in the store without suffixes.
struct Strings(HashMap<String, Vec<Found>>);

struct Found {
    text: String,
    place: String,
}

/// Says of each instrument where its name stands below this folder.
///
/// # Errors
/// When there is no such folder.
pub(super) fn look(folder: &Path, instruments: &mut [Instrument]) -> anyhow::Result<()> {
    let workspace = Workspace::read(&[folder.to_path_buf()])?;
    let mut strings = Strings(HashMap::new());
    for (path, text) in workspace.texts() {
        if path.extension().is_some_and(|kind| kind == "rs") {
            // What cannot be parsed cannot be compiled.
            if let Ok(tokens) = text.parse::<TokenStream>() {
                strings.read(&path.display().to_string(), tokens);
            }
        }
    }
    for instrument in instruments {
        let keys: BTreeMap<String, String> = instrument
            .attributes
            .iter()
            .filter_map(|of| Some((of.key.clone(), strings.of(&of.key).first()?.text.clone())))
            .collect();
        let found = strings.of_metric(&instrument.name);
        instrument.declared.extend(found.iter().take(PLACES).map(|Found { text, place }| Declared {
            place: place.clone(),
            name: text.clone(),
            keys: keys.clone(),
        }));
    }
    Ok(())
}

impl Strings {
    fn read(&mut self, path: &str, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => self.read(path, group.stream()),
                TokenTree::Literal(literal) => {
                    let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) else { continue };
                    let text = text.value();
                    if is_name(&text) {
                        let name = TranslationStrategy::default().label_name(&text).into_owned();
                        let place = format!("{path}:{}", literal.span().start().line);
                        self.0.entry(name).or_default().push(Found { text, place });
                    }
                }
                _ => {}
            }
        }
    }

    /// Those that are translated into this.
    fn of(&self, stored: &str) -> &[Found] {
        let name = TranslationStrategy::default().label_name(stored);
        self.0.get(&*name).map_or(&[], Vec::as_slice)
    }

    /// Those that this name can come of: without a unit, without `_total`, as it is. The whole name may stand in a query.
    fn of_metric(&self, stored: &str) -> &[Found] {
        let without_total = stored.strip_suffix("_total").unwrap_or(stored);
        let without_unit = UNITS.iter().find_map(|unit| without_total.strip_suffix(unit)?.strip_suffix('_'));
        let candidates = [without_unit, Some(without_total), Some(stored)].into_iter().flatten();
        candidates.map(|name| self.of(name)).find(|found| !found.is_empty()).unwrap_or_default()
    }
}

/// What an instrument or an attribute may be called.
fn is_name(text: &str) -> bool {
    text.len() <= 255
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_was_added_to_them() {
        let mut strings = Strings(HashMap::new());
        let source =
            "fn f() { meter\n.f64_histogram(\"http.latency\").build(); counter!(A, \"orders.placed\") }";
        strings.read("src/lib.rs", source.parse().unwrap());
        for (stored, text, place) in [
            ("http_latency_seconds", "http.latency", "src/lib.rs:2"),
            ("http.latency", "http.latency", "src/lib.rs:2"),
            ("orders_placed_total", "orders.placed", "src/lib.rs:2"),
        ] {
            let [found] = strings.of_metric(stored) else { panic!("{stored}") };
            assert_eq!((&*found.text, &*found.place), (text, place));
        }
        assert!(strings.of_metric("http_latency_of_others").is_empty());
    }
}
