//! A `tracing_subscriber` layer: spans become spans, events become log records or span events.
//!
//! ```
//! use throughline_trace::layer::TelemetryLayer;
//! use throughline_trace::{LoggerProvider, TracerProvider};
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let (traces, logs) = (TracerProvider::default(), LoggerProvider::default());
//! let layer = TelemetryLayer::builder().with_tracer(traces.tracer("shop")).with_logger(logs.logger("shop")).build();
//!
//! tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
//!     let _checkout = tracing::info_span!("checkout", otel.kind = "server", cart.items = 3).entered();
//!     tracing::info!("paid");
//! });
//! ```
//!
//! Called by `tracing`; starts spans through `builder.rs` and records logs through `log.rs`. In a tracing span,
//! OpenTelemetry's current context is that span's, and what is current there is the parent of the next tracing span: so
//! both nest in each other, on any thread, and one source says what is current.
//!
//! How it is done: an open span is kept in a table of our own (`table.rs`), found by its `tracing` id, with the context
//! that is attached when it is entered (`thread.rs`). A child of a span that is not sampled is kept nowhere: it is
//! enough that its parent's context is current, and where it is not, the parent is looked for in the registry. Fields
//! are shown by type (`visit.rs`) and encoded as they are visited (`written.rs`, `fields.rs`); what does not change from
//! one span of a callsite to the next, and what the filters say of it, is found once (`site.rs`).

mod events;
mod extension;
mod fields;
mod filter;
mod handle;
mod settings;
mod site;
mod spans;
mod table;
mod thread;
mod visit;
mod written;

pub use extension::SpanExt;
pub use filter::FilterSwitch;
pub use settings::{Events, TelemetryLayerBuilder};
pub use tracing_subscriber::filter::Targets;

use std::fmt;

use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use filter::Filters;
use settings::Settings;
use table::Table;

use crate::log::Logger;
use crate::provider::Tracer;

/// The layer; see [the module](self). It belongs to one subscriber.
///
/// It never disables a span or an event for other layers: what its own filters leave out is left out here alone.
pub struct TelemetryLayer(&'static Inner);

/// Lives as long as the process, like the providers: contexts refer to it.
struct Inner {
    /// Which layer this is, since threads keep what is entered for all of them.
    number: u64,
    settings: Settings,
    filters: Filters,
    tracer: Option<Tracer>,
    logger: Option<Logger>,
    table: Table,
}

impl fmt::Debug for TelemetryLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { settings, tracer, logger, .. } = self.0;
        f.debug_struct("TelemetryLayer")
            .field("settings", settings)
            .field("tracer", tracer)
            .field("logger", logger)
            .finish_non_exhaustive()
    }
}

impl TelemetryLayer {
    /// A layer to be set up.
    pub fn builder() -> TelemetryLayerBuilder {
        TelemetryLayerBuilder::default()
    }

    /// Changes which spans are exported.
    pub fn span_filter(&self) -> FilterSwitch {
        FilterSwitch::of_spans(&self.0.filters)
    }

    /// Changes which events are exported.
    pub fn event_filter(&self) -> FilterSwitch {
        FilterSwitch::of_events(&self.0.filters)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for TelemetryLayer {
    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        self.0.new_span(attrs, id, &ctx);
    }

    fn on_record(&self, span: &Id, values: &Record<'_>, _ctx: Context<'_, S>) {
        self.0.record(span, values);
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, ctx: Context<'_, S>) {
        self.0.follows_from(span, follows, &ctx);
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        self.0.event(event, &ctx);
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        self.0.enter(id, &ctx);
    }

    fn on_exit(&self, id: &Id, _ctx: Context<'_, S>) {
        self.0.exit(id);
    }

    fn on_close(&self, id: Id, _ctx: Context<'_, S>) {
        self.0.close(&id);
    }
}
