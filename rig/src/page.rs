//! A page to scrape: what a test encoded, served as it is.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Serves one text on every path until dropped, so that a real Prometheus can scrape what a test encoded.
///
/// One request at a time and one request per connection; good for tests only.
#[derive(Debug)]
pub struct Page {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    content_type: String,
    /// `None` once the page is dropped.
    body: Mutex<Option<Vec<u8>>>,
    /// The headers of the last request, for tests of what a scraper asks for.
    asked: Mutex<Vec<String>>,
}

impl Page {
    /// Serves `body` as `content_type` on a free loopback port.
    #[track_caller]
    pub fn serve(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free loopback port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let body = Mutex::new(Some(body.into()));
        let shared =
            Arc::new(Shared { content_type: content_type.to_owned(), body, asked: Mutex::default() });
        let served = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| served.is_open()) {
                drop(served.answer(&stream)); // a scraper that hangs up early sees its own error
            }
        });
        Self { address, shared }
    }

    /// `host:port`, as a scrape target is written.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Serves `body` from the next request on.
    pub fn replace(&self, body: impl Into<Vec<u8>>) {
        *self.shared.body.lock().unwrap_or_else(PoisonError::into_inner) = Some(body.into());
    }

    /// The value of header `name` in the last request, if it had one.
    pub fn asked(&self, name: &str) -> Option<String> {
        let lines = self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        *self.shared.body.lock().unwrap_or_else(PoisonError::into_inner) = None;
        drop(TcpStream::connect(self.address)); // wakes the thread up to see that it is over
    }
}

impl Shared {
    fn is_open(&self) -> bool {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn answer(&self, mut stream: &TcpStream) -> Result<()> {
        let lines =
            BufReader::new(stream).lines().take_while(|line| line.as_ref().is_ok_and(|it| !it.is_empty()));
        let asked = lines.collect::<Result<Vec<String>>>()?;
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        let body = self.body.lock().unwrap_or_else(PoisonError::into_inner).clone().unwrap_or_default();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {}\r\n", self.content_type)?;
        write!(stream, "Content-Length: {}\r\nConnection: close\r\n\r\n", body.len())?;
        stream.write_all(&body)
    }
}
