//! Writes JSON as OTLP has it: what the requests of all signals share.
//!
//! Called by `json.rs` for metrics, `traces.rs` and `logs.rs`. Attributes and values are those of
//! `opentelemetry/proto/common/v1/common.proto`.

use std::fmt::Display;
use std::io::Write as _;

use throughline_core::attribute::ValueRef;
use throughline_core::{AttributeSet, InstrumentationScope};

/// Appends JSON to a buffer. Commas come from the byte before: only a bracket, a brace or a colon needs none.
#[derive(Debug, Default)]
pub(super) struct Json {
    out: Vec<u8>,
}

impl Json {
    /// An empty text with room for so many bytes.
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    /// What has been written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// What has been written, and nothing left behind.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Empties it, keeping its memory.
    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    /// JSON that was encoded before.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.separate();
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'{');
        write(self);
        self.out.push(b'}');
    }

    pub(super) fn array(&mut self, write: impl FnOnce(&mut Self)) {
        self.separate();
        self.out.push(b'[');
        write(self);
        self.out.push(b']');
    }

    pub(super) fn key(&mut self, key: &str) {
        self.string_value(key);
        self.out.push(b':');
    }

    /// A string, left out when it is empty.
    pub(super) fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.key(key);
            self.string_value(value);
        }
    }

    /// A number or boolean.
    pub(super) fn plain(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.display(value);
    }

    /// A 64-bit integer or an id: text that needs no escaping.
    pub(super) fn quoted(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.quoted_value(value);
    }

    /// A number, left out when it is zero.
    pub(super) fn count(&mut self, key: &str, value: u32) {
        if value != 0 {
            self.plain(key, value);
        }
    }

    pub(super) fn double(&mut self, key: &str, value: f64) {
        self.key(key);
        self.double_value(value);
    }

    pub(super) fn quoted_value(&mut self, value: impl Display) {
        self.separate();
        self.out.push(b'"');
        self.display(value);
        self.out.push(b'"');
    }

    pub(super) fn double_value(&mut self, value: f64) {
        if value.is_nan() {
            self.quoted_value("NaN");
        } else if value.is_infinite() {
            self.quoted_value(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            self.separate();
            serde_json::to_writer(&mut self.out, &value).expect("a Vec takes every write");
        }
    }

    pub(super) fn string_value(&mut self, value: &str) {
        self.separate();
        serde_json::to_writer(&mut self.out, value).expect("a Vec takes every write");
    }

    pub(super) fn display(&mut self, value: impl Display) {
        write!(self.out, "{value}").expect("a Vec takes every write");
    }

    fn separate(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }
}

/// The fields of an `InstrumentationScope`.
pub(super) fn scope(json: &mut Json, scope: &InstrumentationScope) {
    json.text("name", scope.name());
    json.text("version", scope.version().unwrap_or_default());
    let pairs = scope.attributes();
    key_values(json, "attributes", pairs.map(|pair| (pair.key.as_str(), ValueRef::from(&pair.value))));
}

/// The attributes of a set, under this key.
pub(super) fn attributes(json: &mut Json, key: &str, attributes: &AttributeSet) {
    key_values(json, key, attributes.iter());
}

/// An array of keys and values, under this key.
pub(super) fn key_values<'a>(
    json: &mut Json,
    key: &str,
    pairs: impl Iterator<Item = (&'a str, ValueRef<'a>)>,
) {
    json.key(key);
    json.array(|json| {
        for (key, value) in pairs {
            json.object(|json| {
                json.key("key");
                json.string_value(key);
                json.key("value");
                any_value(json, value);
            });
        }
    });
}

/// An `AnyValue`.
pub(super) fn any_value(json: &mut Json, value: ValueRef<'_>) {
    json.object(|json| match value {
        ValueRef::Str(v) => {
            json.key("stringValue");
            json.string_value(v);
        }
        ValueRef::Bool(v) => json.plain("boolValue", v),
        ValueRef::I64(v) => json.quoted("intValue", v),
        ValueRef::F64(v) => json.double("doubleValue", v),
        ValueRef::Array(v) => {
            json.key("arrayValue");
            json.object(|json| {
                json.key("values");
                json.array(|json| v.for_each(|element| any_value(json, element)));
            });
        }
    });
}
