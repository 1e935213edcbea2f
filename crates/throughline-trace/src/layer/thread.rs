//! What a thread keeps for layers: the contexts of the spans it has entered, and the callsites it has seen.

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;

use opentelemetry::trace::TraceContextExt as _;
use opentelemetry::{Context, SpanId};
use tracing::Metadata;

use super::Inner;
use super::site::Site;
use crate::context::{Entered, enter_context};
use crate::local;

/// Callsites that a thread remembers; each has one place, and those that share one are found anew. A program has some
/// hundreds that are hot at most.
const SITES: usize = 256;

/// What a thread keeps.
pub(super) struct Thread {
    has_context: bool,
    entered: RefCell<Vec<(Key, SpanId, Entered)>>,
    sites: RefCell<Box<[Option<Known>]>>,
    text: RefCell<String>,
    /// Its number, as `Debug` shows it, since the standard library shows it nowhere else.
    pub(super) id: i64,
}

/// A span of a layer.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    layer: u64,
    span: u64,
}

struct Known {
    version: u64,
    metadata: &'static Metadata<'static>,
    site: Rc<Site>,
}

thread_local! {
    static THREAD: Thread = Thread::new();
}

/// Calls `work` with what the calling thread keeps; not at all when the thread is ending, and it has gone or
/// OpenTelemetry's context has.
#[inline]
pub(super) fn with<R>(work: impl FnOnce(&Thread) -> R) -> Option<R> {
    THREAD.try_with(|thread| thread.has_context.then(|| work(thread))).ok().flatten()
}

impl Thread {
    fn new() -> Self {
        let id = format!("{:?}", thread::current().id());
        let digits: String = id.chars().filter(char::is_ascii_digit).collect();
        Self {
            has_context: local::has_context(),
            entered: RefCell::default(),
            sites: RefCell::new((0..SITES).map(|_| None).collect()),
            text: RefCell::default(),
            id: digits.parse().unwrap_or(0),
        }
    }

    /// Keeps what undoes entering this span.
    #[inline]
    pub(super) fn push(&self, layer: &Inner, span: u64, context: Context) {
        let span_id = context.span().span_context().span_id();
        let entered = enter_context(context);
        self.entered.borrow_mut().push((Key { layer: layer.number, span }, span_id, entered));
    }

    /// Whether the context of this span was the last that was attached for a tracing span.
    #[inline]
    pub(super) fn is_in(&self, span: SpanId) -> bool {
        self.entered.borrow().last().is_some_and(|(_, last, _)| *last == span)
    }

    /// Undoes the last entering of this span, if it did anything.
    #[inline]
    pub(super) fn pop(&self, layer: &Inner, span: u64) {
        let key = Key { layer: layer.number, span };
        // Dropped when nothing is borrowed: a context may hold values of users.
        let _left = self.take(key);
    }

    #[inline]
    fn take(&self, key: Key) -> Option<Entered> {
        let mut entered = self.entered.borrow_mut();
        if entered.last()?.0 == key {
            return entered.pop().map(|(.., guard)| guard);
        }
        let place = entered.iter().rposition(|(other, ..)| *other == key)?;
        Some(entered.remove(place).2)
    }

    /// The callsite of this metadata.
    #[inline]
    pub(super) fn site(&self, layer: &Inner, metadata: &'static Metadata<'static>) -> Rc<Site> {
        let version = layer.filters.version();
        let address = std::ptr::from_ref(metadata).addr();
        let place = (address / align_of::<Metadata<'_>>()) % SITES;
        let mut sites = self.sites.borrow_mut();
        match &sites[place] {
            Some(known) if known.version == version && std::ptr::eq(known.metadata, metadata) => {
                Rc::clone(&known.site)
            }
            _ => {
                let site = Site::new(layer, metadata);
                sites[place] = Some(Known { version, metadata, site: Rc::clone(&site) });
                site
            }
        }
    }

    /// Calls `work` with an empty text, whose memory is used again.
    pub(super) fn with_text<R>(&self, work: impl FnOnce(&mut String) -> R) -> R {
        // Taken rather than borrowed: formatting runs code of users, which may come here again.
        let mut text = self.text.take();
        text.clear();
        let result = work(&mut text);
        if text.capacity() <= TEXT_BYTES_KEPT {
            self.text.replace(text);
        }
        result
    }
}

/// A text that grew longer gives its memory back.
const TEXT_BYTES_KEPT: usize = 16 << 10;
