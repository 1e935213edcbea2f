//! Metrics in the fields of `tracing` events, as `tracing-opentelemetry` has them.
//!
//! | field of an event | is | and takes |
//! |---|---|---|
//! | `monotonic_counter.NAME` | added to a counter | integers and floats that are not negative |
//! | `counter.NAME` | added to an up-down counter | integers and floats |
//! | `histogram.NAME` | recorded in a histogram | integers and floats, mixed at will |
//! | `gauge.NAME` | the value of a gauge | integers and floats |
//!
//! ```
//! use throughline_core::KeyValue;
//! use throughline_instruments::tracing_events::metrics_layer;
//! use throughline_metrics::MeterProvider;
//! use throughline_metrics::testing::Snapshot;
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! let provider = MeterProvider::default();
//! let subscriber = tracing_subscriber::registry().with(metrics_layer(&provider.meter("shop")));
//! tracing::subscriber::with_default(subscriber, || {
//!     tracing::info!(monotonic_counter.orders = 1, histogram.order_value = 12.5, country = "nl", "paid");
//! });
//!
//! let country = [KeyValue::new("country", "nl")];
//! let snapshot = Snapshot::of(&provider);
//! assert_eq!(snapshot.sum("orders", &country), 1.0);
//! assert_eq!(snapshot.histogram("order_value", &country).sum, 12.5);
//! ```
//!
//! All other fields of the event are attributes, all but its message, which is for people. A metric has one type of number:
//! integers and floats for one counter or gauge are two metrics of one name, and what is recorded on the second is dropped
//! and counted by the engine. What this module cannot record is counted in `throughline.events.dropped`, by reason.

mod attributes;
mod site;

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

use throughline_metrics::{Counter, Meter};
use tracing::callsite::Identifier;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use self::attributes::EventAttributes;
use self::site::{Dropped, Reason, Site, is_metric};

/// A layer that records in this meter what events have in such fields.
///
/// It looks at no other events, and disables none for other layers. An event costs a look into a table of the thread's
/// own, and what recording costs; values that are neither numbers, booleans nor text are formatted. It allocates for an
/// event of a kind that the thread has not seen, and for a series that is new.
pub fn metrics_layer<S>(meter: &Meter) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let dropped = meter
        .u64_counter("throughline.events.dropped")
        .with_unit("{measurement}")
        .with_description("Measurements in fields of events that were not recorded, by reason.")
        .with_attributes::<Dropped>()
        .build();
    let recorder =
        EventRecorder { number: NEXT.fetch_add(1, Ordering::Relaxed), meter: meter.clone(), dropped };
    recorder.with_filter(filter_fn(has_metrics))
}

fn has_metrics(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.fields().iter().any(|field| is_metric(field.name()))
}

struct EventRecorder {
    /// Which layer this is, since threads keep what they know for all of them.
    number: u64,
    meter: Meter,
    dropped: Counter<u64, Dropped>,
}

thread_local! {
    /// What this thread knows of callsites.
    static SITES: RefCell<HashMap<(u64, Identifier), Rc<Site>>> = RefCell::default();
}

impl EventRecorder {
    /// What is known of a callsite; nothing in a thread that is ending. Nothing is borrowed any more then.
    fn site(&self, metadata: &Metadata<'_>) -> Option<Rc<Site>> {
        let find = |sites: &RefCell<HashMap<_, _>>| {
            let mut sites = sites.borrow_mut();
            let site = sites.entry((self.number, metadata.callsite()));
            Rc::clone(site.or_insert_with(|| Rc::new(Site::new(metadata))))
        };
        SITES.try_with(find).ok()
    }
}

impl<S: Subscriber> Layer<S> for EventRecorder {
    fn on_event(&self, event: &Event<'_>, _ctx: Context<'_, S>) {
        if let Some(site) = self.site(event.metadata()) {
            event.record(&mut Measuring { recorder: self, site: &site, event });
        }
    }
}

/// Records the fields of an event that are measurements.
struct Measuring<'a> {
    recorder: &'a EventRecorder,
    site: &'a Site,
    event: &'a Event<'a>,
}

impl Measuring<'_> {
    fn attributes(&self) -> EventAttributes<'_> {
        EventAttributes { event: self.event, site: self.site }
    }

    fn count(&self, recorded: Result<(), Reason>) {
        if let Err(reason) = recorded {
            self.recorder.dropped.add(1, &Dropped { reason });
        }
    }
}

impl Visit for Measuring<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        if let Some(measured) = self.site.measured(field) {
            self.count(measured.integer(&self.recorder.meter, value, &self.attributes()));
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if let Some(measured) = self.site.measured(field) {
            self.count(measured.unsigned(&self.recorder.meter, value, &self.attributes()));
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if let Some(measured) = self.site.measured(field) {
            measured.float(&self.recorder.meter, value, &self.attributes());
        }
    }

    fn record_debug(&mut self, field: &Field, _value: &dyn std::fmt::Debug) {
        if self.site.measured(field).is_some() {
            self.count(Err(Reason::NotANumber));
        }
    }
}
