//! Settings from a YAML file in OpenTelemetry's declarative configuration format: `OTEL_CONFIG_FILE`, or
//! [`with_file`](crate::TelemetryConfig::with_file).
//!
//! `init.rs` asks first of all; what the file says of settings becomes the layer below the environment
//! (`settings/layers.rs`), and what is no setting is handed over as [`FileExtras`]. Without the cargo feature
//! `config-file` a file is refused with its name.
//!
//! The way of a file: `yaml.rs` parses it within limits, `substitute.rs` puts variables in, `check.rs` compares it with
//! the format as it stands in `schema.rs`, and `read.rs` and `apply.rs` take out what it says.

#[cfg(feature = "config-file")]
mod apply;
#[cfg(feature = "config-file")]
mod check;
#[cfg(feature = "config-file")]
mod enabled;
#[cfg(feature = "config-file")]
mod finding;
#[cfg(feature = "config-file")]
mod node;
#[cfg(feature = "config-file")]
mod read;
#[cfg(feature = "config-file")]
mod resource;
#[cfg(feature = "config-file")]
mod schema;
#[cfg(feature = "config-file")]
mod substitute;
#[cfg(feature = "config-file")]
mod views;
#[cfg(feature = "config-file")]
mod yaml;
#[cfg(feature = "config-file")]
pub(crate) use enabled::read;
#[cfg(all(test, feature = "config-file"))]
mod tests;

#[cfg(not(feature = "config-file"))]
mod disabled;
#[cfg(not(feature = "config-file"))]
pub(crate) use disabled::read;

use throughline_core::KeyValue;
use throughline_metrics::view::View;

/// What a file says that is no setting.
#[derive(Debug, Default)]
pub(crate) struct FileExtras {
    pub(crate) views: Vec<View>,
    /// Attributes of the resource, with their types.
    pub(crate) resource: Vec<KeyValue>,
    /// Which of the attributes that detectors find are kept.
    pub(crate) detected: Detected,
}

/// Patterns of attribute keys, with `*` and `?`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Detected {
    /// None: all of them.
    pub(crate) included: Option<Vec<String>>,
    pub(crate) excluded: Vec<String>,
}

impl Detected {
    /// Whether an attribute that a detector found is kept.
    pub(crate) fn keeps(&self, key: &str) -> bool {
        let matches =
            |patterns: &[String]| patterns.iter().any(|pattern| glob(pattern.as_bytes(), key.as_bytes()));
        self.included.as_deref().is_none_or(matches) && !matches(&self.excluded)
    }
}

/// Whether a key matches a pattern: `*` stands for any number of characters, `?` for one.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    let mut star = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || *byte == text[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                // The last star takes one more.
                Some((star_at, taken)) => {
                    star = Some((star_at, taken + 1));
                    (at, from) = (star_at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|byte| *byte == b'*')
}
