//! The functions that instrumented code calls: they use the propagator of the process.
//!
//! There is one: OpenTelemetry's global, so that libraries instrumented with its API and these functions agree. As long
//! as nobody has set it, these functions propagate W3C Trace Context and Baggage, where OpenTelemetry's API does
//! nothing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::{Context, global};

use super::{HeaderCarrier, Propagators, ReadCarrier, WriteCarrier, propagators};

/// Makes these the propagators of the process, for OpenTelemetry's API too. Called when telemetry starts.
pub fn set_global_propagators(propagators: Propagators) {
    *OURS.lock().unwrap_or_else(PoisonError::into_inner) = Some(propagators.clone());
    global::set_text_map_propagator(propagators);
    IS_SET.store(true, Ordering::Relaxed);
}

/// What [`set_global_propagators`] was given last; W3C Trace Context and Baggage before that.
///
/// For whoever propagates often, such as a layer around all requests: asks once, when it is made, and then needs no
/// lock. A propagator that is set through OpenTelemetry's API alone is not seen.
pub fn global_propagators() -> Propagators {
    OURS.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default()
}

static OURS: Mutex<Option<Propagators>> = Mutex::new(None);

/// Whether a propagator without headers was meant: `none` looks like nobody's.
static IS_SET: AtomicBool = AtomicBool::new(false);

/// Writes a context into a carrier, with the propagator of the process.
///
/// OpenTelemetry keeps it behind a lock, which is taken for reading. [`Propagators::inject`] costs less and takes none.
///
/// # Examples
///
/// ```
/// use std::collections::HashMap;
/// use throughline_core::propagation::{extract_from_headers, inject_context};
///
/// let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned();
/// let received = HashMap::from([("traceparent".to_owned(), parent)]);
/// let context = extract_from_headers(&received);
///
/// let mut sent = HashMap::new();
/// inject_context(&context, &mut sent);
/// assert_eq!(sent, received);
/// ```
pub fn inject_context<C: WriteCarrier + ?Sized>(context: &Context, carrier: &mut C) {
    global::get_text_map_propagator(|propagator| {
        if is_unset(propagator) {
            propagators::inject(&propagators::DEFAULT, context, carrier);
        } else {
            propagator.inject_context(context, &mut HeaderCarrier(&mut *carrier));
        }
    });
}

/// The current context with what a carrier holds, read with the propagator of the process; the current context as it
/// is, when that is nothing valid.
///
/// OpenTelemetry keeps it behind a lock, which is taken for reading. [`Propagators::extract`] costs less and takes none.
pub fn extract_context<C: ReadCarrier + ?Sized>(carrier: &C) -> Context {
    Context::map_current(|current| {
        global::get_text_map_propagator(|propagator| {
            if is_unset(propagator) {
                propagators::extract(&propagators::DEFAULT, current, carrier)
            } else {
                propagator.extract_with_context(current, &HeaderCarrier(carrier))
            }
        })
    })
}

/// Writes the current context into the headers of a request that is about to be sent: [`inject_context`].
pub fn inject_into_headers<C: WriteCarrier + ?Sized>(headers: &mut C) {
    Context::map_current(|current| inject_context(current, headers));
}

/// The context of a request that was received: [`extract_context`].
pub fn extract_from_headers<C: ReadCarrier + ?Sized>(headers: &C) -> Context {
    extract_context(headers)
}

/// OpenTelemetry's own placeholder reads and writes no header.
fn is_unset(propagator: &dyn TextMapPropagator) -> bool {
    !IS_SET.load(Ordering::Relaxed) && propagator.fields().next().is_none()
}
