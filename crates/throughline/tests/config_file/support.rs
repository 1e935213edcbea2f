//! Telemetry configured by a file, touching nothing global.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tempfile::NamedTempFile;
use throughline::{
    ConsoleConfig, ConsoleOutput, Description, Setting, TelemetryConfig, TelemetryProviders, init_telemetry,
};

/// The file with this text, and its first line.
pub(crate) fn file(text: &str) -> NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("it is written");
    file
}

/// What variables say, and no others.
pub(crate) fn with(variables: &[(&str, &str)]) -> TelemetryConfig {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let variables: HashMap<String, String> = variables.iter().map(owned).collect();
    TelemetryConfig::new("program")
        .without_globals()
        .with_environment_variables(move |name| variables.get(name).cloned())
}

/// What would be decided with this file.
pub(crate) fn explained(text: &str, variables: &[(&str, &str)]) -> Description {
    let file = file(text);
    with(variables).with_file(file.path()).explain()
}

/// What a setting is, and where it comes from but for the file's name.
pub(crate) fn setting(description: &Description, name: &str) -> (String, String) {
    let found = description.settings().iter().find(|setting| setting.name == name);
    let Setting { value, source, .. } = found.unwrap_or_else(|| panic!("no {name} in {description}"));
    let source = source.to_string();
    let place = source.split_once(".yaml:").map_or(source.as_str(), |(_, place)| place);
    (value.clone(), place.to_owned())
}

/// Every problem, without the file's name, in the order of the file.
pub(crate) fn problems(text: &str) -> Vec<String> {
    let description = explained(text, &[]);
    let Some(error) = description.error() else { panic!("nothing is refused of\n{text}\n{description}") };
    let error = error.to_string();
    let lines = error.lines().skip(1).filter_map(|line| line.split_once(".yaml:"));
    lines.map(|(_, problem)| problem.to_owned()).collect()
}

/// What was written to the console.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// The line that contains this, read as JSON.
    pub(crate) fn line(&self, part: &str) -> serde_json::Value {
        let text = String::from_utf8(self.0.lock().expect("nobody panicked").clone()).expect("it is UTF-8");
        let line = text.lines().find(|line| line.contains(part));
        let line = line.unwrap_or_else(|| panic!("no {part} in {text}"));
        serde_json::from_str(line).expect("each line is JSON")
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().expect("nobody panicked").is_empty()
    }
}

impl Write for Written {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Telemetry with this file, whose console can be read.
pub(crate) fn started(text: &str) -> (TelemetryProviders, Written) {
    let (file, written) = (file(text), Written::default());
    let console = ConsoleConfig::new().with_output(ConsoleOutput::Json).with_writer(written.clone());
    let config = with(&[]).with_file(file.path()).with_console_exporter(console);
    // A port is opened only where a test wants one.
    let config = if text.contains("prometheus") { config } else { config.without_prometheus_endpoint() };
    (init_telemetry(config).expect("telemetry starts"), written)
}
