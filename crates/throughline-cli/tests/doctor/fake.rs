//! Servers that no configuration of a real one gives: they answer whatever a case wants.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Answers every request on a loopback port with one answer. Ends with the process.
#[derive(Debug)]
pub(crate) struct Fake {
    address: SocketAddr,
}

impl Fake {
    /// An HTTP server with this status line, headers and body.
    pub(crate) fn http(status: &'static str, headers: &'static str, body: &'static str) -> Self {
        Self::serve(move |stream| {
            read_request(stream);
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
            );
            drop(stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())));
        })
    }

    /// A server that says one thing and hangs up.
    pub(crate) fn raw(greeting: &'static [u8]) -> Self {
        Self::serve(move |stream| drop(stream.write_all(greeting)))
    }

    fn serve(answer: impl Fn(&mut TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                answer(&mut stream);
            }
        });
        Self { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Reads a request to its end, so that the answer is not lost with a reset.
fn read_request(stream: &TcpStream) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    drop(reader.read_exact(&mut body));
}

/// A port that nobody listens on: it was free a moment ago.
pub(crate) fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}
