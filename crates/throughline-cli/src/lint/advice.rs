//! What comments and documents say of OpenTelemetry that was true once, or never.

use std::sync::Arc;

use super::rules::rule;
use crate::finding::{Finding, SourceFile};

/// Words that say that something is no more.
const GONE: [&str; 12] = [
    "removed",
    "discontinued",
    "deprecated",
    "doesn't exist",
    "does not exist",
    "no longer",
    "unmaintained",
    "gone",
    "abandoned",
    "dead",
    "not exist",
    "stuck at",
];

/// Reads the prose of a file line by line.
pub(super) fn check(file: &Arc<SourceFile>, findings: &mut Vec<Finding>) {
    let rust = file.path.extension().is_some_and(|extension| extension == "rs");
    let mut at = 0;
    for line in file.text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let prose = if rust { line.find("//").and_then(|comment| line.get(comment..)) } else { Some(line) };
        let Some(id) = prose.and_then(stale) else { continue };
        let Some(rule) = rule(id) else { continue };
        let indent = line.len() - line.trim_start().len();
        findings.push(Finding {
            id: &rule.id,
            severity: rule.severity,
            message: rule.title.clone(),
            file: Arc::clone(file),
            range: start + indent..start + line.trim_end().len().max(indent),
            help: rule.help.clone(),
            fix: None,
        });
    }
}

/// The rule that a line falls under.
fn stale(line: &str) -> Option<&'static str> {
    let line = line.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if says(&["opentelemetry-prometheus", "opentelemetry_prometheus", "prometheus exporter"]) && says(&GONE) {
        return Some("A001");
    }
    let now = says(&["new:", "use ", "instead", "builder pattern"]);
    if now && line.contains(".init()") && !says(&["old", "not `.init()`", "tracing_subscriber"]) {
        return Some("A002");
    }
    if now && line.contains("resource::default()") && !line.contains("builder") {
        return Some("A003");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::stale;

    #[test]
    fn lines_are_told_apart() {
        assert_eq!(stale("1. **`opentelemetry-prometheus` crate removed** (v0.25+)"), Some("A001"));
        assert_eq!(stale("   - New: Builder pattern with `.init()` calls"), Some("A002"));
        assert_eq!(stale("   - New: `Resource::default()` with merge patterns"), Some("A003"));
        assert_eq!(stale("We do prometheus by default using opentelemetry-prometheus."), None);
        assert_eq!(stale("   - Old: `Resource::new()`"), None);
    }
}
