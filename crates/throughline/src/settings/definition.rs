//! One setting as it is known before anybody said anything about it: [`Definition`].

use std::fmt;

/// A setting: what it is called, where it can come from, what it is unless set.
///
/// All of them are in [`catalogue`](crate::catalogue), and each stands there once: start-up, the documentation and
/// `throughline config explain` read the same list.
///
/// ```
/// let setting = throughline::catalogue().into_iter().find(|setting| setting.name() == "metrics.export_interval");
/// let setting = setting.expect("metrics are pushed at intervals");
/// assert_eq!(setting.variables(), ["OTEL_METRIC_EXPORT_INTERVAL"]);
/// assert_eq!(setting.default(), "1m");
/// ```
#[derive(Debug)]
pub struct Definition {
    pub(super) name: &'static str,
    pub(super) variables: &'static [&'static str],
    pub(super) default: &'static str,
    pub(super) about: &'static str,
    pub(super) secrecy: Secrecy,
}

/// What of a value may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// All of it.
    Public,
    /// All but what stands before the host.
    Url,
    /// The names, as in `authorization=…`.
    Headers,
}

impl Definition {
    /// Its name, such as `metrics.export_interval`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The environment variables it can come from. The first one that is set wins.
    pub fn variables(&self) -> &'static [&'static str] {
        self.variables
    }

    /// What it is when nobody says anything, as one would write it. Empty when there is nothing then.
    pub fn default(&self) -> &'static str {
        self.default
    }

    /// What it is, in one line.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Whether a part of its value is never shown.
    pub fn is_secret(&self) -> bool {
        self.secrecy != Secrecy::Public
    }

    /// The value as it may be shown.
    pub(crate) fn shown(&self, value: &str) -> String {
        match self.secrecy {
            Secrecy::Public => value.to_owned(),
            Secrecy::Url => without_credentials(value),
            Secrecy::Headers => names_of_headers(value),
        }
    }
}

impl fmt::Display for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A URL may hold a password anywhere before its `@`, and a token in its query.
pub(crate) fn without_credentials(url: &str) -> String {
    let url = url.split_once(['?', '#']).map_or_else(|| url.to_owned(), |(url, _)| format!("{url}?…"));
    let Some((before, rest)) = url.rsplit_once('@') else { return url };
    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_scheme = !scheme.is_empty() && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_scheme { format!("{scheme}://…@{rest}") } else { format!("…@{rest}") }
}

/// Whatever cannot be a name is not shown: it may be a token whose header was forgotten.
fn names_of_headers(list: &str) -> String {
    let names = list.split(',').map(|member| match member.split_once('=') {
        Some((name, _)) => format!("{}=…", name.trim()),
        None => "…".to_owned(),
    });
    names.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        for (url, shown) in [
            ("http://localhost:4318", "http://localhost:4318"),
            ("http://user:hunter2@host:1/p", "http://…@host:1/p"),
            ("user:hunter2@host", "…@host"),
            ("https://host/?token=hunter2", "https://host/?…"),
            ("hunter2://x@y@host", "hunter2://…@host"),
        ] {
            assert_eq!(without_credentials(url), shown);
        }
        assert_eq!(names_of_headers("authorization=Bearer a, x = b,hunter2"), "authorization=…,x=…,…");
    }
}
