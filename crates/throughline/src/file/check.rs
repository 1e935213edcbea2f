//! Compares a file with the format: unknown keys, values of the wrong type, and keys that have no effect here.
//!
//! Called by `enabled.rs` before anything is read, and finds everything there is to find.

use super::finding::Finding;
use super::node::{Key as Name, Node, Resolved, Value};
use super::schema::{self, Effect, Key, Shape};
use crate::settings::nearest;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Finding>,
    pub(super) warnings: Vec<Finding>,
}

/// The most that is told: who has more has another problem.
const FINDINGS_MAX: usize = 100;

impl Findings {
    /// Looks at the whole file.
    pub(super) fn check(&mut self, root: &Node) {
        self.value(root, schema::ROOT, "");
    }

    fn problem(&mut self, node: &Node, what: impl Into<String>) {
        self.add_problem(Finding::new(node.place, node.shown(), what));
    }

    pub(super) fn add_problem(&mut self, problem: Finding) {
        if self.problems.len() < FINDINGS_MAX {
            self.problems.push(problem);
        }
    }

    pub(super) fn add_warning(&mut self, warning: Finding) {
        if self.warnings.len() < FINDINGS_MAX {
            self.warnings.push(warning);
        }
    }

    fn value(&mut self, node: &Node, shape: Shape, path: &str) {
        if node.is_null() {
            return;
        }
        match shape {
            Shape::Any => {}
            Shape::Map(keys) => self.map(node, keys, path),
            Shape::One(keys) => self.one(node, keys, path),
            Shape::List(shape) => self.list(node, *shape, path),
            scalar => self.scalar(node, scalar, path),
        }
    }

    fn map(&mut self, node: &Node, keys: &[Key], path: &str) {
        let Value::Map(members) = &node.value else {
            let what = match keys {
                [] => format!("is {}; `{path}` takes nothing", node.kind()),
                _ => format!("is {}; `{path}` is a map", node.kind()),
            };
            return self.problem(node, what);
        };
        for (name, value) in members {
            match keys.iter().find(|key| key.name == name.name) {
                None => self.unknown(name, keys, path),
                Some(key) => self.key(name, value, key, path),
            }
        }
    }

    fn key(&mut self, name: &Name, value: &Node, key: &Key, path: &str) {
        let path = if path.is_empty() { name.name.clone() } else { format!("{path}.{}", name.name) };
        if let Effect::Ignored(why) = key.effect {
            self.add_warning(Finding::new(name.place, &path, format!("has no effect: {why}")));
        }
        self.value(value, key.shape, &path);
    }

    fn unknown(&mut self, name: &Name, keys: &[Key], path: &str) {
        let known: Vec<_> = keys.iter().map(|key| key.name).collect();
        let of = if path.is_empty() { "the file".to_owned() } else { format!("`{path}`") };
        let advice = match nearest(&name.name, &known) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "it has none".to_owned(),
            None => format!("it has {}", known.join(", ")),
        };
        self.add_problem(Finding::new(name.place, name.name.clone(), format!("is no key of {of}: {advice}")));
    }

    fn one(&mut self, node: &Node, keys: &[Key], path: &str) {
        self.map(node, keys, path);
        let chosen = node.members().len();
        if matches!(node.value, Value::Map(_)) && chosen != 1 {
            let known: Vec<_> = keys.iter().map(|key| key.name).collect();
            let known = known.join(", ");
            self.problem(node, format!("`{path}` takes exactly one of {known}, and has {chosen}"));
        }
    }

    fn list(&mut self, node: &Node, shape: Shape, path: &str) {
        let Value::List(items) = &node.value else {
            return self.problem(node, format!("is {}; `{path}` is a list", node.kind()));
        };
        for (at, item) in items.iter().enumerate() {
            let path = format!("{path}[{at}]");
            if item.is_null() {
                self.problem(item, format!("is nothing; `{path}` is left out or given a value"));
            }
            self.value(item, shape, &path);
        }
    }

    fn scalar(&mut self, node: &Node, shape: Shape, path: &str) {
        let Some(value) = node.resolve() else {
            return self.problem(node, format!("is {}; `{path}` is {}", node.kind(), expected(shape)));
        };
        let fits = match (shape, value) {
            // What a variable says may look like a number: a key of an API, say.
            (Shape::Text, _) | (Shape::Bool, Resolved::Bool(_)) | (Shape::Number, Resolved::Int(_)) => true,
            (Shape::Int(least), Resolved::Int(value)) => value >= least,
            (Shape::Within(least, most), Resolved::Int(value)) => (least..=most).contains(&value),
            (Shape::Timeout, Resolved::Int(value)) => value >= 0,
            (Shape::Share, Resolved::Int(value)) => value == 0 || value == 1,
            (Shape::Share, Resolved::Float(value)) => (0.0..=1.0).contains(&value),
            (Shape::Number, Resolved::Float(value)) => !value.is_nan(),
            (Shape::Choice(words), Resolved::Text(text)) => words.iter().any(|(word, _)| *word == text),
            _ => false,
        };
        if !fits {
            self.problem(node, format!("is {}; `{path}` is {}", node.kind(), expected(shape)));
        }
    }
}

/// What a scalar must be, in words.
fn expected(shape: Shape) -> String {
    match shape {
        Shape::Text => "text".to_owned(),
        Shape::Bool => "true or false".to_owned(),
        Shape::Int(least) => format!("an integer, {least} or more"),
        Shape::Within(least, most) => format!("an integer from {least} to {most}"),
        Shape::Timeout => "an integer, milliseconds, where 0 means no limit".to_owned(),
        Shape::Share => "a number from 0 to 1".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Choice(words) => {
            let words: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            format!("one of {}", words.join(", "))
        }
        Shape::Map(_) | Shape::One(_) | Shape::List(_) | Shape::Any => "something else".to_owned(),
    }
}

/// Versions of the format.
impl Findings {
    /// Whether the file is of a version whose keys are known.
    pub(super) fn version(&mut self, root: &Node) -> bool {
        let Some(version) = root.key("file_format") else {
            let what = "is missing; begin the file with `file_format: \"1.0\"`";
            self.add_problem(Finding::new(root.place, "file_format", what));
            // Null, and nothing else: there is nothing to check.
            return matches!(root.value, Value::Map(_));
        };
        let text = version.text().unwrap_or_default();
        let number = text.split_once('-').map_or(text, |(number, _)| number);
        match number.split_once('.').map(|(major, minor)| (major, minor.parse::<u32>())) {
            Some(("1", Ok(_))) => {}
            Some(("0", Ok(_))) => {
                self.problem(version, OLD);
                return false;
            }
            _ => {
                self.problem(version, "is no version that is known here; write `file_format: \"1.0\"`");
                return false;
            }
        }
        if number != text {
            let what = "was written before 1.0: keys that changed since are named below; write `\"1.0\"`";
            self.add_warning(Finding::new(version.place, text, what));
        }
        true
    }
}

const OLD: &str = "is older than 1.0, which renamed much of it: exporters are `otlp_http` and `otlp_grpc` instead of \
    `otlp`, certificates stand below `tls`, limits on cardinality below `cardinality_limits`, `propagator.composite` is a \
    list, and `prometheus` is `prometheus/development`; see docs/configuration-file.md";
