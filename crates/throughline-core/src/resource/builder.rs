//! Puts a resource together.

use std::fmt;
use std::path::PathBuf;

use opentelemetry::KeyValue;

use super::Resource;
use super::detect::{Detector, Surroundings};

/// Puts a [`Resource`] together: first what detectors find out, then what is set here, which wins.
///
/// All [detectors](Detector) are on unless switched off. None of them makes a network call or starts a process; they
/// read environment variables and a few small files, once.
///
/// ```
/// use throughline_core::KeyValue;
/// use throughline_core::resource::{Detector, ResourceBuilder};
///
/// let resource = ResourceBuilder::new()
///     .without_detector(Detector::Process)
///     .with_service_name("shop")
///     .with_service_version("1.4.2")
///     .with_attribute(KeyValue::new("deployment.environment.name", "staging"))
///     .build();
/// assert_eq!(resource.service_name(), Some("shop"));
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ResourceBuilder {
    surroundings: Surroundings,
    detectors: Vec<Detector>,
    detected: Option<Keep>,
    attributes: Vec<KeyValue>,
}

/// Says of an attribute's key whether it is wanted.
type Keep = Box<dyn Fn(&str) -> bool + Send>;

impl fmt::Debug for ResourceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { detectors, attributes, .. } = self;
        f.debug_struct("ResourceBuilder")
            .field("detectors", detectors)
            .field("attributes", attributes)
            .finish_non_exhaustive()
    }
}

impl Default for ResourceBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl ResourceBuilder {
    /// A builder with all detectors.
    pub fn new() -> Self {
        Self {
            surroundings: Surroundings::default(),
            detectors: Detector::ALL.to_vec(),
            detected: None,
            attributes: Vec::new(),
        }
    }

    /// Leaves this detector out.
    pub fn without_detector(mut self, detector: Detector) -> Self {
        self.detectors.retain(|kept| *kept != detector);
        self
    }

    /// Uses these detectors alone; of two that find the same attribute the later wins.
    pub fn with_detectors(mut self, detectors: impl IntoIterator<Item = Detector>) -> Self {
        self.detectors = detectors.into_iter().collect();
        self
    }

    /// Keeps those attributes that detectors find whose key this function wants; all of them unless set.
    pub fn with_detected(mut self, keep: impl Fn(&str) -> bool + Send + 'static) -> Self {
        self.detected = Some(Box::new(keep));
        self
    }

    /// Detectors look environment variables up with this function instead of in the process' environment.
    pub fn with_environment(
        mut self,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.surroundings.environment = Box::new(lookup);
        self
    }

    /// Detectors look for files such as `/proc/self/cgroup` under this folder instead of `/`.
    pub fn with_root(mut self, root: impl Into<PathBuf>) -> Self {
        self.surroundings.root = root.into();
        self
    }

    /// Sets `service.name`: the same for all instances of a service.
    pub fn with_service_name(self, name: impl Into<String>) -> Self {
        self.with_attribute(KeyValue::new("service.name", name.into()))
    }

    /// Sets `service.version`.
    pub fn with_service_version(self, version: impl Into<String>) -> Self {
        self.with_attribute(KeyValue::new("service.version", version.into()))
    }

    /// Sets `service.namespace`: the group of services within which the name is unique.
    pub fn with_service_namespace(self, namespace: impl Into<String>) -> Self {
        self.with_attribute(KeyValue::new("service.namespace", namespace.into()))
    }

    /// Sets `service.instance.id`; a random UUID unless set.
    pub fn with_service_instance_id(self, id: impl Into<String>) -> Self {
        self.with_attribute(KeyValue::new("service.instance.id", id.into()))
    }

    /// Sets an attribute.
    pub fn with_attribute(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Sets attributes.
    pub fn with_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// Asks the detectors, and gives the resource. Reads files.
    pub fn build(self) -> Resource {
        let Self { surroundings, detectors, detected, attributes } = self;
        let mut found = Vec::new();
        for detector in detectors {
            detector.detect(&surroundings, &mut found);
        }
        if let Some(keep) = detected {
            found.retain(|pair| keep(pair.key.as_str()));
        }
        found.extend(attributes);
        Resource::new(found)
    }
}
