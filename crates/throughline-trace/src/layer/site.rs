//! What is the same for all spans or events of one callsite: found once by each thread, and again when filters change.

use std::rc::Rc;

use throughline_core::attribute::{Attributes, ValueRef, Visitor};
use tracing::Metadata;
use tracing::field::Field;

use super::Inner;
use super::fields::{is_convention, name};
use super::settings::Settings;
use crate::limits::SpanLimits;
use crate::recording::{Encoded, Key};

/// A callsite as this layer sees it.
#[derive(Debug)]
pub(super) struct Site {
    /// Whether its spans or events are exported.
    pub(super) is_wanted: bool,
    /// Whether it has fields that say something of the span, rather than being attributes.
    pub(super) has_conventions: bool,
    /// Whether its events are those of the `log` crate, and each has a target of its own.
    pub(super) is_log_crate: bool,
    /// What its spans begin with.
    pub(super) first: Encoded,
    /// The keys of its fields, by their index; none for fields that are no attributes.
    pub(super) keys: Box<[Option<Key<'static>>]>,
    metadata: &'static Metadata<'static>,
}

impl Site {
    pub(super) fn new(layer: &Inner, metadata: &'static Metadata<'static>) -> Rc<Self> {
        let (target, level) = (metadata.target(), *metadata.level());
        let is_log_crate = metadata.is_event() && target == "log" && metadata.name() == "log event";
        Rc::new(Self {
            is_wanted: if metadata.is_span() {
                layer.filters.wants_span(target, level)
            } else {
                layer.filters.wants_event(target, level)
            },
            has_conventions: metadata.fields().iter().any(|field| is_convention(field.name())),
            is_log_crate,
            first: match layer.tracer {
                Some(tracer) if metadata.is_span() => {
                    Encoded::new(&Description { metadata, settings: layer.settings }, tracer.shared.limits)
                }
                _ => Encoded::new(&(), SpanLimits::default()),
            },
            keys: metadata.fields().iter().map(|field| key(&field)).collect(),
            metadata,
        })
    }

    /// The name that somebody gave to the events; none if it is only made of their place.
    pub(super) fn event_name(&self) -> &'static str {
        let name = self.metadata.name();
        if name.starts_with("event ") || self.is_log_crate { "" } else { name }
    }
}

fn key(field: &Field) -> Option<Key<'static>> {
    let name = name(field);
    (!is_convention(name)).then(|| Key::new(name))
}

/// What the settings ask for of the callsite of a span.
pub(super) struct Description<'a> {
    pub(super) metadata: &'a Metadata<'a>,
    pub(super) settings: Settings,
}

impl Attributes for Description<'_> {
    type Shape = Description<'static>;

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        let Self { metadata, settings } = self;
        describe(metadata, *settings, visitor);
        if settings.level {
            visitor.attribute("level", ValueRef::Str(metadata.level().as_str()));
        }
    }
}

/// Shows what the settings ask for of the callsite of a span or event, or of the origin of a log record.
#[inline]
pub(super) fn describe<V: Visitor>(metadata: &Metadata<'_>, settings: Settings, visitor: &mut V) {
    if settings.target {
        visitor.attribute("target", ValueRef::Str(metadata.target()));
    }
    if settings.location {
        if let Some(file) = metadata.file() {
            visitor.attribute("code.file.path", ValueRef::Str(file));
        }
        if let Some(line) = metadata.line() {
            visitor.attribute("code.line.number", ValueRef::I64(i64::from(line)));
        }
        if let Some(module) = metadata.module_path() {
            visitor.attribute("code.module.name", ValueRef::Str(module));
        }
    }
}
