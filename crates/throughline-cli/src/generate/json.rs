//! JSON for people who read differences: keys in order, and on one line what fits one.

use serde_json::Value;

/// Longer lines are broken.
const LINE_CHARS_MAX: usize = 120;

/// The text of a file.
pub(crate) fn to_text(value: &Value) -> String {
    let mut text = String::new();
    write(value, 0, 0, &mut text);
    text.push('\n');
    text
}

/// Writes a value that begins in a column, inside of what is indented.
fn write(value: &Value, indent: usize, column: usize, text: &mut String) {
    let line = sorted(value).to_string();
    let has_items = matches!(value, Value::Array(_) | Value::Object(_));
    if !has_items || column + line.chars().count() < LINE_CHARS_MAX {
        text.push_str(&line);
        return;
    }
    let (open, close) = if value.is_array() { ('[', ']') } else { ('{', '}') };
    text.push(open);
    for (number, (key, value)) in items(value).into_iter().enumerate() {
        text.push_str(if number == 0 { "\n" } else { ",\n" });
        let prefix = format!("{}{key}", " ".repeat(indent + 2));
        text.push_str(&prefix);
        write(value, indent + 2, prefix.chars().count(), text);
    }
    text.push('\n');
    text.push_str(&" ".repeat(indent));
    text.push(close);
}

/// What is in a list or an object, with what stands before it.
fn items(value: &Value) -> Vec<(String, &Value)> {
    match value {
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            fields
                .into_iter()
                .map(|(key, value)| (format!("{}: ", Value::from(key.as_str())), value))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// The same value with keys in order, also where another crate asked `serde_json` to keep the order they came in.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(sorted).collect(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            fields.into_iter().collect()
        }
        other => other.clone(),
    }
}
