//! Between this folder's carriers and OpenTelemetry's `Extractor` and `Injector`, in both directions.
//!
//! [`HeaderCarrier`] makes a carrier of ours one of theirs, for propagators that are not ours. Ours read and write what
//! implements their traits as it is.

use std::str;

use opentelemetry::propagation::{Extractor, Injector};

use super::{ReadCarrier, WriteCarrier};

/// A carrier as OpenTelemetry's propagators want it: `HeaderCarrier(&headers)` is an [`Extractor`],
/// `HeaderCarrier(&mut headers)` an [`Injector`].
///
/// Not needed with the functions and propagators of this module, which take carriers as they are.
///
/// # Examples
///
/// ```
/// use std::collections::BTreeMap;
/// use throughline_core::propagation::{Context, Format, HeaderCarrier, TextMapPropagator};
///
/// fn forward(propagator: &dyn TextMapPropagator, received: &BTreeMap<String, String>) -> BTreeMap<String, String> {
///     let context = propagator.extract_with_context(&Context::new(), &HeaderCarrier(received));
///     let mut sent = BTreeMap::new();
///     propagator.inject_context(&context, &mut HeaderCarrier(&mut sent));
///     sent
/// }
///
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
/// let received = BTreeMap::from([("traceparent".to_owned(), parent)]);
/// assert_eq!(forward(&Format::TraceContext, &received), received);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a wrapper that is nothing but what it wraps")]
pub struct HeaderCarrier<C>(pub C);

impl<C: ReadCarrier + ?Sized> Extractor for HeaderCarrier<&C> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.read(key).next().and_then(|value| str::from_utf8(value).ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.names().collect()
    }

    fn get_all(&self, key: &str) -> Option<Vec<&str>> {
        let mut values = self.0.read(key).filter_map(|value| str::from_utf8(value).ok()).peekable();
        values.peek()?;
        Some(values.collect())
    }
}

impl<C: WriteCarrier + ?Sized> Injector for HeaderCarrier<&mut C> {
    fn set(&mut self, key: &str, value: String) {
        self.0.write(key, &value);
    }
}

/// One allocation for each header that is there: that is how their trait shows several values.
impl ReadCarrier for dyn Extractor + '_ {
    fn read<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).into_iter().flatten().map(str::as_bytes)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.keys().into_iter()
    }
}

/// Their trait cannot remove: a header that the previous hop left stays.
impl WriteCarrier for dyn Injector + '_ {
    fn write(&mut self, name: &str, value: &str) {
        self.set(name, value.to_owned());
    }

    fn remove(&mut self, _name: &str) {}
}
