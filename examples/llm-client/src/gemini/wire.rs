//! The JSON of the API, the part that is used. Both sides of it: the stand-in speaks it, too.

use serde::{Deserialize, Serialize};

/// What the model is asked.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerateRequest {
    pub(crate) system_instruction: Content,
    pub(crate) contents: Vec<Content>,
    pub(crate) generation_config: GenerationConfig,
}

impl GenerateRequest {
    /// Asks for text, or for JSON.
    pub(crate) fn new(system: &str, prompt: &str, is_json: bool) -> Self {
        let content = |role: Option<&str>, text: &str| Content {
            role: role.map(str::to_owned),
            parts: vec![Part { text: text.to_owned() }],
        };
        Self {
            system_instruction: content(None, system),
            contents: vec![content(Some("user"), prompt)],
            generation_config: GenerationConfig {
                max_output_tokens: MAX_OUTPUT_TOKENS,
                response_mime_type: if is_json { "application/json" } else { "text/plain" }.to_owned(),
            },
        }
    }
}

/// The longest answer that is asked for.
pub(crate) const MAX_OUTPUT_TOKENS: u32 = 256;

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerationConfig {
    pub(crate) max_output_tokens: u32,
    pub(crate) response_mime_type: String,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) role: Option<String>,
    #[serde(default)]
    pub(crate) parts: Vec<Part>,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Part {
    #[serde(default)]
    pub(crate) text: String,
}

/// What the stand-in understands of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReceivedRequest {
    pub(crate) contents: Vec<Content>,
    pub(crate) generation_config: GenerationConfig,
}

/// An answer, or a piece of one.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GenerateResponse {
    #[serde(default)]
    pub(crate) candidates: Vec<Candidate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) usage_metadata: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) response_id: Option<String>,
}

impl GenerateResponse {
    /// What was said.
    pub(crate) fn text(&self) -> String {
        let parts = self.candidates.first().into_iter().flat_map(|candidate| &candidate.content.parts);
        parts.map(|part| part.text.as_str()).collect()
    }

    /// Why it ended, once it has.
    pub(crate) fn finish_reason(&self) -> Option<&str> {
        self.candidates.first()?.finish_reason.as_deref()
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Candidate {
    pub(crate) content: Content,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) finish_reason: Option<String>,
}

/// How many tokens it took, so far.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "as the API names them")]
pub(crate) struct Usage {
    #[serde(default)]
    pub(crate) prompt_token_count: u64,
    #[serde(default)]
    pub(crate) candidates_token_count: u64,
    /// What the model thought, which is paid for as if it had said it.
    #[serde(default)]
    pub(crate) thoughts_token_count: u64,
}

impl Usage {
    /// What is paid for: the prompt's tokens, and the model's.
    pub(crate) fn billed(self) -> (u64, u64) {
        (self.prompt_token_count, self.candidates_token_count + self.thoughts_token_count)
    }
}

/// How the API says no.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct ErrorBody {
    pub(crate) error: Refusal,
}

#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) message: String,
    pub(crate) status: String,
}
