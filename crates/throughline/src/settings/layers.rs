//! What is said of a setting outside of code: variables, an application's own names for them, a file.
//!
//! `mod.rs` asks for one setting after the other; the strongest layer answers first.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alias::Alias;
use super::definition::Definition;
use crate::config::Environment;
use crate::error::{Problem, Source};

/// Values longer than this are mistakes, and not worth reading.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// What one layer says of a setting.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) text: String,
    pub(crate) source: Source,
    /// Which of the setting's variables it is; none for a file.
    pub(crate) variable: Option<usize>,
}

/// What a configuration file says of settings, by their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileLayer {
    /// The file, as messages name it.
    pub(crate) path: Arc<str>,
    pub(crate) values: BTreeMap<&'static str, FileValue>,
}

/// What a configuration file says of one setting, as one would write it into the setting's variable.
#[derive(Clone, Debug)]
pub(crate) struct FileValue {
    pub(crate) text: String,
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1.
    pub(crate) column: usize,
}

/// The layers below code.
#[derive(Clone, Debug)]
pub(super) struct Layers<'a> {
    pub(super) environment: &'a Environment,
    pub(super) aliases: &'a [Alias],
    pub(super) file: FileLayer,
}

impl Layers<'_> {
    /// Everything that is said, strongest first, and what cannot be used of it.
    pub(super) fn given(&self, definition: &Definition) -> (Vec<Given>, Vec<Problem>) {
        let (mut given, mut problems) = (Vec::new(), Vec::new());
        for (place, variable) in definition.variables.iter().enumerate() {
            for found in self.of_variable(variable, place) {
                match found.and_then(|given| short(definition, given)) {
                    Ok(found) => given.push(found),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        given.extend(self.of_file(definition));
        (given, problems)
    }

    /// A variable itself wins over the names that an application has for it.
    fn of_variable(&self, variable: &'static str, place: usize) -> Vec<Result<Given, Problem>> {
        let given = |text, name: &Alias| Given { text, source: name.source(), variable: Some(place) };
        let own = self.environment.value(variable).map(|text| {
            Ok(Given { text, source: Source::Environment(variable.into()), variable: Some(place) })
        });
        let aliases = self.aliases.iter().filter(|alias| alias.stands_for(variable));
        let others = aliases.filter_map(|alias| {
            let text = self.environment.value(alias.name())?;
            let translated = alias.translate(&text).map(|text| given(text, alias));
            Some(translated.map_err(|what| Problem {
                setting: "",
                source: alias.source(),
                value: text,
                what,
            }))
        });
        own.into_iter().chain(others).collect()
    }

    fn of_file(&self, definition: &Definition) -> Option<Given> {
        let FileValue { text, line, column } = self.file.values.get(definition.name)?.clone();
        let source = Source::File { path: Arc::clone(&self.file.path), line, column };
        Some(Given { text, source, variable: None })
    }
}

fn short(definition: &Definition, given: Given) -> Result<Given, Problem> {
    if given.text.len() <= VALUE_BYTES_MAX {
        return Ok(given);
    }
    let what = format!("has {} bytes; `{definition}` takes {VALUE_BYTES_MAX} at most", given.text.len());
    Err(Problem { setting: "", source: given.source, value: "…".to_owned(), what })
}
