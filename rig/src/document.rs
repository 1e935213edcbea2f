//! The names of metrics in a document: in the code, and in the queries, that it shows.

use std::collections::BTreeSet;

use crate::Prometheus;

/// What a document in Markdown says of metrics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The instruments that its code makes, and those that it has as fields and leaves to the reader to make, which are
    /// called after the others in the same piece of code.
    pub names: BTreeSet<String>,
    /// Queries in `PromQL`.
    pub queries: Vec<String>,
}

impl Document {
    /// Reads what stands between the fences.
    pub fn read(markdown: &str) -> Self {
        let mut document = Self::default();
        for part in markdown.split("```").skip(1).step_by(2) {
            match part.split_once('\n') {
                Some(("rust", code)) => document.read_code(code),
                Some(("promql", queries)) => document.queries.extend(read_queries(queries)),
                _ => {}
            }
        }
        document
    }

    fn read_code(&mut self, code: &str) {
        let tokens: Vec<_> = tokens(code).collect();
        let declarations = tokens.iter().enumerate().filter(|(_, token)| is_declaration(token));
        let declared: Vec<_> = declarations.filter_map(|(at, _)| name_in(tokens.get(at + 1..)?)).collect();
        let is_made = |field: &str| {
            tokens
                .windows(3)
                .any(|three| three[0] == field && matches!(three[1], "=" | ":") && three[2] == "meter")
        };
        let fields = tokens.windows(3).filter(|three| three[1] == ":" && INSTRUMENTS.contains(&three[2]));
        let left_out = fields.map(|three| three[0]).filter(|field| !is_made(field));
        let space = declared.iter().find_map(|name| Some(name.split_once('.')?.0));
        self.names.extend(left_out.filter_map(|field| Some(format!("{}.{field}", space?))));
        self.names.extend(declared.iter().cloned());
    }

    /// Asserts that each name is stored, and that each query has an answer.
    ///
    /// # Panics
    ///
    /// With the names that are missing.
    #[track_caller]
    pub fn assert_stored(&self, prometheus: &Prometheus) {
        assert!(!self.names.is_empty(), "there is no name in the document");
        prometheus.assert_stores(&self.names);
        for query in &self.queries {
            assert!(!prometheus.query(query).is_empty(), "no answer to {query}");
        }
    }
}

impl Prometheus {
    /// The names of all metrics that it has series of.
    #[track_caller]
    pub fn metric_names(&self) -> BTreeSet<String> {
        let names = self.get_json("/api/v1/label/__name__/values", &[]);
        names.as_array().into_iter().flatten().filter_map(|name| Some(name.as_str()?.to_owned())).collect()
    }

    /// Asserts that each of these metrics is stored, under its name or a translation of it.
    ///
    /// # Panics
    ///
    /// With the names that are not.
    #[track_caller]
    pub fn assert_stores(&self, names: impl IntoIterator<Item = impl AsRef<str>>) {
        let stored = self.metric_names();
        let is_missing = |name: &String| !stored.iter().any(|stored| is_translation(stored, name));
        let names = names.into_iter().map(|name| name.as_ref().to_owned());
        let missing: Vec<_> = names.filter(is_missing).collect();
        assert!(missing.is_empty(), "declared but not stored: {missing:?}\nstored: {stored:?}");
    }
}

/// Whether this is how Prometheus stores a metric: with underscores, the unit, and what kind it is of.
fn is_translation(stored: &str, name: &str) -> bool {
    let plain = |name: &str| name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let stored = plain(stored);
    let Some(rest) = stored.strip_prefix(&plain(name)) else { return false };
    let is_suffix = |rest: &str| rest.split('_').all(|word| SUFFIXES.contains(&word));
    rest.is_empty() || rest.strip_prefix('_').is_some_and(is_suffix)
}

/// What is put behind a name.
const SUFFIXES: &[&str] =
    &["bucket", "bytes", "count", "milliseconds", "per", "ratio", "second", "seconds", "sum", "total"];

const INSTRUMENTS: &[&str] = &["Counter", "Gauge", "Histogram", "UpDownCounter"];

/// Whether a call or a macro of this name declares an instrument.
fn is_declaration(word: &str) -> bool {
    let is_builder = ["u64_", "i64_", "f64_"].iter().any(|number| word.starts_with(number));
    let is_macro = ["declare_static_", "declare_observable_"].iter().any(|start| word.starts_with(start));
    let is_recorder = word.starts_with("record_");
    let is_of = ["counter", "gauge", "histogram"].iter().any(|kind| word.ends_with(kind));
    is_of && (is_builder || is_macro || is_recorder)
}

/// The name in the arguments that begin here: the last text, since a recorder has the component before it.
fn name_in(tokens: &[&str]) -> Option<String> {
    let arguments = tokens.iter().skip_while(|token| **token == "!");
    let arguments = arguments.skip(1).take_while(|token| **token != ")" && **token != ";");
    let name = arguments.filter(|token| token.starts_with('"')).last()?;
    Some(name.trim_matches('"').to_owned())
}

/// Words, texts, and everything else character by character; neither spaces nor comments.
fn tokens(code: &str) -> impl Iterator<Item = &str> {
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.flat_map(|mut rest| {
        std::iter::from_fn(move || {
            rest = rest.trim_start();
            let first = rest.chars().next()?;
            let end = match first {
                '"' => rest.match_indices('"').nth(1).map(|(end, _)| end + 1),
                _ if is_word(first) => rest.find(|c| !is_word(c)),
                _ => Some(first.len_utf8()),
            };
            let (token, after) = rest.split_at(end.unwrap_or(rest.len()));
            rest = after;
            Some(token)
        })
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Queries stand apart by empty lines.
fn read_queries(text: &str) -> Vec<String> {
    let without_comments = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let joined = without_comments.collect::<Vec<_>>().join("\n");
    joined.split("\n\n").map(str::trim).filter(|query| !query.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_code_and_queries() {
        let text = r#"
```rust
struct Metrics { made: Counter<u64>, left_out: Histogram<f64>, other: String }
let made = meter.u64_counter("shop.made.total").build(); // meter.u64_counter("no")
declare_static_histogram!(WAIT, "wait_seconds");
recorder.record_counter("shop", "events.processed", 1, vec![]);
use opentelemetry::{declare_static_counter, kv_pairs};
```
```promql
# Made in
rate(shop_made_total[2m])

a
* b
```
"u64_counter" `not.code`
"#;
        let document = Document::read(text);
        assert_eq!(
            document.names.iter().collect::<Vec<_>>(),
            ["events.processed", "shop.left_out", "shop.made.total", "wait_seconds"]
        );
        assert_eq!(document.queries, ["rate(shop_made_total[2m])", "a\n* b"]);
    }

    #[test]
    fn translations_are_known() {
        assert!(is_translation("llm_duration_seconds_bucket", "llm.duration"));
        assert!(is_translation("mcp_connections_total", "mcp.connections.total"));
        assert!(is_translation("mailbox.posts", "mailbox.posts"));
        assert!(!is_translation("llm_tokens_rate_per_second_sum", "llm.tokens"));
    }
}
