//! An application's own names for variables: [`Alias`].

use std::borrow::Cow;
use std::fmt;

use crate::error::Source;

/// A variable of an application's own that stands for one of OpenTelemetry's, so that its deployments keep working.
///
/// The variable it stands for wins when both are set. What was decided is shown with the application's name as its
/// source.
///
/// ```
/// use throughline::{Alias, TelemetryConfig};
///
/// let config = TelemetryConfig::new("bitnet").with_aliases([
///     Alias::new("BITNET_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
///     Alias::new("BITNET_METRICS_INTERVAL", "OTEL_METRIC_EXPORT_INTERVAL").in_seconds(),
///     Alias::new("BITNET_MONITORING_ENABLED", "OTEL_SDK_DISABLED").with_values([("true", "false"), ("false", "true")]),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct Alias {
    name: Cow<'static, str>,
    variable: Cow<'static, str>,
    values: Translation,
}

#[derive(Clone, Debug)]
enum Translation {
    /// Values mean the same.
    None,
    /// These values, and no others.
    Values(Vec<(Cow<'static, str>, Cow<'static, str>)>),
    /// Whatever the function makes of them.
    Function(fn(&str) -> Result<String, String>),
}

impl Alias {
    /// A name for a variable that is in the [`catalogue`](crate::catalogue). Several names can stand for one variable,
    /// the first one winning, and one name for several.
    pub fn new(name: impl Into<Cow<'static, str>>, variable: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into(), variable: variable.into(), values: Translation::None }
    }

    /// Translates these values, and refuses all others. Case does not matter.
    pub fn with_values<K, V>(mut self, values: impl IntoIterator<Item = (K, V)>) -> Self
    where
        K: Into<Cow<'static, str>>,
        V: Into<Cow<'static, str>>,
    {
        let values = values.into_iter().map(|(from, to)| (from.into(), to.into())).collect();
        self.values = Translation::Values(values);
        self
    }

    /// Translates values with this function, whose error says what would be right.
    pub fn with_translation(mut self, translate: fn(&str) -> Result<String, String>) -> Self {
        self.values = Translation::Function(translate);
        self
    }

    /// Reads a bare number as seconds, where the variable takes milliseconds.
    pub fn in_seconds(self) -> Self {
        self.with_translation(|text| {
            let is_bare = text.parse::<f64>().is_ok_and(|seconds| seconds.is_finite() && seconds >= 0.0);
            Ok(if is_bare { seconds(text) } else { text.to_owned() })
        })
    }

    /// The application's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The variable it stands for.
    pub fn variable(&self) -> &str {
        &self.variable
    }

    pub(super) fn stands_for(&self, variable: &str) -> bool {
        self.variable == variable
    }

    pub(super) fn source(&self) -> Source {
        Source::Environment(self.name.clone())
    }

    pub(super) fn translate(&self, text: &str) -> Result<String, String> {
        match &self.values {
            Translation::None => Ok(text.to_owned()),
            Translation::Function(translate) => translate(text),
            Translation::Values(values) => {
                let found = values.iter().find(|(from, _)| from.eq_ignore_ascii_case(text));
                found.map(|(_, to)| to.clone().into_owned()).ok_or_else(|| {
                    let known: Vec<_> = values.iter().map(|(from, _)| from.as_ref()).collect();
                    format!("is not known; write {}", known.join(" or "))
                })
            }
        }
    }
}

/// A number of seconds as milliseconds; a fraction of one is cut.
fn seconds(text: &str) -> String {
    let seconds: f64 = text.parse().unwrap_or_default();
    format!("{:.0}", (seconds * 1000.0).trunc())
}

impl fmt::Display for Alias {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, variable, .. } = self;
        write!(f, "{name} for {variable}")
    }
}
