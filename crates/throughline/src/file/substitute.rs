//! Environment variables in a file: `${NAME}`, `${env:NAME}`, `${NAME:-default}`, and `$$` for a dollar.
//!
//! Only values are looked at, after parsing, so that a variable adds neither keys nor lines; what a variable says is taken
//! as it is, and gets its type from how it looks unless the value is quoted
//! ([specification](https://opentelemetry.io/docs/specs/otel/configuration/data-model/#environment-variable-substitution)).

use super::finding::Finding;
use super::node::{Node, Scalar, Value};

/// Where variables are looked up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The longest a value may become.
const VALUE_BYTES_MAX: usize = 64 << 10;

/// Replaces the references in all values, and notes those that are none.
pub(super) fn substitute(node: &mut Node, lookup: Lookup<'_>, problems: &mut Vec<Finding>) {
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| substitute(item, lookup, problems)),
        Value::Map(members) => members.iter_mut().for_each(|(_, value)| substitute(value, lookup, problems)),
        Value::Scalar(scalar) => match replaced(&scalar.text, lookup) {
            Ok(text) if text.len() > VALUE_BYTES_MAX => {
                let what = format!("becomes longer than {VALUE_BYTES_MAX} bytes");
                problems.push(Finding::new(node.place, "…", what));
            }
            Ok(text) => scalar.text = text,
            Err(what) => {
                // The rest of the value may be a secret, and nothing more is to be said of it.
                problems.push(Finding::new(node.place, "", what));
                *scalar = Scalar { text: String::new(), is_plain: true };
            }
        },
    }
}

fn replaced(text: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('$') {
        result.push_str(before);
        if let Some(after) = from.strip_prefix('$') {
            result.push('$');
            rest = after;
        } else if let Some((reference, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}'))
        {
            result.push_str(&value(reference, lookup)?);
            rest = after;
        } else {
            result.push('$');
            rest = from;
        }
    }
    result.push_str(rest);
    Ok(result)
}

/// What a reference stands for. Unset is as good as empty.
fn value(reference: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let named = reference.strip_prefix("env:").unwrap_or(reference);
    let (name, default) = match named.split_once(":-") {
        Some((name, default)) => (name, default),
        None => (named, ""),
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        let what =
            "is no reference to a variable; write `${NAME}` or `${NAME:-default}`, and `$$` for a dollar";
        return Err(format!("`${{{reference}}}` {what}"));
    }
    let found = lookup(name).filter(|value| !value.is_empty());
    Ok(found.unwrap_or_else(|| default.replace("$$", "$")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let value = match name {
            "STRING_VALUE" => "value",
            "FLOAT_VALUE" => "1.1",
            "REPLACE_ME" => "${DO_NOT_REPLACE_ME}",
            "VALUE_WITH_ESCAPE" => "value$$",
            "EMPTY" => "",
            _ => return None,
        };
        Some(value.to_owned())
    }

    /// The examples of the specification.
    #[test]
    fn references_are_replaced_once() {
        for (text, expected) in [
            ("${STRING_VALUE}", "value"),
            ("${env:STRING_VALUE}", "value"),
            ("foo ${STRING_VALUE} ${FLOAT_VALUE}", "foo value 1.1"),
            ("${UNDEFINED_KEY}", ""),
            ("${UNDEFINED_KEY:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${REPLACE_ME}", "${DO_NOT_REPLACE_ME}"),
            ("${UNDEFINED_KEY:-${STRING_VALUE}}", "${STRING_VALUE}"),
            ("$${STRING_VALUE}", "${STRING_VALUE}"),
            ("$${STRING_VALUE:-fallback}", "${STRING_VALUE:-fallback}"),
            ("$${STRING_VALUE:-${STRING_VALUE}}", "${STRING_VALUE:-value}"),
            ("$$${STRING_VALUE}", "$value"),
            ("$$$${STRING_VALUE}", "$${STRING_VALUE}"),
            ("${UNDEFINED_KEY:-$${UNDEFINED_KEY}}", "${UNDEFINED_KEY}"),
            ("${VALUE_WITH_ESCAPE}", "value$$"),
            ("a $$ b", "a $ b"),
            ("a $ b", "a $ b"),
            ("${open", "${open"),
        ] {
            assert_eq!(replaced(text, &lookup).as_deref(), Ok(expected), "{text}");
        }
        for text in ["${1A}", "${}", "${A B}", "${file:/etc/passwd}", "${A:?b}"] {
            assert!(replaced(text, &lookup).is_err(), "{text}");
        }
    }
}
