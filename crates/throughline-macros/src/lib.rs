//! Derive macros of throughline: typed attributes, and sets of instruments.
//!
//! Applications use them through the `throughline` crate. What they expand to is an implementation of
//! `throughline_core::Attributes`, `throughline_core::attribute::AttributeValue` or `throughline_metrics::MetricSet`, and
//! nothing else.

mod attributes;
mod instrument;
mod metric_set;
mod path;
mod value;

use proc_macro::TokenStream;
use syn::{DeriveInput, ItemFn, parse_macro_input};

/// Makes a struct usable as the attributes of a measurement.
///
/// Each field is an attribute. Its key is the field's name, or what `#[attribute(key = "http.route")]` says; its type
/// is a string, a number, a `bool`, or an enum with `#[derive(AttributeValue)]`; an `Option` of these when the attribute
/// may be left out. `#[attribute(max = 5)]` on an integer promises values from 0 to 5, both included.
///
/// An instrument built for `Request<'static>` takes every `Request<'_>`. Type parameters must be `'static`.
///
/// A field spelled `&'static str` is told apart by address and length, which is several times as fast as comparing
/// text; the same text at another address still is the same series. It must not come from a library that is unloaded.
///
/// When every field is bounded (an enum, a `bool`, an integer with `max`), there is a known number of possible sets,
/// and an instrument finds the series by an index, without hashing. A value above its `max` is recorded as the `max`.
///
/// ```
/// use throughline_core::attribute::Attributes;
/// use throughline_macros::{AttributeValue, Attributes};
///
/// #[derive(Clone, Copy, AttributeValue)]
/// # #[attribute(crate = throughline_core)]
/// enum Outcome {
///     Ok,
///     #[attribute(name = "timed_out")]
///     Timeout,
/// }
///
/// #[derive(Attributes)]
/// # #[attribute(crate = throughline_core)]
/// struct Request<'a> {
///     #[attribute(key = "http.route")]
///     route: &'a str,
///     outcome: Outcome,
/// }
///
/// #[derive(Attributes)]
/// # #[attribute(crate = throughline_core)]
/// struct Job {
///     outcome: Outcome,
///     #[attribute(max = 9)]
///     priority: u8,
/// }
///
/// // 2 outcomes × 10 priorities
/// assert_eq!(Request::NUMBERED, 0);
/// assert_eq!(Job::NUMBERED, 20);
/// ```
#[proc_macro_derive(Attributes, attributes(attribute))]
pub fn derive_attributes(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    attributes::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum without fields usable as the value of an attribute, with a closed set of values.
///
/// A variant's value is its name in snake case, or what `#[attribute(name = "…")]` says.
#[proc_macro_derive(AttributeValue, attributes(attribute))]
pub fn derive_attribute_value(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    value::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes the instruments of a struct together: `MetricSet::new(&meter)`.
///
/// Each field is an instrument: a counter, an up-down counter, a gauge or a histogram. `#[metric(name = "…")]` names it;
/// `unit`, `description` and, for histograms, `bounds` are optional. Without a description, the first paragraph of the
/// field's documentation is it.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_macros::MetricSet;
/// use throughline_metrics::{Counter, Histogram, MeterProvider, MetricSet as _};
///
/// #[derive(MetricSet)]
/// # #[metric(crate = throughline_metrics)]
/// struct Shop {
///     /// Orders taken.
///     #[metric(name = "orders", unit = "{order}")]
///     orders: Counter<u64>,
///     #[metric(name = "order.value", unit = "EUR", bounds = &[1.0, 10.0, 100.0])]
///     value: Histogram<f64>,
/// }
///
/// let shop = Shop::new(&MeterProvider::default().meter("shop"));
/// shop.orders.add(1, &[KeyValue::new("payment", "card")]);
/// assert_eq!(Shop::DEFINITIONS[0].description, "Orders taken.");
/// # shop.value.record(12.0, &[]);
/// ```
#[proc_macro_derive(MetricSet, attributes(metric))]
pub fn derive_metric_set(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    metric_set::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Has a function record its calls: how often, how they end, how long they take, how many are under way; and a span each.
///
/// For functions, methods and `async` ones. What returns a `Result` ends well or with an error, whose kind is what its
/// `throughline_instruments::guard::Classify` says; what returns anything else ends well. A future that is dropped before
/// its end was cancelled, and a panic is seen, too.
///
/// `name = "…"` is the function's name in telemetry, otherwise its path; `span = false` makes no span.
///
/// It is re-exported, and explained, as `throughline_instruments::function::instrument`.
#[proc_macro_attribute]
pub fn instrument(options: TokenStream, function: TokenStream) -> TokenStream {
    let options = parse_macro_input!(options as instrument::Options);
    let function = parse_macro_input!(function as ItemFn);
    instrument::expand(&options, &function).unwrap_or_else(syn::Error::into_compile_error).into()
}
