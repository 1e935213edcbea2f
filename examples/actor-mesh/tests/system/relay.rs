//! A gateway on the way to Prometheus that takes the first push of each connection and passes it on behind the second: what
//! it has is then older than what is stored already.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use throughline_rig::http;

/// The gateway; its threads end with the test's process.
pub(crate) struct Relay {
    address: String,
    late: Arc<AtomicUsize>,
}

impl Relay {
    /// Passes on to this URL.
    pub(crate) fn start(to: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let late = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&late);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (to, late) = (to.clone(), Arc::clone(&counted));
                thread::spawn(move || pass_on(&stream, &to, &late));
            }
        });
        Self { address, late }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/api/v1/otlp/v1/metrics", self.address)
    }

    /// How many pushes came late.
    pub(crate) fn late(&self) -> usize {
        self.late.load(Ordering::Relaxed)
    }
}

fn pass_on(stream: &TcpStream, to: &str, late: &AtomicUsize) {
    let mut requests = BufReader::new(stream);
    let mut answer = stream;
    let Ok(first) = read(&mut requests) else { return };
    // Taken, but not passed on.
    answer.write_all(ANSWER).expect("the exporter waits for it");
    let mut held = Some(first);
    while let Ok(body) = read(&mut requests) {
        send(to, &body);
        if let Some(first) = held.take() {
            send(to, &first);
            late.fetch_add(1, Ordering::Relaxed);
        }
        answer.write_all(ANSWER).expect("the exporter waits for it");
    }
    if let Some(first) = held {
        send(to, &first);
    }
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";

fn send(to: &str, body: &[u8]) {
    let answer = http::post(to, "application/x-protobuf", body).expect("Prometheus answers");
    assert!(answer.is_success(), "{answer:?}");
}

/// The body of the next request.
fn read(requests: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body)?;
    Ok(body)
}
