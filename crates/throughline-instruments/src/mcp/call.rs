//! A request or notification, as much of it as is recorded.

use serde_json::{Map, Value};

use super::{Method, Version, attributes::bounded_name};

/// A request or notification that is about to be sent, or has come in. All of it is borrowed.
#[derive(Clone, Copy, Debug)]
#[must_use = "a call is for `Endpoint::begin`"]
pub struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) tool: Option<&'a str>,
    pub(crate) prompt: Option<&'a str>,
    pub(crate) version: Option<Version>,
    pub(crate) session: Option<&'a str>,
    pub(crate) request: Option<RequestId<'a>>,
    pub(crate) resource: Option<&'a str>,
    pub(crate) meta: Option<&'a Map<String, Value>>,
    pub(crate) size: Option<u64>,
}

/// The `id` of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RequestId<'a> {
    Number(i64),
    Text(&'a str),
}

impl<'a> Call<'a> {
    /// Of this method.
    pub const fn new(method: Method) -> Self {
        Self {
            method,
            tool: None,
            prompt: None,
            version: None,
            session: None,
            request: None,
            resource: None,
            meta: None,
            size: None,
        }
    }

    /// The tool that is called: see [`bounded_name`](super::bounded_name).
    pub fn with_tool(self, name: &'a str) -> Self {
        Self { tool: Some(bounded_name(name)), ..self }
    }

    /// The prompt that is asked for: see [`bounded_name`](super::bounded_name).
    pub fn with_prompt(self, name: &'a str) -> Self {
        Self { prompt: Some(bounded_name(name)), ..self }
    }

    /// The version of the protocol.
    pub const fn with_version(self, version: Version) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The session, for the span alone.
    pub const fn with_session(self, id: &'a str) -> Self {
        Self { session: Some(id), ..self }
    }

    /// The `id` of the request, when it is a number; for the span alone.
    pub const fn with_request_number(self, id: i64) -> Self {
        Self { request: Some(RequestId::Number(id)), ..self }
    }

    /// The `id` of the request, when it is text; for the span alone.
    pub const fn with_request_text(self, id: &'a str) -> Self {
        Self { request: Some(RequestId::Text(id)), ..self }
    }

    /// The URI of the resource, for the span alone.
    pub const fn with_resource(self, uri: &'a str) -> Self {
        Self { resource: Some(uri), ..self }
    }

    /// The `_meta` that came with it: the caller's context is in there.
    pub const fn with_meta(self, meta: &'a Map<String, Value>) -> Self {
        Self { meta: Some(meta), ..self }
    }

    /// How many bytes the request has, as JSON.
    pub const fn with_size(self, bytes: u64) -> Self {
        Self { size: Some(bytes), ..self }
    }
}
