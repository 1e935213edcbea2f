//! The resource: what produces the telemetry.
//!
//! A [`ResourceBuilder`] puts it together: what the [detectors](Detector) find out about process and machine, what the
//! environment says, and what the application says, later ones winning over earlier ones. Every item that is exported
//! carries it; Prometheus shows it as `target_info`.
//!
//! Specification: [resource](https://opentelemetry.io/docs/specs/otel/resource/sdk/).

mod builder;
mod detect;
mod instance;
mod list;

pub use builder::ResourceBuilder;
pub use detect::{Detector, UnknownDetectorError};
pub use list::{ParseAttributesError, parse_attributes};

use opentelemetry::KeyValue;

use crate::attribute::{AttributeSet, Attributes, ValueRef, Visitor};

/// The attributes that every item of telemetry from this process shares.
///
/// ```
/// use throughline_core::{KeyValue, Resource};
///
/// let resource = Resource::new([KeyValue::new("service.name", "shop")]);
/// assert_eq!(resource.service_name(), Some("shop"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    attributes: AttributeSet,
}

impl Resource {
    /// A resource with these attributes; of equal keys the last one wins.
    pub fn new(attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        let attributes: Vec<_> = attributes.into_iter().collect();
        Self { attributes: AttributeSet::new(attributes.as_slice()) }
    }

    /// A builder that finds out what it can about process and machine.
    pub fn builder() -> ResourceBuilder {
        ResourceBuilder::new()
    }

    /// This resource with the attributes of another, which win.
    ///
    /// ```
    /// use throughline_core::{KeyValue, Resource};
    ///
    /// let parent = Resource::new([KeyValue::new("service.name", "shop"), KeyValue::new("process.pid", 1)]);
    /// let child = parent.merged(&Resource::new([KeyValue::new("process.pid", 2)]));
    /// assert_eq!(child.attributes().len(), 2);
    /// assert_eq!(child.attributes().value("process.pid").expect("a pid").to_string(), "2");
    /// ```
    pub fn merged(&self, stronger: &Self) -> Self {
        Self { attributes: AttributeSet::new(&Merged(&self.attributes, &stronger.attributes)) }
    }

    /// The attributes, sorted by key.
    pub fn attributes(&self) -> &AttributeSet {
        &self.attributes
    }

    /// The attribute `service.name`, when it is a string.
    pub fn service_name(&self) -> Option<&str> {
        match self.attributes.value("service.name") {
            Some(ValueRef::Str(name)) => Some(name),
            _ => None,
        }
    }
}

/// One set after the other.
struct Merged<'a>(&'a AttributeSet, &'a AttributeSet);

impl Attributes for Merged<'_> {
    type Shape = [KeyValue];

    fn visit<V: Visitor>(&self, visitor: &mut V) {
        self.0.visit(visitor);
        self.1.visit(visitor);
    }
}
