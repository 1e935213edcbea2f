//! Small things that several headers have in common: optional whitespace, and lists.

/// Without the spaces and tabs at both ends: what the specifications call OWS.
#[inline]
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let Some(first) = text.iter().position(is_text) else { return &[] };
    let last = text.iter().rposition(is_text).unwrap_or(first);
    &text[first..=last]
}

/// What stands before the first separator, and what stands after it, each trimmed.
pub(super) fn split_once(text: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = text.iter().position(|&byte| byte == separator)?;
    Some((trim(&text[..at]), trim(&text[at + 1..])))
}

/// The members of a list, each trimmed, without the empty ones.
pub(super) fn list(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |&byte| byte == separator).map(trim).filter(|member| !member.is_empty())
}

/// Whether there are control characters, which no header may have: they could end it and begin another.
pub(super) fn has_controls(text: &[u8]) -> bool {
    text.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

/// The one value of a header that may be there only once.
pub(super) fn only<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, Several> {
    let Some(value) = values.next() else { return Ok(None) };
    match values.next() {
        None => Ok(Some(value)),
        Some(_) => Err(Several),
    }
}

/// A header that may be there only once was there more often.
#[derive(Debug)]
pub(super) struct Several;
