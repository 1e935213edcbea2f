//! From a checked file to settings: what keys say that are settings, as one would write it into their variables.

use std::collections::BTreeMap;

use super::node::{Node, Resolved};
use super::schema::{Effect, Key, Shape};
use crate::settings::{Definition, FileValue, catalogue};

/// What the file says of settings.
#[derive(Debug, Default)]
pub(super) struct Values(BTreeMap<&'static str, FileValue>);

impl Values {
    pub(super) fn finish(self) -> BTreeMap<&'static str, FileValue> {
        self.0
    }

    /// Notes what all keys below say, of a value that was chosen: lists are left to whoever chooses from them. `signal`
    /// stands before the names of settings.
    pub(super) fn keys(&mut self, node: &Node, keys: &[Key], signal: &str) {
        for key in keys {
            let Some(value) = node.key(key.name) else { continue };
            match (key.effect, key.shape) {
                (Effect::Sets(name), shape) => {
                    if let Some(text) = text(value, shape) {
                        self.set(signal, name, text, value);
                    }
                }
                (Effect::Part, Shape::Map(keys) | Shape::One(keys)) => self.keys(value, keys, signal),
                _ => {}
            }
        }
    }

    /// Notes what a setting is. The last word counts.
    pub(super) fn set(&mut self, signal: &str, name: &str, text: impl Into<String>, at: &Node) {
        if let Some(name) = setting(signal, name) {
            let value = FileValue { text: text.into(), line: at.place.line, column: at.place.column };
            self.0.insert(name, value);
        }
    }

    /// As [`set`](Self::set), unless somebody did.
    pub(super) fn set_default(&mut self, signal: &str, name: &str, text: impl Into<String>, at: &Node) {
        if setting(signal, name).is_some_and(|name| !self.0.contains_key(name)) {
            self.set(signal, name, text, at);
        }
    }
}

/// The setting of this name: of the signal, or of all.
pub(super) fn setting(signal: &str, name: &str) -> Option<&'static str> {
    let of_signal = format!("{signal}{name}");
    let names = || catalogue::catalogue().into_iter().map(Definition::name);
    names().find(|known| *known == of_signal).or_else(|| names().find(|known| *known == name))
}

/// A timeout that means no limit.
const NO_LIMIT: &str = "1day";

/// A scalar as one would write it into the setting's variable.
fn text(node: &Node, shape: Shape) -> Option<String> {
    match (shape, node.resolve()?) {
        (Shape::Choice(words), Resolved::Text(text)) => {
            words.iter().find(|(word, _)| *word == text).map(|(_, setting)| (*setting).to_owned())
        }
        (Shape::Timeout, Resolved::Int(0)) => Some(NO_LIMIT.to_owned()),
        (Shape::Map(_) | Shape::One(_) | Shape::List(_) | Shape::Any, _) | (_, Resolved::Null) => None,
        (_, Resolved::Bool(value)) => Some(value.to_string()),
        (_, Resolved::Int(value)) => Some(value.to_string()),
        (_, Resolved::Float(value)) => Some(value.to_string()),
        (_, Resolved::Text(text)) => Some(text.to_owned()),
    }
}
