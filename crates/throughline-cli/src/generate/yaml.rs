//! YAML in block style, for files that people read: rules, and what else is made of data.

use serde_json::Value;

/// Keys that say what a thing is stand before the others, which are in order of the alphabet.
const FIRST: &[&str] =
    &["alert", "record", "name", "series", "eval_time", "expr", "for", "labels", "annotations"];

/// The text of a file, with a comment on top.
pub(crate) fn to_text(comment: &str, value: &Value) -> String {
    let mut text = format!("# {comment}\n");
    block(value, 0, &mut text);
    text
}

/// Writes a list or a map, each item on a line of its own.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Array(items) => {
            for item in items {
                text.extend([&*" ".repeat(indent), "- "]);
                let mut inner = String::new();
                entry(item, indent + 2, &mut inner);
                text.push_str(inner.trim_start());
            }
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (place(key), *key));
            for (key, value) in fields {
                text.extend([&*" ".repeat(indent), &scalar(&Value::from(key.as_str())), ":"]);
                entry(value, indent + 2, text);
            }
        }
        other => text.extend([&*" ".repeat(indent), &scalar(other), "\n"]),
    }
}

/// Writes what follows a `:` or a `-`.
fn entry(value: &Value, indent: usize, text: &mut String) {
    let is_empty = match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => true,
    };
    if is_empty {
        text.extend([" ", &scalar(value), "\n"]);
    } else {
        text.push('\n');
        block(value, indent, text);
    }
}

fn place(key: &str) -> usize {
    FIRST.iter().position(|first| *first == key).unwrap_or(FIRST.len())
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) if is_plain(text) => text.clone(),
        Value::String(text) if text.contains(char::is_control) => value.to_string(),
        Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        other => other.to_string(),
    }
}

/// Whether a text is one to every reader of YAML without quotes around it.
fn is_plain(text: &str) -> bool {
    let words = ["", "true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    // `5m` is a text, and `5`, `0x5` and `5e1` are none.
    let is_time =
        text.strip_suffix(['s', 'm', 'h', 'd']).is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    (text.starts_with(|c: char| c.is_ascii_alphabetic()) || is_time)
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
        && !words.contains(&&*text.to_ascii_lowercase())
}
