//! What was said, in the form of the conventions: recorded only when asked for, because people say private things.

use serde_json::{Value, json};
use throughline_core::attribute::cut;

/// The messages of one side that are recorded, the last ones: what was said before is on the spans before.
const MESSAGES_MAX: usize = 32;

/// How much of a message is recorded.
const MESSAGE_BYTES_MAX: usize = 16 << 10;

/// Something that was said to a model, or by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    role: &'a str,
    text: &'a str,
}

impl<'a> Message<'a> {
    /// What the instructions say.
    pub const fn system(text: &'a str) -> Self {
        Self { role: "system", text }
    }

    /// What the user says.
    pub const fn user(text: &'a str) -> Self {
        Self { role: "user", text }
    }

    /// What the model says.
    pub const fn assistant(text: &'a str) -> Self {
        Self { role: "assistant", text }
    }

    /// What a tool says.
    pub const fn tool(text: &'a str) -> Self {
        Self { role: "tool", text }
    }

    fn to_json(self) -> Value {
        let part = json!({ "type": "text", "content": cut(self.text, MESSAGE_BYTES_MAX) });
        json!({ "role": self.role, "parts": [part] })
    }
}

/// The messages as JSON.
pub(super) fn to_json(messages: &[Message<'_>]) -> String {
    let before = messages.len().saturating_sub(MESSAGES_MAX);
    Value::Array(messages.iter().skip(before).map(|message| message.to_json()).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_conversations_are_cut_at_their_beginning_and_long_messages_at_their_end() {
        let long = "é".repeat(MESSAGE_BYTES_MAX);
        let mut messages = vec![Message::system("be brief"); MESSAGES_MAX];
        messages.push(Message::user(&long));
        let json: Value = serde_json::from_str(&to_json(&messages)).expect("it is JSON");
        let json = json.as_array().expect("a list");
        assert_eq!(json.len(), MESSAGES_MAX);
        let last = json.last().expect("the last one");
        assert_eq!(last["role"], "user");
        assert_eq!(last["parts"][0]["content"].as_str().map(str::len), Some(MESSAGE_BYTES_MAX));
    }
}
