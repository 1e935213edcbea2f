//! A client that opens a session and is never heard of again, as one does whose machine lost its power.
//!
//! The SDK's client would say goodbye, so this is plain HTTP.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head of a response.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// Opens a session and forgets it.
pub(crate) async fn haunt(address: &str, token: &str) -> Result<()> {
    let client = json!({"name": "ghost", "version": "1"});
    let parameters = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let initialize = json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": parameters});
    let head = post(address, token, None, &initialize).await?;
    let session = header(&head, "mcp-session-id").context("a session")?;
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let head = post(address, token, Some(session), &ready).await?;
    ensure!(head.starts_with("HTTP/1.1 202"), "the server answered {head}");
    Ok(())
}

/// Hangs up in the middle of a request, as one does whose program was killed.
pub(crate) async fn hang_up(address: &str) -> Result<()> {
    let mut stream = TcpStream::connect(address).await.context("connect")?;
    stream.set_zero_linger().context("ask for a reset")?;
    stream.write_all(b"POST /mcp HTTP/1.1\r\nHost: ").await.context("send")
}

/// The head of the response.
async fn post(address: &str, token: &str, session: Option<&str>, message: &Value) -> Result<String> {
    let body = message.to_string();
    let session = session.map_or_else(String::new, |id| {
        format!("Mcp-Session-Id: {id}\r\nMCP-Protocol-Version: 2025-11-25\r\n")
    });
    let request = format!(
        "POST /mcp HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{session}\
         Accept: application/json, text/event-stream\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut stream = TcpStream::connect(address).await.context("connect")?;
    stream.write_all(request.as_bytes()).await.context("send")?;
    let mut head = Vec::new();
    while !head.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
        ensure!(head.len() < HEAD_BYTES_MAX, "the head of the response is too long");
        ensure!(stream.read_buf(&mut head).await.context("receive")? > 0, "the server hung up");
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(':'));
    headers.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}
