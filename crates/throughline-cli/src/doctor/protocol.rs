//! Hop 3: what is spoken at the port, told by its first bytes, against what is configured.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::address::Address;
use super::check::{Check, Hop, Verdict};
use super::fix::Fix;
use super::routes::{Route, signals, with_base, with_protocol};

/// A server that says nothing for longer is asked no more.
const WITHIN: Duration = Duration::from_secs(2);

/// As much as tells protocols apart, and the answer of a server that wants TLS.
const BYTES_MAX: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spoken {
    Http1,
    Http2,
    Tls,
    Unclear,
}

impl Spoken {
    fn name(self) -> &'static str {
        match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "gRPC (HTTP/2)",
            Self::Tls => "TLS",
            Self::Unclear => "nothing that doctor knows",
        }
    }
}

/// Asks the port as a browser would, and looks at what comes back.
pub(crate) async fn check(address: &Address, routes: &[&Route], all: &[Route]) -> Vec<Check> {
    let started = Instant::now();
    let mut spoken = Spoken::Unclear;
    for greeting in [http_greeting(address).as_bytes(), &CLIENT_HELLO] {
        if spoken == Spoken::Unclear {
            spoken =
                timeout(WITHIN, ask(address, greeting)).await.ok().and_then(Result::ok).unwrap_or(spoken);
        }
    }
    let elapsed = started.elapsed();
    let (grpc, http): (Vec<_>, Vec<_>) = routes.iter().partition(|route| route.is_grpc());
    let of_kind = |routes: &[&Route], is_grpc| {
        (!routes.is_empty()).then(|| judge(address, routes, all, spoken, is_grpc).took(elapsed))
    };
    [of_kind(&grpc, true), of_kind(&http, false)].into_iter().flatten().collect()
}

fn http_greeting(address: &Address) -> String {
    format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
}

/// The beginning of a handshake that offers one cipher: enough for a server with TLS to answer, if only with an alert. A
/// gRPC server with TLS says nothing to anything else.
const CLIENT_HELLO: [u8; 50] = {
    let mut hello = [0x5A; 50];
    let head = [0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3];
    let tail = [0, 0, 2, 0xC0, 0x2F, 1, 0];
    let mut at = 0;
    while at < head.len() {
        hello[at] = head[at];
        at += 1;
    }
    at = 0;
    while at < tail.len() {
        // What is between is the random number.
        hello[head.len() + 32 + at] = tail[at];
        at += 1;
    }
    hello
};

async fn ask(address: &Address, greeting: &[u8]) -> std::io::Result<Spoken> {
    let mut stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.write_all(greeting).await?;
    let mut seen = Vec::new();
    while seen.len() < BYTES_MAX && !is_enough(&seen) {
        let mut piece = [0; 256];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => break,
            Ok(read) => seen.extend(piece.iter().take(read)),
        }
    }
    Ok(told(&seen))
}

/// The head of a frame, or that of an answer. A server that wants TLS says so with status 400, in the body.
fn is_enough(seen: &[u8]) -> bool {
    if !seen.starts_with(b"HTTP/") {
        return seen.len() >= 9 || told(seen) == Spoken::Tls;
    }
    let text = String::from_utf8_lossy(seen);
    let (first, is_whole) = (text.lines().next().unwrap_or_default(), text.contains("\r\n\r\n"));
    is_whole && !first.contains(" 400 ")
}

fn told(seen: &[u8]) -> Spoken {
    let text = String::from_utf8_lossy(seen);
    match seen {
        [0x15 | 0x16, 3, 0..=4, ..] => Spoken::Tls,
        // SETTINGS of the whole connection, which come first.
        [_, _, _, 4, _, 0, 0, 0, 0, ..] => Spoken::Http2,
        _ if text.contains("HTTP request to an HTTPS server") || text.contains("sent to HTTPS port") => {
            Spoken::Tls
        }
        _ if seen.starts_with(b"HTTP/") => Spoken::Http1,
        _ => Spoken::Unclear,
    }
}

fn judge(address: &Address, routes: &[&Route], all: &[Route], spoken: Spoken, is_grpc: bool) -> Check {
    let configured =
        if is_grpc { "grpc" } else { routes.first().map_or("http/protobuf", |route| &route.protocol) };
    let tls = if address.is_tls { " over TLS" } else { "" };
    let signals = signals(routes.iter().copied());
    let evidence =
        format!("{address} speaks {}; {signals} are configured for {configured}{tls}", spoken.name());
    let broken = || Check::broken(Hop::Protocol, address.to_string(), &evidence);
    let scheme = |scheme: &str| {
        let base = |route: &Route| {
            route.base_url().replacen(
                if scheme == "https" { "http:" } else { "https:" },
                &format!("{scheme}:"),
                1,
            )
        };
        Fix::Environment(with_base(all, routes, base))
    };
    match (spoken, address.is_tls, is_grpc) {
        (Spoken::Tls, false, _) => broken().because("D203", scheme("https")),
        (Spoken::Http1 | Spoken::Http2, true, _) => broken().because("D204", scheme("http")),
        (Spoken::Http2, false, false) => {
            broken().because("D201", Fix::Environment(with_protocol(all, routes, "grpc")))
        }
        (Spoken::Http1, false, true) => {
            broken().because("D202", Fix::Environment(with_protocol(all, routes, "http/protobuf")))
        }
        // A gRPC server over TLS may close without a word; what it thinks of us is told by the probe.
        (Spoken::Unclear, true, _) => {
            let evidence = format!("{address} does not answer plain text, as a server with TLS");
            Check::ok(Hop::Protocol, address.to_string(), evidence)
        }
        (Spoken::Unclear, false, _) => {
            let fix = Fix::by_hand(
                "point the endpoint at a receiver of OTLP: port 4318 for http/protobuf, 4317 for grpc",
            );
            // Whether it is a receiver all the same is seen when something is sent.
            Check::new(Hop::Protocol, Verdict::Unknown, address.to_string(), evidence).because("D205", fix)
        }
        _ => Check::ok(Hop::Protocol, address.to_string(), evidence),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protocols_are_told_by_their_first_bytes() {
        for (seen, spoken) in [
            (&b"HTTP/1.1 404 Not Found\r\n"[..], Spoken::Http1),
            (
                b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
                Spoken::Tls,
            ),
            (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00\x00\x05", Spoken::Http2),
            (b"\x15\x03\x01\x00\x02\x02\x16", Spoken::Tls),
            (b"SSH-2.0-x\r\n", Spoken::Unclear),
            (b"", Spoken::Unclear),
        ] {
            assert_eq!(told(seen), spoken, "{seen:?}");
        }
    }
}
