//! Servers that no configuration of a real one gives: they answer whatever a case wants.

use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server on a loopback port, of one request a connection. Ends with the process.
#[derive(Debug)]
pub(crate) struct Fake {
    address: SocketAddr,
    scheme: &'static str,
}

/// What it answers.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: String,
    /// Lines, each with its end.
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Response {
    pub(crate) fn new(
        status: impl Into<String>,
        headers: impl Into<String>,
        body: impl Into<String>,
    ) -> Self {
        Self { status: status.into(), headers: headers.into(), body: body.into() }
    }
}

impl Fake {
    /// An HTTP server with this status line, headers and body.
    pub(crate) fn http(status: &'static str, headers: &'static str, body: impl Into<String>) -> Self {
        let response = Response::new(status, headers, body);
        Self::answering(move |_| Some(response.clone()))
    }

    /// The same at this address.
    pub(crate) fn http_at(
        address: &str,
        status: &'static str,
        headers: &'static str,
        body: &'static str,
    ) -> Self {
        let response = Response::new(status, headers, body);
        let answer = move |_: &str| Some(response.clone());
        Self::serve_at(address, "http", move |mut stream| {
            respond(&mut stream, &answer);
        })
    }

    /// An HTTP server that answers by the head of the request. Without an answer the connection is held.
    pub(crate) fn answering(answer: impl Fn(&str) -> Option<Response> + Send + 'static) -> Self {
        let mut held = Vec::new();
        Self::serve("http", move |mut stream| {
            if !respond(&mut stream, &answer) {
                held.push(stream);
            }
        })
    }

    /// The same over TLS.
    pub(crate) fn answering_over_tls(
        config: ServerConfig,
        answer: impl Fn(&str) -> Option<Response> + Send + 'static,
    ) -> Self {
        let config = Arc::new(config);
        Self::serve("https", move |stream| {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a configuration that works");
            respond(&mut StreamOwned::new(connection, stream), &answer);
        })
    }

    /// A server that says one thing and hangs up.
    pub(crate) fn raw(greeting: &'static [u8]) -> Self {
        Self::serve("http", move |mut stream| drop(stream.write_all(greeting)))
    }

    fn serve(scheme: &'static str, answer: impl FnMut(TcpStream) + Send + 'static) -> Self {
        Self::serve_at("127.0.0.1:0", scheme, answer)
    }

    fn serve_at(address: &str, scheme: &'static str, answer: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind(address).expect("a free port");
        let address = listener.local_addr().expect("its address");
        thread::spawn(move || listener.incoming().map_while(Result::ok).for_each(answer));
        Self { address, scheme }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

/// Whether there was an answer.
fn respond(stream: &mut (impl Read + Write), answer: &impl Fn(&str) -> Option<Response>) -> bool {
    let head = read_request(stream);
    let Some(Response { status, headers, body }) = answer(&head) else { return false };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n");
    drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
    drop(stream.flush());
    true
}

/// Reads a request to its end, so that the answer is not lost with a reset. Gives its head.
fn read_request(stream: &mut impl Read) -> String {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let (mut head, mut line) = (String::new(), String::new());
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        head.push_str(&line);
        line.clear();
    }
    let mut body = vec![0; length];
    drop(reader.read_exact(&mut body));
    head
}

/// The path that a request is for.
pub(crate) fn path(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or_default()
}

/// A port that nobody listens on: it was free a moment ago.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

/// Gives what comes to an address to a server, and back.
pub(crate) fn forward(from: &str, to: String) {
    let listener = TcpListener::bind(from).expect("a free address");
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let server = TcpStream::connect(&to).expect("the server is up");
            for (mut from, mut to) in [(copy(&client), copy(&server)), (server, client)] {
                thread::spawn(move || {
                    drop(std::io::copy(&mut from, &mut to));
                    drop(to.shutdown(std::net::Shutdown::Write));
                });
            }
        }
    });
}

fn copy(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a second handle")
}
