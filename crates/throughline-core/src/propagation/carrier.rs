//! What a context travels in: headers of a request, metadata of a message, a map.
//!
//! Two small traits, so that a carrier that can only be read need not pretend to be written. Implemented here for maps
//! and lists of pairs, in [`http`](super::http) for `http::HeaderMap`, and in [`otel`](super::otel) for whatever
//! implements OpenTelemetry's `Extractor` and `Injector`. Called by each format of this folder.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasher;

/// Something that a context can be extracted from.
///
/// Values are bytes, as they are on the wire: each format checks what it reads. A carrier never fails; what it cannot
/// show it leaves out.
///
/// # Examples
///
/// The headers of a Kafka message, whose names may repeat:
///
/// ```
/// use throughline_core::propagation::{ReadCarrier, TraceContextExt as _, WriteCarrier, extract_context};
///
/// #[derive(Default)]
/// struct KafkaHeaders(Vec<(String, Vec<u8>)>);
///
/// impl ReadCarrier for KafkaHeaders {
///     fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
///         self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_slice())
///     }
///     fn names(&self) -> impl Iterator<Item = &str> {
///         self.0.iter().map(|(key, _)| key.as_str())
///     }
/// }
///
/// impl WriteCarrier for KafkaHeaders {
///     fn write(&mut self, name: &str, value: &str) {
///         self.remove(name);
///         self.0.push((name.to_owned(), value.as_bytes().to_owned()));
///     }
///     fn remove(&mut self, name: &str) {
///         self.0.retain(|(key, _)| key != name);
///     }
/// }
///
/// let mut headers = KafkaHeaders::default();
/// headers.write("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert!(extract_context(&headers).span().span_context().is_sampled());
/// ```
///
/// The `params._meta` of a JSON-RPC request, as the Model Context Protocol has it:
///
/// ```
/// use serde_json::{Value, json};
/// use throughline_core::propagation::{ReadCarrier, TraceContextExt as _, WriteCarrier, extract_context};
///
/// struct Meta<'a>(&'a mut Value);
///
/// impl ReadCarrier for Meta<'_> {
///     fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
///         self.0["params"]["_meta"][name].as_str().map(str::as_bytes).into_iter()
///     }
///     fn names(&self) -> impl Iterator<Item = &str> {
///         self.0["params"]["_meta"].as_object().into_iter().flat_map(|meta| meta.keys().map(String::as_str))
///     }
/// }
///
/// impl WriteCarrier for Meta<'_> {
///     fn write(&mut self, name: &str, value: &str) {
///         self.0["params"]["_meta"][name] = value.into();
///     }
///     fn remove(&mut self, name: &str) {
///         self.0["params"]["_meta"].as_object_mut().map(|meta| meta.remove(name));
///     }
/// }
///
/// let mut request = json!({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "weather"}});
/// let mut meta = Meta(&mut request);
/// meta.write("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
/// assert!(extract_context(&meta).span().span_context().is_sampled());
/// ```
pub trait ReadCarrier {
    /// Shows every value of a header, in the order in which they came. `name` is in lower case; carriers whose names
    /// have no case of their own (HTTP) match it in any.
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]>;

    /// Shows every value of each of several headers to `see`, with the place of its name among `names`; the values of
    /// one header in the order in which they came. For carriers where one pass costs less than a look-up for each.
    fn read_each<'a, const NAMES: usize>(
        &'a self,
        names: [&str; NAMES],
        mut see: impl FnMut(usize, &'a [u8]),
    ) {
        for (place, name) in names.into_iter().enumerate() {
            self.read(name).for_each(|value| see(place, value));
        }
    }

    /// Shows the names of all headers. Only formats that keep names of the user's in headers of their own ask for
    /// them: Jaeger's baggage.
    fn names(&self) -> impl Iterator<Item = &str>;
}

/// Something that a context can be injected into. [`ReadCarrier`] has examples.
///
/// A carrier never fails; what it cannot hold it leaves out.
pub trait WriteCarrier {
    /// Sets a header to one value, in place of those it had. `name` is in lower case; `value` is visible ASCII.
    fn write(&mut self, name: &str, value: &str);

    /// As [`write`](Self::write), for carriers that check the value's bytes themselves, so that nobody does it twice.
    #[inline]
    fn write_bytes(&mut self, name: &str, value: &[u8]) {
        if let Ok(value) = std::str::from_utf8(value) {
            self.write(name, value);
        }
    }

    /// Takes a header out, if it is there: the previous hop left it, and it contradicts what is written.
    fn remove(&mut self, name: &str);
}

/// Names match in any case, those in lower case first, and at the cost of one look-up.
impl<S: BuildHasher> ReadCarrier for HashMap<String, String, S> {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        read_map(self.get(name), self.iter(), name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.keys().map(String::as_str)
    }
}

impl<S: BuildHasher> WriteCarrier for HashMap<String, String, S> {
    fn write(&mut self, name: &str, value: &str) {
        self.insert(name.to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &str) {
        Self::remove(self, name);
    }
}

/// Names match in any case, those in lower case first, and at the cost of one look-up.
impl ReadCarrier for BTreeMap<String, String> {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        read_map(self.get(name), self.iter(), name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.keys().map(String::as_str)
    }
}

impl WriteCarrier for BTreeMap<String, String> {
    fn write(&mut self, name: &str, value: &str) {
        self.insert(name.to_owned(), value.to_owned());
    }

    fn remove(&mut self, name: &str) {
        Self::remove(self, name);
    }
}

/// The exact entry, or else every one whose name differs in case alone.
fn read_map<'a>(
    exact: Option<&'a String>,
    entries: impl Iterator<Item = (&'a String, &'a String)>,
    name: &str,
) -> impl Iterator<Item = &'a [u8]> {
    let others = entries.filter(move |(key, _)| exact.is_none() && key.eq_ignore_ascii_case(name));
    exact.into_iter().chain(others.map(|(_, value)| value)).map(String::as_bytes)
}

/// Pairs of name and value. Names match in any case, and may repeat.
impl<K: AsRef<str>, V: AsRef<[u8]>> ReadCarrier for [(K, V)] {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |(key, _): &&(K, V)| key.as_ref().eq_ignore_ascii_case(name);
        self.iter().filter(named).map(|(_, value)| value.as_ref())
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(key, _)| key.as_ref())
    }
}

/// Pairs of name and value. Names match in any case, and may repeat.
impl<K: AsRef<str>, V: AsRef<[u8]>> ReadCarrier for Vec<(K, V)> {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.as_slice().read(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.as_slice().names()
    }
}

impl<K, V> WriteCarrier for Vec<(K, V)>
where
    K: AsRef<str> + for<'a> From<&'a str>,
    V: for<'a> From<&'a str>,
{
    fn write(&mut self, name: &str, value: &str) {
        WriteCarrier::remove(self, name);
        self.push((name.into(), value.into()));
    }

    fn remove(&mut self, name: &str) {
        self.retain(|(key, _)| !key.as_ref().eq_ignore_ascii_case(name));
    }
}
