//! What is the same for all spans or events of one callsite: found once by each thread, and again when filters change.

use std::rc::Rc;

use throughline_core::attribute::{ValueRef, Visitor};
use tracing::Metadata;

use super::Inner;
use super::fields::is_convention;
use super::settings::Settings;

/// A callsite as this layer sees it.
#[derive(Debug)]
pub(super) struct Site {
    /// Whether its spans or events are exported.
    pub(super) is_wanted: bool,
    /// Whether it has fields that say something of the span, rather than being attributes.
    pub(super) has_conventions: bool,
    /// Whether its events are those of the `log` crate, and each has a target of its own.
    pub(super) is_log_crate: bool,
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
            metadata,
        })
    }

    /// Shows what the settings ask for.
    #[inline]
    pub(super) fn visit<V: Visitor>(&self, settings: &Settings, visitor: &mut V) {
        describe(self.metadata, settings, visitor);
    }

    /// The name that somebody gave to the events; none if it is only made of their place.
    pub(super) fn event_name(&self) -> &'static str {
        let name = self.metadata.name();
        if name.starts_with("event ") || self.is_log_crate { "" } else { name }
    }
}

/// Shows what the settings ask for of a callsite.
#[inline]
pub(super) fn describe<V: Visitor>(metadata: &Metadata<'_>, settings: &Settings, visitor: &mut V) {
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
