//! A YAML document as a tree whose every part knows where it stands.

use std::borrow::Cow;

/// Where something stands, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A value of the document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    /// Keys in the order of the document, each once.
    Map(Vec<(Key, Node)>),
}

/// A key of a map.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) name: String,
}

/// A single value.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Whether its type comes from how it looks: not when it is quoted.
    pub(super) is_plain: bool,
}

/// A scalar as YAML 1.2's core schema reads it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Resolved<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(&'a str),
}

impl Scalar {
    pub(super) fn resolve(&self) -> Resolved<'_> {
        if !self.is_plain {
            return Resolved::Text(&self.text);
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
            "true" | "True" | "TRUE" => Resolved::Bool(true),
            "false" | "False" | "FALSE" => Resolved::Bool(false),
            text => int(text)
                .map(Resolved::Int)
                .or_else(|| float(text).map(Resolved::Float))
                .unwrap_or(Resolved::Text(text)),
        }
    }
}

/// `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`.
fn int(text: &str) -> Option<i64> {
    let is_signed_after_prefix = |digits: &str| digits.starts_with(['+', '-']);
    let radix = |prefix, radix| {
        let digits = text.strip_prefix(prefix).filter(|digits| !is_signed_after_prefix(digits))?;
        i64::from_str_radix(digits, radix).ok()
    };
    text.parse().ok().or_else(|| radix("0x", 16)).or_else(|| radix("0o", 8))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, and what is no number.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.trim_start_matches(['+', '-']);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" => return Some(f64::NAN),
        _ => {}
    }
    // Rust reads words such as `inf` as well.
    unsigned.starts_with(|c: char| c == '.' || c.is_ascii_digit()).then(|| text.parse().ok())?
}

impl Node {
    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
            Value::Scalar(scalar) => match scalar.resolve() {
                Resolved::Null => "null",
                Resolved::Bool(_) => "a boolean",
                Resolved::Int(_) => "an integer",
                Resolved::Float(_) => "a number",
                Resolved::Text(_) => "text",
            },
        }
    }

    /// How it is written, for messages; containers are left out.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        match &self.value {
            Value::List(_) => "[…]".into(),
            Value::Map(_) => "{…}".into(),
            Value::Scalar(scalar) => scalar.text.as_str().into(),
        }
    }

    /// The scalar, unless this is a container.
    pub(super) fn resolve(&self) -> Option<Resolved<'_>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar.resolve()),
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        self.resolve() == Some(Resolved::Null)
    }

    /// The value of a key, unless it is null or this is no map.
    pub(super) fn key(&self, name: &str) -> Option<&Self> {
        self.member(name).filter(|node| !node.is_null())
    }

    /// The value of a key, null included.
    pub(super) fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Keys and values; none when this is no map.
    pub(super) fn members(&self) -> &[(Key, Self)] {
        match &self.value {
            Value::Map(members) => members,
            _ => &[],
        }
    }

    /// The elements; none when this is no list.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// The text as written, unless this is null or a container.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The only key and its value, of a map that chooses one of several things.
    pub(super) fn choice(&self) -> Option<(&str, &Self)> {
        self.members().first().map(|(key, node)| (key.name.as_str(), node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_the_core_schema_says() {
        for (text, expected) in [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("True", Resolved::Bool(true)),
            ("yes", Resolved::Text("yes")),
            ("12", Resolved::Int(12)),
            ("-7", Resolved::Int(-7)),
            ("0xbeef", Resolved::Int(48879)),
            ("0o17", Resolved::Int(15)),
            ("0x-1", Resolved::Text("0x-1")),
            ("1.5", Resolved::Float(1.5)),
            (".5", Resolved::Float(0.5)),
            ("1e3", Resolved::Float(1000.0)),
            ("-.inf", Resolved::Float(f64::NEG_INFINITY)),
            ("inf", Resolved::Text("inf")),
            ("nan", Resolved::Text("nan")),
            ("1.2.3", Resolved::Text("1.2.3")),
            ("1_000", Resolved::Text("1_000")),
        ] {
            let scalar = Scalar { text: text.to_owned(), is_plain: true };
            assert_eq!(scalar.resolve(), expected, "{text}");
        }
        let quoted = Scalar { text: "12".to_owned(), is_plain: false };
        assert_eq!(quoted.resolve(), Resolved::Text("12"));
    }
}
