//! What mends a trouble, so that people can copy it and programs can apply it.

use std::fmt;

use serde_json::{Value, json};

/// One way to mend one trouble.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fix {
    /// Variables of the application's environment: set, or unset when there is no value.
    Environment(Vec<(String, Option<String>)>),
    /// Flags that Prometheus is to be started with.
    PrometheusFlags(Vec<String>),
    /// What has to stand in `prometheus.yml`, as YAML.
    PrometheusFile(String),
    /// A further configuration file of the Collector, as YAML: `--config` can be given several times.
    CollectorFile(String),
    /// Something that takes a person.
    ByHand(String),
}

impl Fix {
    /// Sets one variable.
    pub(crate) fn set(variable: impl Into<String>, value: impl Into<String>) -> Self {
        Self::Environment(vec![(variable.into(), Some(value.into()))])
    }

    pub(crate) fn unset(variable: impl Into<String>) -> Self {
        Self::Environment(vec![(variable.into(), None)])
    }

    pub(crate) fn by_hand(text: impl Into<String>) -> Self {
        Self::ByHand(text.into())
    }

    /// What lets doctor ask a server that it got no answer from: trust, where that is missing.
    pub(crate) fn to_ask(error: &str, otherwise: Self) -> Self {
        if !error.contains("UnknownIssuer") {
            return otherwise;
        }
        Self::by_hand(
            "trust the authority of its certificate: export OTEL_EXPORTER_OTLP_CERTIFICATE=/path/to/ca.pem, when exporters \
             trust it too, else SSL_CERT_FILE",
        )
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut json = match self {
            Self::Environment(variables) => {
                let variables = variables.iter().map(|(name, value)| (name.clone(), json!(value)));
                json!({ "kind": "environment", "variables": variables.collect::<serde_json::Map<_, _>>() })
            }
            Self::PrometheusFlags(flags) => json!({ "kind": "prometheus_flags", "flags": flags }),
            Self::PrometheusFile(yaml) => json!({ "kind": "prometheus_file", "yaml": yaml }),
            Self::CollectorFile(yaml) => json!({ "kind": "collector_file", "yaml": yaml }),
            Self::ByHand(_) => json!({ "kind": "by_hand" }),
        };
        json["text"] = self.to_string().into();
        json
    }
}

/// As one would type it.
impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(variables) => {
                for (at, (name, value)) in variables.iter().enumerate() {
                    f.write_str(if at > 0 { "\n" } else { "" })?;
                    match value {
                        Some(value) => write!(f, "export {name}={value}")?,
                        None => write!(f, "unset {name}")?,
                    }
                }
                Ok(())
            }
            Self::PrometheusFlags(flags) => write!(f, "prometheus … {}", flags.join(" ")),
            Self::PrometheusFile(yaml) => write!(f, "# prometheus.yml, and reload it\n{}", yaml.trim_end()),
            Self::CollectorFile(yaml) => {
                write!(f, "# in the Collector's configuration, or as a further --config\n{}", yaml.trim_end())
            }
            Self::ByHand(text) => f.write_str(text),
        }
    }
}
