//! The list of attributes in `OTEL_RESOURCE_ATTRIBUTES`.

use std::fmt;

use opentelemetry::KeyValue;

use crate::percent;

/// Parses `OTEL_RESOURCE_ATTRIBUTES`: `key1=value1,key2=value2`, both percent-encoded.
///
/// Spaces around keys and values are dropped, empty members too. Keys and values are decoded as the specification asks.
///
/// # Errors
/// The first member that has no `=`, an empty key, or does not decode to UTF-8. As the specification asks, the whole
/// list then is to be discarded.
pub fn parse_attributes(list: &str) -> Result<Vec<KeyValue>, ParseAttributesError> {
    list.split(',').map(str::trim).filter(|member| !member.is_empty()).map(parse_member).collect()
}

fn parse_member(member: &str) -> Result<KeyValue, ParseAttributesError> {
    let error = |problem| ParseAttributesError { member: member.to_owned(), problem };
    let (key, value) = member.split_once('=').ok_or_else(|| error("has no `=`"))?;
    let decode =
        |text: &str| percent::decode_text(text.trim()).ok_or_else(|| error("does not decode to UTF-8"));
    let key = decode(key)?;
    if key.is_empty() {
        return Err(error("has an empty key"));
    }
    Ok(KeyValue::new(key, decode(value)?))
}

/// A member of a list of resource attributes that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseAttributesError {
    member: String,
    problem: &'static str,
}

impl fmt::Display for ParseAttributesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, problem } = self;
        write!(
            f,
            "the member `{member}` {problem}; write `key=value,key=value`, percent-encoded where needed"
        )
    }
}

impl std::error::Error for ParseAttributesError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_trimmed_and_percent_decoded() {
        let parsed = parse_attributes(" a = b%2Cc ,, k%20ey=%C3%A9,").expect("a good list");
        assert_eq!(parsed, [KeyValue::new("a", "b,c"), KeyValue::new("k ey", "é")]);
        assert_eq!(parse_attributes("  ").expect("an empty list"), []);
    }

    #[test]
    fn a_bad_member_is_named() {
        for (list, expected) in [
            ("a=1,b", "the member `b` has no `=`"),
            ("=1", "the member `=1` has an empty key"),
            ("a=%FF", "the member `a=%FF` does not decode to UTF-8"),
        ] {
            let error = parse_attributes(list).expect_err(list).to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
