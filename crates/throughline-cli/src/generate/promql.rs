//! Pieces of `PromQL`, with names quoted where Prometheus asks for it.

/// A selector: of a metric, or of any where `name` is empty.
pub(crate) fn selector(name: &str, matchers: &[String]) -> String {
    let matchers = matchers.join(", ");
    match (is_plain(name), name, &*matchers) {
        (true, name, "") => name.to_owned(),
        (true, name, _) => format!("{name}{{{matchers}}}"),
        (false, "", _) => format!("{{{matchers}}}"),
        (false, name, "") => format!("{{{}}}", quoted(name)),
        (false, name, _) => format!("{{{}, {matchers}}}", quoted(name)),
    }
}

/// `sum by (…)` and its like.
pub(crate) fn aggregate(operator: &str, by: &[String], what: &str) -> String {
    if by.is_empty() {
        format!("{operator}({what})")
    } else {
        format!("{operator} by ({}) ({what})", by.join(", "))
    }
}

/// A label in a matcher or a grouping.
pub(crate) fn label(name: &str) -> String {
    if is_plain(name) && !name.contains(':') { name.to_owned() } else { quoted(name) }
}

/// A text in a matcher.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

/// A part of `whole`, which is 0 and not absent when there is none of it.
pub(crate) fn ratio(part: &str, whole: &str) -> String {
    format!("({part} or 0 * {whole}) / {whole}")
}

/// Whether a name is written without quotes.
fn is_plain(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
    starts && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
}
