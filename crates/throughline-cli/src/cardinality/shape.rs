//! What the values of an attribute look like, which says where they come from: an id has no bound, an enum has.
//!
//! What looks like a secret, or like a person's address, is never shown.

use std::fmt;
use std::net::IpAddr;

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shape {
    Secret,
    Uuid,
    Ip,
    Number,
    Time,
    Email,
    Url,
    Path,
    Hex,
    Word,
    Text,
}

/// A value is shown up to here.
const SHOWN_CHARS: usize = 40;

/// A random token is at least so long.
const TOKEN_CHARS: usize = 20;

/// What secrets begin with.
const SECRETS: [&str; 13] = [
    "sk-",
    "sk_",
    "pk_live_",
    "rk_live_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "xox",
    "AKIA",
    "eyJ",
    "Bearer ",
];

/// The last word of keys whose values are secrets.
const SECRET_KEYS: [&str; 8] =
    ["password", "passwd", "secret", "authorization", "cookie", "apikey", "api_key", "access_token"];

impl Shape {
    pub(super) fn of(key: &str, value: &str) -> Self {
        let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
        if is_secret(key, value) {
            Self::Secret
        } else if is_uuid(value) {
            Self::Uuid
        } else if value.parse::<IpAddr>().is_ok() || is_address(value) {
            Self::Ip
        } else if value.parse::<f64>().is_ok() && has_digit {
            Self::Number
        } else if humantime::parse_rfc3339_weak(value).is_ok() {
            Self::Time
        } else if value.len() >= 8 && has_digit && is_hex(value.trim_start_matches("0x")) {
            Self::Hex
        } else if value.contains("://") {
            Self::Url
        } else if value.starts_with('/') || value.starts_with("\\\\") {
            Self::Path
        } else if is_email(value) {
            Self::Email
        } else if value.contains(char::is_whitespace) {
            Self::Text
        } else {
            Self::Word
        }
    }

    /// The value as it may be shown.
    pub(super) fn shown(self, value: &str) -> String {
        match self {
            Self::Secret => "…".to_owned(),
            Self::Email => {
                value.rsplit_once('@').map_or_else(|| "…".to_owned(), |(_, host)| format!("…@{host}"))
            }
            _ => {
                let mut shown: String =
                    value.chars().take(SHOWN_CHARS).flat_map(char::escape_debug).collect();
                if value.chars().nth(SHOWN_CHARS).is_some() {
                    shown.push('…');
                }
                shown
            }
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Uuid => "uuid",
            Self::Ip => "ip",
            Self::Number => "number",
            Self::Time => "time",
            Self::Email => "email",
            Self::Url => "url",
            Self::Path => "path",
            Self::Hex => "hex",
            Self::Word => "word",
            Self::Text => "text",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

fn is_uuid(value: &str) -> bool {
    let groups: Vec<&str> = value.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// An IP address and a port.
fn is_address(value: &str) -> bool {
    value.parse::<std::net::SocketAddr>().is_ok()
}

fn is_email(value: &str) -> bool {
    let Some((name, host)) = value.split_once('@') else { return false };
    !name.is_empty() && host.contains('.') && !value.contains(char::is_whitespace)
}

fn is_secret(key: &str, value: &str) -> bool {
    let key = key.to_ascii_lowercase().replace(['.', '-'], "_");
    let is_named = SECRET_KEYS.iter().any(|word| key == *word || key.ends_with(&format!("_{word}")));
    let is_known = SECRETS.iter().any(|start| value.starts_with(start)) && value.len() >= TOKEN_CHARS;
    let has_credentials = value
        .split_once("://")
        .and_then(|(_, rest)| rest.split('/').next())
        .is_some_and(|authority| authority.split_once('@').is_some_and(|(user, _)| user.contains(':')));
    !value.is_empty() && is_named || is_known || has_credentials || is_random(value)
}

/// Long, with digits and letters of both cases in no order: what generators of tokens make. Names in camel case change
/// less often from one kind to another.
fn is_random(value: &str) -> bool {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => Some(1),
        b'A'..=b'Z' => Some(2),
        b'0'..=b'9' => Some(3),
        b'_' | b'-' | b'+' | b'=' => Some(4),
        _ => None,
    };
    let Some(kinds) = value.bytes().map(kind).collect::<Option<Vec<usize>>>() else { return false };
    let changes = kinds.windows(2).filter(|pair| matches!(pair, [a, b] if a != b)).count();
    let has = |kind| kinds.iter().filter(|other| **other == kind).count() >= 3;
    kinds.len() >= TOKEN_CHARS && has(1) && has(2) && has(3) && changes * 5 >= kinds.len() * 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_known_by_their_looks() {
        for (value, shape) in [
            ("550e8400-e29b-41d4-a716-446655440000", Shape::Uuid),
            ("10.0.0.7", Shape::Ip),
            ("[::1]:8080", Shape::Ip),
            ("200", Shape::Number),
            ("-1.5", Shape::Number),
            ("NaN", Shape::Word),
            ("2026-11-21T20:00:00Z", Shape::Time),
            ("ada@example.com", Shape::Email),
            ("https://example.com/a", Shape::Url),
            ("/users/{id}", Shape::Path),
            ("4bf92f3577b34da6", Shape::Hex),
            ("GET", Shape::Word),
            ("no such host", Shape::Text),
        ] {
            assert_eq!(Shape::of("key", value), shape, "{value}");
        }
    }

    #[test]
    fn what_looks_secret_is_not_shown() {
        for (key, value) in [
            ("db.password", "x"),
            ("http.request.header.authorization", "Basic abc"),
            ("model", "sk-abcdefghijklmnopqrstuvw"),
            ("id", "hJ4kL9mQ2xZ8vB3nR7tY"),
            ("url", "postgres://ada:pw@db/shop"),
        ] {
            let shape = Shape::of(key, value);
            assert_eq!(shape, Shape::Secret, "{key}={value}");
            assert_eq!(shape.shown(value), "…");
        }
        assert_eq!(Shape::of("gen_ai_token_type", "input"), Shape::Word);
        assert_eq!(Shape::of("function", "HttpServerMetrics2026"), Shape::Word);
        assert_eq!(Shape::Email.shown("ada@example.com"), "…@example.com");
        assert_eq!(Shape::Word.shown("a\x1b[31m"), "a\\u{1b}[31m");
    }
}
