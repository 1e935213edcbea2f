//! Code wins over the environment, that over the file, that over defaults.

use std::time::Duration;

use throughline::MetricsConfig;

use crate::support::{explained, file, setting, with};

const FILE: &str = "file_format: \"1.0\"
meter_provider:
  readers:
    - periodic: {interval: 7000, exporter: {console: }}
  exemplar_filter: always_on
";

#[test]
fn the_file_wins_over_defaults_alone() {
    let variables = [("OTEL_METRIC_EXPORT_INTERVAL", "8000")];
    assert_eq!(setting(&explained(FILE, &[]), "metrics.export_interval"), ("7s".into(), "4:28".into()));
    let description = explained(FILE, &variables);
    let found = setting(&description, "metrics.export_interval");
    assert_eq!(found, ("8s".into(), "OTEL_METRIC_EXPORT_INTERVAL".into()));
    assert!(description.to_string().contains("not 7000 of "), "{description}");

    let file = file(FILE);
    let metrics = MetricsConfig::new().with_export_interval(Duration::from_secs(9));
    let description = with(&variables).with_metrics(metrics).with_file(file.path()).explain();
    let found = setting(&description, "metrics.export_interval");
    assert_eq!(found, ("9s".into(), "`with_export_interval` in code".into()));
    assert_eq!(setting(&description, "metrics.exemplar_filter"), ("always_on".into(), "5:20".into()));
}

#[test]
fn the_environment_names_the_file() {
    let file = file(FILE);
    let path = file.path().display().to_string();
    for (variable, warns) in [("OTEL_CONFIG_FILE", false), ("OTEL_EXPERIMENTAL_CONFIG_FILE", true)] {
        let description = with(&[(variable, &path)]).explain();
        assert_eq!(setting(&description, "config.file"), (path.clone(), variable.to_owned()));
        assert_eq!(setting(&description, "metrics.export_interval").0, "7s");
        let warned =
            description.warnings().iter().any(|warning| warning.contains("old name of OTEL_CONFIG_FILE"));
        assert_eq!(warned, warns, "{:?}", description.warnings());
    }
}

#[test]
fn settings_of_the_toolkit_win_over_the_rest_of_the_file() {
    let text = format!(
        "{FILE}distribution: {{throughline: {{metrics.export_interval: 3s, console.format: json}}}}\n"
    );
    let description = explained(&text, &[]);
    assert_eq!(setting(&description, "metrics.export_interval").0, "3s");
    assert_eq!(setting(&description, "console.format").0, "json");
}

#[test]
fn variables_are_put_in_after_parsing() {
    let text =
        "file_format: \"1.0\"\nresource:\n  attributes_list: \"a=${A:-none}\"\nlog_level: ${LEVEL:-warn}\n";
    let description = explained(text, &[("A", "x\ndisabled: true"), ("LEVEL", "")]);
    assert!(description.error().is_none(), "{description}");
    assert_eq!(setting(&description, "logs.filter").0, "warn");
    let refused = explained(text, &[("LEVEL", "debug\ndisabled: true")]);
    assert!(refused.error().is_some(), "a variable adds no keys: {refused}");
}
