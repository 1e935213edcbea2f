//! A page that shows how far the work is, and somebody who looks at it. Counted with instruments in statics, as code does
//! that was written for `hyperactor_telemetry`.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyperactor_telemetry::core::{Clock as _, SystemClock};
use hyperactor_telemetry::{declare_static_counter, declare_static_histogram, kv_pairs};
use serde_json::json;

use crate::TALLY;
use crate::work::Progress;

declare_static_counter!(REQUESTS_TOTAL, "http_requests_total");
declare_static_histogram!(REQUEST_DURATION, "http_request_duration_seconds", unit = "s");

/// How often somebody looks.
const LOOK: Duration = Duration::from_millis(100);

/// Whoever asks for something else has this long to do so.
const PATIENCE: Duration = Duration::from_secs(1);

/// The page.
#[derive(Debug)]
pub(crate) struct Status {
    address: SocketAddr,
    ended: Arc<AtomicBool>,
    serving: JoinHandle<()>,
    asking: Mutex<Option<JoinHandle<()>>>,
}

impl Status {
    /// Serves it at this address.
    pub(crate) fn start(listen: SocketAddr, progress: &Arc<Mutex<Progress>>) -> Result<Self> {
        let listener = TcpListener::bind(listen)
            .with_context(|| format!("serve the page at {listen} (is it taken? try --listen 127.0.0.1:0)"))?;
        let address = listener.local_addr()?;
        tracing::info!("progress at http://{address}/api/data");
        let ended = Arc::new(AtomicBool::new(false));
        let (progress, is_over) = (Arc::clone(progress), Arc::clone(&ended));
        let serving = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let now = *progress.lock().unwrap_or_else(PoisonError::into_inner);
                answer(&stream, now);
            }
        });
        Ok(Self { address, ended, serving, asking: Mutex::default() })
    }

    /// Looks at the page until it is time to stop; every tenth look is at one that is not there.
    pub(crate) fn ask_until(&self, stop: &Arc<AtomicBool>) {
        let (address, stop) = (self.address, Arc::clone(stop));
        let asking = thread::spawn(move || {
            for number in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                ask(address, if number % 10 == 9 { "/nothing" } else { "/api/data" });
                thread::sleep(LOOK);
            }
        });
        *self.asking.lock().unwrap_or_else(PoisonError::into_inner) = Some(asking);
    }

    /// Serves no more.
    pub(crate) fn end(self) {
        let asking = self.asking.into_inner().unwrap_or_else(PoisonError::into_inner);
        let asked = asking.map_or(Ok(()), JoinHandle::join);
        self.ended.store(true, Ordering::Relaxed);
        // Wakes it up, so that it sees that it is over.
        let woken = TcpStream::connect(self.address).map(drop);
        if asked.is_err() || woken.is_ok() && self.serving.join().is_err() {
            tracing::error!("the page panicked");
        }
    }
}

fn answer(mut stream: &TcpStream, Progress { ranges, primes, refused }: Progress) {
    let started = SystemClock.now();
    let patient = stream.set_read_timeout(Some(PATIENCE)).is_ok();
    let Some(path) = read_path(stream).filter(|_| patient) else { return };
    let (endpoint, status, body) = match path.as_str() {
        "/api/data" => {
            ("/api/data", "200", json!({"ranges": ranges, "primes": primes, "refused": refused}).to_string())
        }
        _ => ("_OTHER", "404", "{\"error\": \"the page is /api/data\"}".to_owned()),
    };
    TALLY.add("http_requests_total", 1.0);
    REQUESTS_TOTAL.add(1, kv_pairs!("method" => "GET", "status" => status));
    let length = body.len();
    let head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    // Who does not wait for the answer sees that itself.
    let _unread = stream.write_all(format!("{head}{body}").as_bytes());
    let took = SystemClock.now() - started;
    REQUEST_DURATION.record(took.as_secs_f64(), kv_pairs!("endpoint" => endpoint));
}

/// The path of a request without a body.
fn read_path(stream: &TcpStream) -> Option<String> {
    let mut lines = BufReader::new(stream.take(REQUEST_BYTES_MAX)).lines().map_while(Result::ok);
    let first = lines.next()?;
    let _rest = lines.take_while(|line| !line.is_empty()).count();
    let mut words = first.split(' ');
    words.next().filter(|method| *method == "GET")?;
    words.next().map(str::to_owned)
}

const REQUEST_BYTES_MAX: u64 = 16 << 10;

fn ask(address: SocketAddr, path: &str) {
    let asked = TcpStream::connect(address).and_then(|mut stream| {
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n\r\n")?;
        stream.read_to_string(&mut String::new())
    });
    if let Err(error) = asked {
        tracing::warn!(%error, "the page does not answer");
    }
}
