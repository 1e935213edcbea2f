//! Propagation: how a trace and its baggage get from one process to the next, in the headers of whatever travels.
//!
//! Servers extract a [`Context`] from what they receive, clients inject one into what they send:
//!
//! ```
//! use std::collections::HashMap;
//! use throughline_core::propagation::{baggage_items, extract_from_headers, inject_into_headers};
//!
//! let received = HashMap::from([
//!     ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
//!     ("baggage".to_owned(), "tenant=%C3%87atal".to_owned()),
//! ]);
//! let _guard = extract_from_headers(&received).attach(); // what runs now is part of that trace
//!
//! let mut sent = HashMap::new();
//! inject_into_headers(&mut sent);
//! assert_eq!(sent, received);
//! # let context = extract_from_headers(&sent);
//! # assert_eq!(baggage_items(&context).next().unwrap().value(), "Çatal");
//! ```
//!
//! # Formats
//!
//! | [`Format`] | in `OTEL_PROPAGATORS` | headers | limits |
//! |---|---|---|---|
//! | [`TraceContext`](Format::TraceContext) | `tracecontext` | `traceparent`, `tracestate` ([W3C](https://www.w3.org/TR/trace-context/)) | one `traceparent` of 55 characters, 512 in later versions; [32 members](TRACESTATE_MEMBERS_MAX) and [16 KiB](TRACESTATE_BYTES_MAX) of `tracestate` are read, [512 characters](TRACESTATE_SENT_MAX) sent |
//! | [`Baggage`](Format::Baggage) | `baggage` | `baggage` ([W3C](https://www.w3.org/TR/baggage/)) | [64 members](BAGGAGE_MEMBERS_MAX), [8192 bytes](BAGGAGE_BYTES_MAX) |
//! | [`B3`](Format::B3) | `b3` | `b3` ([Zipkin](https://github.com/openzipkin/b3-propagation)) | 68 characters |
//! | [`B3Multi`](Format::B3Multi) | `b3multi` | `X-B3-TraceId`, `-SpanId`, `-Sampled`, `-Flags` | fixed lengths |
//! | [`Jaeger`](Format::Jaeger) | `jaeger` | `uber-trace-id`, `uberctx-*` ([Jaeger](https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format)) | those of baggage |
//! | [`XRay`](Format::XRay) | `xray` | `X-Amzn-Trace-Id` ([AWS](https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader)) | 1024 characters |
//!
//! [`Propagators`] are several of them. Carriers are header maps of `http` (feature `http`), maps and lists of strings,
//! and whatever implements [`ReadCarrier`] and [`WriteCarrier`]; OpenTelemetry's `Extractor` and `Injector` do.
//!
//! # Headers come from strangers
//!
//! Nothing here fails or panics. What is not valid is left out, whole or in part as its specification says, and counted
//! in [`Rejected`]. Work is bounded by the limits above, and by the headers' length.
//!
//! Baggage is sent to whoever is called, so it is no place for secrets; `with_cleared_baggage` before calling a third
//! party keeps it at home.
//!
//! Called by servers and clients, by middleware, and by the OpenTelemetry API, whose global propagator the start-up sets
//! ([`set_global_propagators`]).

mod b3;
mod baggage;
mod carrier;
mod extracted;
mod format;
mod global;
mod hex;
mod http;
mod jaeger;
mod otel;
mod propagators;
mod rejected;
mod sampling;
mod text;
mod trace_context;
mod trace_parent;
mod trace_state;
mod xray;

pub use baggage::{BAGGAGE_BYTES_MAX, BAGGAGE_MEMBERS_MAX, BaggageItem, baggage_items};
pub use carrier::{ReadCarrier, WriteCarrier};
pub use format::Format;
pub use global::{
    extract_context, extract_from_headers, global_propagators, inject_context, inject_into_headers,
    set_global_propagators,
};
pub use otel::HeaderCarrier;
pub use propagators::{Propagators, PropagatorsError};
pub use rejected::Rejected;
pub use sampling::Sampling;
pub use trace_state::{TRACESTATE_BYTES_MAX, TRACESTATE_MEMBERS_MAX, TRACESTATE_SENT_MAX};

pub use opentelemetry::Context;
pub use opentelemetry::baggage::{Baggage, BaggageExt, BaggageMetadata, KeyValueMetadata};
pub use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
pub use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
