//! W3C Baggage: what the application wants to find again wherever a request leads.
//!
//! [Specification](https://www.w3.org/TR/baggage/). A member that is wrong is left out, the others stay. Reading is
//! lenient where nothing can be mistaken (a bare `"` or letters beyond ASCII in a value); writing is strict.

use std::borrow::Cow;
use std::str;

use opentelemetry::baggage::{Baggage, BaggageExt as _, BaggageMetadata, KeyValueMetadata};
use opentelemetry::{Context, StringValue};

use super::extracted::Extracted;
use super::{ReadCarrier, Rejected, WriteCarrier, text};
use crate::percent::{self, Encoded};

/// How many members are read and sent at most: as many as the specification asks everybody to pass on.
pub const BAGGAGE_MEMBERS_MAX: usize = 64;

/// How many bytes are read and sent at most: as many as the specification asks everybody to pass on.
pub const BAGGAGE_BYTES_MAX: usize = 8192;

pub(super) const BAGGAGE: &str = "baggage";

/// One item of baggage: a key, its value, and the properties of the value, which are also called metadata.
///
/// # Examples
///
/// ```
/// use throughline_core::propagation::{BaggageExt as _, BaggageItem, Context, baggage_items};
///
/// let tenant = BaggageItem::new("tenant", "Çatalhöyük").with_metadata("ttl=60");
/// let context = Context::new().with_baggage([tenant.clone()]);
///
/// assert_eq!(baggage_items(&context).collect::<Vec<_>>(), [tenant]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaggageItem<'a> {
    key: Cow<'a, str>,
    value: Cow<'a, str>,
    metadata: Cow<'a, str>,
}

impl<'a> BaggageItem<'a> {
    /// An item without properties. The key is a token: letters, digits, and ``!#$%&'*+-.^_`|~``; OpenTelemetry's
    /// [`Baggage`] leaves out any other. The value is any text.
    pub fn new(key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self { key: key.into(), value: value.into(), metadata: Cow::Borrowed("") }
    }

    /// Sets the properties: `name` or `name=value`, percent-encoded, several separated by `;`.
    pub fn with_metadata(mut self, metadata: impl Into<Cow<'a, str>>) -> Self {
        self.metadata = metadata.into();
        self
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value, decoded.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// The properties, as they stand in the header; empty when there are none.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }
}

impl From<BaggageItem<'_>> for KeyValueMetadata {
    fn from(item: BaggageItem<'_>) -> Self {
        let BaggageItem { key, value, metadata } = item;
        Self::new(key.into_owned(), value.into_owned(), metadata.into_owned())
    }
}

/// The baggage of a context, in no order. Allocates nothing.
pub fn baggage_items(context: &Context) -> impl Iterator<Item = BaggageItem<'_>> {
    context.baggage().iter().map(|(key, (value, metadata))| {
        BaggageItem::new(key.as_str(), value.as_str()).with_metadata(metadata.as_str())
    })
}

pub(super) fn read<C: ReadCarrier + ?Sized>(carrier: &C, found: &mut Extracted) {
    let mut headers = carrier.read(BAGGAGE).peekable();
    if headers.peek().is_none() {
        return;
    }
    let mut collector = Collector::default();
    let mut budget = BAGGAGE_BYTES_MAX;
    for header in headers {
        let (fits, rest) = within(header, budget);
        budget = budget.saturating_sub(header.len() + 1);
        text::list(fits, b',').for_each(|text| collector.add_member(text));
        if !rest.is_empty() {
            Rejected::BaggageLimit.add(1);
        }
    }
    collector.finish(found);
}

/// The members that lie within the budget as a whole, and the rest.
fn within(header: &[u8], budget: usize) -> (&[u8], &[u8]) {
    if header.len() <= budget {
        return (header, &[]);
    }
    let cut = header[..=budget].iter().rposition(|&byte| byte == b',').unwrap_or(0);
    header.split_at(cut)
}

/// Baggage as it is read, within the limits. Jaeger's is collected with it too.
#[derive(Default)]
pub(super) struct Collector {
    baggage: Baggage,
    members: usize,
}

impl Collector {
    fn add_member(&mut self, text: &[u8]) {
        match member(text) {
            Some(item) => self.add(item),
            None => Rejected::BaggageMember.add(1),
        }
    }

    /// Adds an item. A later one replaces an earlier one of the same key.
    pub(super) fn add(&mut self, item: BaggageItem<'_>) {
        self.members += 1;
        let BaggageItem { key, value, metadata } = item;
        let key = key.into_owned();
        if self.members <= BAGGAGE_MEMBERS_MAX {
            let (value, metadata) = (StringValue::from(value.into_owned()), metadata.into_owned());
            self.baggage.insert_with_metadata(key.clone(), value, metadata);
        }
        if self.baggage.get(&key).is_none() {
            Rejected::BaggageLimit.add(1);
        }
    }

    /// Hands over what was collected. When that is nothing, the context keeps what it has.
    pub(super) fn finish(self, found: &mut Extracted) {
        if !self.baggage.is_empty() {
            found.baggage = Some(self.baggage);
        }
    }
}

fn member(text: &[u8]) -> Option<BaggageItem<'_>> {
    let (pair, properties) = text::split_once(text, b';').unwrap_or((text, &[]));
    let (key, value) = text::split_once(pair, b'=')?;
    if !is_token(key) || text::has_controls(text) {
        return None;
    }
    let item = BaggageItem::new(str::from_utf8(key).ok()?, decode(value));
    Some(item.with_metadata(normalized(str::from_utf8(properties).ok()?)))
}

/// A value as it was before it was encoded. What is not UTF-8 becomes U+FFFD, as the specification asks.
pub(super) fn decode(value: &[u8]) -> Cow<'_, str> {
    percent::decode_lossy(value)
}

/// Appends a value as any header may have it.
pub(super) fn encode(value: &str, header: &mut String) {
    percent::encode(value, VALUE, header);
}

/// Properties without the whitespace that is allowed around each, its name and its value; and with everything encoded
/// that no header may have, so that they are passed on as they are kept.
fn normalized(properties: &str) -> String {
    let mut normalized = String::with_capacity(properties.len());
    for property in properties.split(';').map(trim).filter(|property| !property.is_empty()) {
        let separator = if normalized.is_empty() { "" } else { ";" };
        let (name, value) =
            property.split_once('=').map_or((property, None), |(name, value)| (name, Some(value)));
        normalized.push_str(separator);
        percent::encode(trim(name), METADATA, &mut normalized);
        if let Some(value) = value {
            normalized.push('=');
            percent::encode(trim(value), METADATA, &mut normalized);
        }
    }
    normalized
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

/// A token: RFC 7230, section 3.2.6.
pub(super) fn is_token(key: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !key.is_empty() && key.iter().all(allowed)
}

/// Writes the baggage; takes the header out when there is none. Allocates.
pub(super) fn write<C: WriteCarrier + ?Sized>(context: &Context, carrier: &mut C) {
    match format(context.baggage()) {
        Some(header) => carrier.write(BAGGAGE, &header),
        None => carrier.remove(BAGGAGE),
    }
}

/// The members in the order of their keys, so that equal baggage makes equal headers, as far as the limits allow.
fn format(baggage: &Baggage) -> Option<String> {
    let mut items: Vec<_> = baggage.iter().collect();
    items.sort_unstable_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
    let mut header = String::new();
    for (at, (key, (value, metadata))) in items.into_iter().enumerate() {
        let before = header.len();
        push_member(&mut header, key.as_str(), value, metadata);
        if header.len() > BAGGAGE_BYTES_MAX || at >= BAGGAGE_MEMBERS_MAX {
            header.truncate(before);
            Rejected::BaggageLimit.add(1);
        }
    }
    (!header.is_empty()).then_some(header)
}

fn push_member(header: &mut String, key: &str, value: &StringValue, metadata: &BaggageMetadata) {
    let comma = if header.is_empty() { "" } else { "," };
    header.extend([comma, key, "="]);
    encode(value.as_str(), header);
    if !metadata.as_str().is_empty() {
        header.push(';');
        percent::encode(metadata.as_str(), METADATA, header);
    }
}

/// What no header may have, and what has a meaning in lists.
const METADATA: Encoded = Encoded::CONTROLS.and(b' ').and(b'"').and(b',').and(b'\\');

/// Besides, what has a meaning within a member. An equals sign would be allowed, but there are readers who stop at it.
const VALUE: Encoded = METADATA.and(b';').and(b'=').and(b'%');
