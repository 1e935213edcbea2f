//! `tracestate`: what each vendor on the way wants to find again, the latest first.
//!
//! [Specification](https://www.w3.org/TR/trace-context/#tracestate-header). One member that is wrong makes all of it
//! wrong; the trace itself goes on. Called by [`trace_context`](super::trace_context).
//!
//! Keys are those of level 1, and may begin with a digit as in level 2. Level 2 would allow any number of `@`, which
//! OpenTelemetry's [`TraceState`] cannot hold and the specification's own test suite refuses.

use std::str;

use opentelemetry::trace::TraceState;

use super::{Rejected, text};

/// The specification's limit; a list that is longer is not valid.
pub const TRACESTATE_MEMBERS_MAX: usize = 32;

/// The longest list that the grammar allows: 32 members of 256 characters on each side of the `=`, and the commas.
/// What is longer, whitespace and empty members included, is not looked at.
pub const TRACESTATE_BYTES_MAX: usize = TRACESTATE_MEMBERS_MAX * (KEY_MAX + 1 + VALUE_MAX + 1) - 1;

/// What is sent at most. The specification asks for at least this much; nobody may rely on more.
pub const TRACESTATE_SENT_MAX: usize = 512;

/// Members longer than this are the first to go when the list is too long to be sent.
const LARGE: usize = 128;

const KEY_MAX: usize = 256;
const VALUE_MAX: usize = 256;
const TENANT_MAX: usize = 241;
const SYSTEM_MAX: usize = 14;

/// The longest system id that OpenTelemetry's type holds: one character fewer than is valid.
const SYSTEM_HELD_MAX: usize = 13;

type Member<'a> = (&'a str, &'a str);

/// The members of all headers, in order; `None` when a single one of them is wrong, or there are too many.
pub(super) fn parse<'a>(headers: impl Iterator<Item = &'a [u8]>) -> Option<TraceState> {
    let mut members = [("", ""); TRACESTATE_MEMBERS_MAX];
    let (mut count, mut bytes) = (0, 0);
    for header in headers {
        bytes += header.len();
        if bytes > TRACESTATE_BYTES_MAX {
            return None;
        }
        for text in text::list(header, b',') {
            let (known, free) = members.split_at_mut(count);
            let member = member(text)?;
            let again = known.iter().any(|(key, _)| *key == member.0);
            *free.first_mut().filter(|_| !again)? = member;
            count += 1;
        }
    }
    Some(hold(&members[..count]))
}

fn member(text: &[u8]) -> Option<Member<'_>> {
    let equals = text.iter().position(|&byte| byte == b'=')?;
    let (key, value) = (str::from_utf8(&text[..equals]).ok()?, str::from_utf8(&text[equals + 1..]).ok()?);
    is_member(&(key, value)).then_some((key, value))
}

/// As OpenTelemetry's type. A key with a system id of fourteen characters is valid, and more than it holds: that member
/// alone is left out.
fn hold(members: &[Member<'_>]) -> TraceState {
    let is_held = |(key, _): &&Member<'_>| {
        key.split_once('@').is_none_or(|(_, system)| system.len() <= SYSTEM_HELD_MAX)
    };
    let held = members.iter().filter(is_held);
    let left_out = members.len() - held.clone().count();
    if left_out > 0 {
        Rejected::TraceStateMember.add(left_out as u64);
    }
    TraceState::from_key_value(held.copied()).unwrap_or_default()
}

/// The header; `None` when nothing is in it.
///
/// Allocates. Members that other code made and that no header may have are left out; so are, when it gets longer than
/// [`TRACESTATE_SENT_MAX`], the large ones first, and then the last.
pub(super) fn format(state: &TraceState) -> Option<String> {
    if state.into_iter().len() == 0 {
        return None;
    }
    let mut members: Vec<Member<'_>> =
        state.into_iter().filter(is_member).take(TRACESTATE_MEMBERS_MAX).collect();
    shorten(&mut members, LARGE);
    shorten(&mut members, 0);
    let left_out = state.into_iter().len() - members.len();
    if left_out > 0 {
        Rejected::TraceStateMember.add(left_out as u64);
    }
    let mut header = String::with_capacity(length(&members));
    for (key, value) in members {
        let separator = if header.is_empty() { "" } else { "," };
        header.extend([separator, key, "=", value]);
    }
    (!header.is_empty()).then_some(header)
}

/// Removes members larger than this, from the end, until the list is short enough.
fn shorten(members: &mut Vec<Member<'_>>, larger_than: usize) {
    while length(members) > TRACESTATE_SENT_MAX {
        let Some(at) = members.iter().rposition(|member| size(member) > larger_than) else { return };
        members.remove(at);
    }
}

fn length(members: &[Member<'_>]) -> usize {
    let commas = members.len().saturating_sub(1);
    members.iter().map(size).sum::<usize>() + commas
}

fn size((key, value): &Member<'_>) -> usize {
    key.len() + 1 + value.len()
}

fn is_member((key, value): &Member<'_>) -> bool {
    is_key(key) && is_value(value.as_bytes())
}

fn is_key(key: &str) -> bool {
    match key.split_once('@') {
        None => is_part(key, KEY_MAX),
        Some((tenant, system)) => is_part(tenant, TENANT_MAX) && is_part(system, SYSTEM_MAX),
    }
}

fn is_part(part: &str, max: usize) -> bool {
    let begins = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let goes_on = |byte: &u8| begins(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/');
    let bytes = part.as_bytes();
    bytes.len() <= max && bytes.first().is_some_and(begins) && bytes.iter().all(goes_on)
}

/// Printable ASCII without comma and equals sign, not ending with a space.
fn is_value(value: &[u8]) -> bool {
    let allowed = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'=');
    value.len() <= VALUE_MAX && value.last().is_some_and(|last| *last != b' ') && value.iter().all(allowed)
}
