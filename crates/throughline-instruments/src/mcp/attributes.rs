//! The attributes of operations, each within bounds: a peer may send anything.

use throughline_macros::{AttributeValue, Attributes};

use super::Method;

/// What a duration of an operation is recorded with; the keys are those of the semantic conventions.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct OperationAttributes<'a> {
    /// The method.
    #[attribute(key = "mcp.method.name")]
    pub method: Method,
    /// The version of the protocol.
    #[attribute(key = "mcp.protocol.version")]
    pub version: Option<Version>,
    /// The tool, of a call of a tool.
    #[attribute(key = "gen_ai.tool.name")]
    pub tool: Option<&'a str>,
    /// The prompt, of a request for one.
    #[attribute(key = "gen_ai.prompt.name")]
    pub prompt: Option<&'a str>,
    /// `execute_tool`, of a call of a tool.
    #[attribute(key = "gen_ai.operation.name")]
    pub operation: Option<&'static str>,
    /// What kind of error it was, when it was one.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'static str>,
    /// The code of a JSON-RPC error, whether or not it counts as one here.
    #[attribute(key = "rpc.response.status_code")]
    pub status_code: Option<&'static str>,
    /// The transport.
    #[attribute(key = "network.transport")]
    pub transport: Transport,
    /// `http`, where it is that.
    #[attribute(key = "network.protocol.name")]
    pub protocol: Option<&'static str>,
    /// The server's address, where a client knows it.
    #[attribute(key = "server.address")]
    pub server_address: Option<&'a str>,
    /// The server's port, where a client knows it.
    #[attribute(key = "server.port")]
    pub server_port: Option<u16>,
}

/// What a duration of a session is recorded with; the keys are those of the semantic conventions.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub struct SessionAttributes<'a> {
    /// What kind of error ended it, if one did.
    #[attribute(key = "error.type")]
    pub error_type: Option<&'static str>,
    /// The version of the protocol.
    #[attribute(key = "mcp.protocol.version")]
    pub version: Option<Version>,
    /// The transport.
    #[attribute(key = "network.transport")]
    pub transport: Transport,
    /// `http`, where it is that.
    #[attribute(key = "network.protocol.name")]
    pub protocol: Option<&'static str>,
    /// The server's address, where a client knows it.
    #[attribute(key = "server.address")]
    pub server_address: Option<&'a str>,
    /// The server's port, where a client knows it.
    #[attribute(key = "server.port")]
    pub server_port: Option<u16>,
}

/// How messages travel: the value of `network.transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Transport {
    /// Standard input and output.
    Pipe,
    /// HTTP/1.1 or 2.
    Tcp,
    /// HTTP/3.
    Quic,
}

impl Transport {
    /// The value of `network.protocol.name`.
    pub(crate) fn protocol(self) -> Option<&'static str> {
        (self != Self::Pipe).then_some("http")
    }
}

/// A version of the protocol that is known: the value of `mcp.protocol.version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, AttributeValue)]
#[attribute(crate = throughline_core)]
#[non_exhaustive]
pub enum Version {
    /// The first.
    #[attribute(name = "2024-11-05")]
    V2024_11_05,
    /// With streamable HTTP.
    #[attribute(name = "2025-03-26")]
    V2025_03_26,
    /// With the version as a header.
    #[attribute(name = "2025-06-18")]
    V2025_06_18,
    /// The last with sessions.
    #[attribute(name = "2025-11-25")]
    V2025_11_25,
    /// Without sessions.
    #[attribute(name = "2026-07-28")]
    V2026_07_28,
    /// Any other.
    #[attribute(name = "_OTHER")]
    Other,
}

impl Version {
    /// The version that is written so.
    pub fn of(text: &str) -> Self {
        match text {
            "2024-11-05" => Self::V2024_11_05,
            "2025-03-26" => Self::V2025_03_26,
            "2025-06-18" => Self::V2025_06_18,
            "2025-11-25" => Self::V2025_11_25,
            "2026-07-28" => Self::V2026_07_28,
            _ => Self::Other,
        }
    }
}

/// What a value that is not known is called.
pub(crate) const OTHER: &str = "_OTHER";

/// The longest name of a tool that the protocol asks servers to use.
const NAME_BYTES_MAX: usize = 128;

/// The name of a tool or prompt as it may be recorded: `_OTHER` when it is not what the
/// [protocol](https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-names) lets a tool be called, 1 to
/// 128 letters, digits, `_`, `-`, `.` and `/`.
///
/// How many names there are is bounded by the engine, by instrument: what is beyond its limit is counted together.
pub fn bounded_name(name: &str) -> &str {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/');
    let is_name = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_allowed);
    if is_name { name } else { OTHER }
}

/// A code of JSON-RPC as text: one that the protocol or its SDKs define, or `_OTHER`.
pub(crate) fn code(code: i64) -> &'static str {
    match code {
        -32700 => "-32700", // parse error
        -32600 => "-32600", // invalid request
        -32601 => "-32601", // method not found
        -32602 => "-32602", // invalid params, unknown tool
        -32603 => "-32603", // internal error
        -32000 => "-32000", // servers' own
        -32001 => "-32001",
        -32002 => "-32002", // resource not found
        -32003 => "-32003",
        -32020 => "-32020", // header mismatch
        -32021 => "-32021", // missing client capability
        -32022 => "-32022", // unsupported protocol version
        -32042 => "-32042", // URL elicitation required
        _ => OTHER,
    }
}

/// Whether a server that answers with this code has failed, rather than the client that asked.
pub(crate) fn is_servers_fault(code: i64) -> bool {
    !matches!(code, -32700 | -32600 | -32601 | -32602 | -32002)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        assert_eq!(bounded_name("files/read.v1-2_3"), "files/read.v1-2_3");
        for name in ["", "a b", "drop\n", "ﬁle", &"a".repeat(129)] {
            assert_eq!(bounded_name(name), OTHER, "{name}");
        }
    }
}
