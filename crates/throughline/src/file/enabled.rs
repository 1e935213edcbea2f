//! Reads the file that was asked for, and adds what it says to the settings.

use std::fs::File;
use std::io::{self, Read as _};
use std::sync::Arc;

use super::FileExtras;
use super::check::Findings;
use super::finding::Finding;
use super::node::Place;
use super::read::Contents;
use super::yaml::BYTES_MAX;
use super::{substitute, yaml};
use crate::config::TelemetryConfig;
use crate::error::Source;
use crate::settings::{FileLayer, Settings, catalogue};

/// What the file says, if there is to be one. All its problems and warnings are noted.
pub(crate) fn read(config: &TelemetryConfig, settings: &mut Settings<'_>) -> FileExtras {
    let Some((path, text)) = text(config, settings) else { return FileExtras::default() };
    let lookup = |variable: &str| config.environment.verbatim(variable);
    let (contents, findings) = understand(&text, &lookup);
    let at = |Place { line, column }| Source::File { path: Arc::clone(&path), line, column };
    for Finding { place, value, what } in findings.problems {
        settings.problem(at(place), value, what);
    }
    for Finding { place, value, what } in findings.warnings {
        settings.warn(format!("{}: `{value}` {what}", at(place)));
    }
    settings.add_file(FileLayer { path: Arc::clone(&path), values: contents.values });
    contents.extras
}

/// The file's name and what is in it.
fn text(config: &TelemetryConfig, settings: &mut Settings<'_>) -> Option<(Arc<str>, Arc<str>)> {
    if let Some(text) = &config.file_contents {
        let (name, source) = ("contents", Source::Code("with_file_contents"));
        settings.note(&catalogue::CONFIG_FILE, name.to_owned(), source, Vec::new());
        return Some((name.into(), Arc::clone(text)));
    }
    let code = config.file.as_ref().map(|path| ("with_file", path.display().to_string()));
    let path = settings.choose(&catalogue::CONFIG_FILE, code, |path| Ok(path.to_owned()))?;
    let source = settings.last_source();
    if source == Source::Environment("OTEL_EXPERIMENTAL_CONFIG_FILE".into()) {
        settings.warn("OTEL_EXPERIMENTAL_CONFIG_FILE is the old name of OTEL_CONFIG_FILE: set that");
    }
    match contents(&path) {
        Ok(text) => Some((path.into(), text.into())),
        Err(error) => {
            settings.problem_of(&catalogue::CONFIG_FILE, source, path, format!("cannot be read: {error}"));
            None
        }
    }
}

/// Not more of it than a configuration can have: it may be a device that never ends.
fn contents(path: &str) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Everything a text says, and everything that is to be said of it.
pub(super) fn understand(text: &str, lookup: substitute::Lookup<'_>) -> (Contents, Findings) {
    let mut findings = Findings::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut root = match yaml::parse(text) {
        Ok(root) => root,
        Err(problem) => {
            findings.add_problem(problem);
            return (Contents::default(), findings);
        }
    };
    substitute::substitute(&mut root, lookup, &mut findings.problems);
    // A file of another version has other keys: its number is what is wrong.
    if !findings.version(&root) {
        return (Contents::default(), findings);
    }
    findings.check(&root);
    if !findings.problems.is_empty() {
        return (Contents::default(), findings);
    }
    (Contents::read(&root, &mut findings), findings)
}
