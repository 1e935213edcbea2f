//! The schema against the official one, the settings it names, and the page that is made of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::apply::setting;
use super::schema::{self, Effect, Key, ROOT, Shape};

/// The official JSON schema of the format, version 1.1: see the note beside it.
const OFFICIAL: &str = include_str!("../../tests/config_file/official/schema-1.1.json");

/// Each key of ours, once, with its path and the root key that it stands below.
fn each(see: &mut dyn FnMut(&str, &'static Key, &'static str)) {
    fn below(
        keys: &'static [Key],
        (path, root): (&str, &'static str),
        depth: usize,
        see: &mut dyn FnMut(&str, &'static Key, &'static str),
    ) {
        for key in keys {
            let root = if root.is_empty() { key.name } else { root };
            let list = if matches!(key.shape, Shape::List(_)) { "[]" } else { "" };
            let path = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
            see(&path, key, root);
            // Samplers are in samplers: once is enough.
            if depth < 12
                && key.name != "simple"
                && !path.contains("parent_based.root.")
                && path.matches("_parent_").count() == 0
            {
                below(key.shape.keys(), (&format!("{path}{list}"), root), depth + 1, see);
            }
        }
    }
    below(ROOT.keys(), ("", ""), 0, see);
}

#[test]
fn every_setting_that_a_key_sets_exists() {
    each(&mut |path, key, root| {
        if let Effect::Sets(name) = key.effect {
            assert!(setting(schema::signal(root), name).is_some(), "{path} sets {name}");
        }
    });
}

/// Follows a reference of the official schema.
fn resolved<'a>(official: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => &official["$defs"][reference.trim_start_matches("#/$defs/")],
        None => schema,
    }
}

/// Every key that the official schema has and ours does not, but for what is below keys without effect.
fn missing(
    official: &Value,
    theirs: &Value,
    ours: Shape,
    path: &str,
    depth: usize,
    found: &mut BTreeSet<String>,
) {
    let theirs = resolved(official, theirs);
    if matches!(ours, Shape::Any) || depth > 14 {
        return;
    }
    if let Shape::List(ours) = ours {
        return missing(official, &theirs["items"], *ours, path, depth + 1, found);
    }
    for (name, schema) in theirs["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        match ours.keys().iter().find(|key| key.name == name) {
            None => drop(found.insert(path)),
            Some(key) => missing(official, schema, key.shape, &path, depth + 1, found),
        }
    }
}

#[test]
fn every_key_of_the_official_schema_is_known() {
    let official: Value = serde_json::from_str(OFFICIAL).expect("the schema is JSON");
    let mut found = BTreeSet::new();
    missing(&official, &official, ROOT, "", 0, &mut found);
    assert!(found.is_empty(), "{found:#?}");
}

/// The words that the official schema allows where ours chooses among words.
fn words(official: &Value, theirs: &Value, ours: Shape, path: &str, depth: usize, checked: &mut usize) {
    let theirs = resolved(official, theirs);
    match ours {
        Shape::Choice(words) => {
            let of_schema: BTreeSet<_> =
                theirs["enum"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let known: BTreeSet<_> = words.iter().map(|(word, _)| *word).collect();
            assert_eq!(of_schema, known, "{path}");
            *checked += 1;
        }
        Shape::List(ours) => words_of_items(official, &theirs["items"], *ours, path, depth, checked),
        _ if depth > 14 => {}
        _ => {
            for (name, schema) in theirs["properties"].as_object().into_iter().flatten() {
                if let Some(key) = ours.keys().iter().find(|key| key.name == name) {
                    words(official, schema, key.shape, &format!("{path}.{name}"), depth + 1, checked);
                }
            }
        }
    }
}

fn words_of_items(
    official: &Value,
    theirs: &Value,
    ours: Shape,
    path: &str,
    depth: usize,
    checked: &mut usize,
) {
    words(official, theirs, ours, path, depth + 1, checked);
}

#[test]
fn every_word_of_the_official_schema_is_known() {
    let official: Value = serde_json::from_str(OFFICIAL).expect("the schema is JSON");
    let mut checked = 0;
    words(&official, &official, ROOT, "", 0, &mut checked);
    assert!(checked > 10, "{checked} lists of words were compared");
}

/// The table of `docs/configuration-file.md`.
fn table() -> String {
    let mut table = String::from("| key | what it does |\n|---|---|\n");
    each(&mut |path, key, root| {
        let does = match key.effect {
            Effect::Part => return,
            Effect::Does(what) => what.to_owned(),
            Effect::Ignored(why) => format!("**nothing**, with a warning: {why}"),
            Effect::Sets(name) => {
                format!(
                    "sets `{}`",
                    setting(schema::signal(root), name).unwrap_or("a setting that does not exist")
                )
            }
        };
        let list = if matches!(key.shape, Shape::List(_)) { "[]" } else { "" };
        let _infallible = writeln!(table, "| `{path}{list}` | {does} |");
    });
    table
}

#[test]
fn the_page_about_the_file_has_the_table_of_its_keys() {
    let page = include_str!("../../../../docs/configuration-file.md");
    let table = table();
    assert!(page.contains(&table), "docs/configuration-file.md should have this table:\n{table}");
}
