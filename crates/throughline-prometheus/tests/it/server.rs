//! The endpoint, met by good and by bad clients over real sockets.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::read::GzDecoder;
use throughline_core::KeyValue;
use throughline_metrics::{MeterProvider, Observer};
use throughline_prometheus::server::{Limits, Server};

use crate::sample::{exporter_of, recorded};

/// A server on a port of its own, stopped and joined at the end.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn new(provider: &MeterProvider, limits: Limits) -> Self {
        let status = || r#"{"ok":true}"#.to_owned();
        Self::start(Server::new(exporter_of(provider)).with_limits(limits).with_status(status))
    }

    pub(crate) fn start(server: Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let shutdown = async {
                let _stopped = stopped.await;
            };
            runtime.block_on(server.serve(listener, shutdown)).expect("the listener is good");
        });
        Self { address, stop: Some(stop), thread: Some(thread) }
    }

    fn usual() -> Self {
        Self::new(&recorded(), Limits::default())
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("the server listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        stream
    }

    /// Sends a request and reads until the server closes.
    pub(crate) fn ask(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect();
        // A server that has seen enough may close before it has read everything.
        let _sent = stream.write_all(request).is_ok();
        Answer::read(&mut stream)
    }

    pub(crate) fn get(&self, path: &str, headers: &str) -> Answer {
        self.ask(format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.get("/healthz", "").status == 200
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        let joined = self.thread.take().map(JoinHandle::join);
        assert!(
            std::thread::panicking() || matches!(joined, Some(Ok(()))),
            "the server ends without a panic"
        );
    }
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        // A reset after the answer is as good as a close.
        let _closed = stream.read_to_end(&mut bytes).is_ok();
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n");
        let mut body = end.map_or(Vec::new(), |end| bytes.split_off(end + 4));
        let head = String::from_utf8_lossy(&bytes).to_lowercase();
        if head.contains("transfer-encoding: chunked") {
            body = without_chunks(&body);
        }
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { status, head, body }
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }
}

/// The content of a body in chunks, as far as it goes.
fn without_chunks(mut body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = body.windows(2).position(|window| window == b"\r\n") {
        let length = std::str::from_utf8(&body[..end]).expect("hexadecimal digits");
        let length = usize::from_str_radix(length, 16).expect("a length");
        let rest = &body[end + 2..];
        let chunk = &rest[..length.min(rest.len())];
        content.extend_from_slice(chunk);
        body = rest.get(length + 2..).unwrap_or_default();
    }
    content
}

/// A server of more than sockets keep for a client that does not read.
fn large() -> (MeterProvider, Running) {
    let provider = MeterProvider::builder().with_cardinality_limit(usize::MAX).build();
    let counter = provider.meter("shop").u64_counter("large").build();
    for n in 0..12_000 {
        counter.add(1, &[KeyValue::new("series", format!("{n:0>1000}"))]);
    }
    let mut limits = Limits::default();
    // However slow the machine is.
    (limits.write_timeout, limits.request_timeout) = (Duration::from_secs(600), Duration::from_secs(600));
    let server = Running::new(&provider, limits);
    (provider, server)
}

#[test]
fn large_answers_come_in_pieces_zipped_or_not() {
    let (provider, server) = large();
    let whole = exporter_of(&provider).render(throughline_prometheus::Format::default());
    let plain = server.get("/metrics", "");
    assert!(plain.head.contains("transfer-encoding: chunked") && !plain.head.contains("content-length"));
    assert!(plain.body == whole, "the same bytes");
    let zipped = server.get("/metrics", "Accept-Encoding: gzip\r\n");
    let mut text = Vec::new();
    GzDecoder::new(&zipped.body[..]).read_to_end(&mut text).expect("gzip");
    assert!(text == whole, "the same bytes");
    let old = server.ask(b"GET /metrics HTTP/1.0\r\n\r\n");
    assert!(old.body == whole, "an old client is served, too");
}

#[test]
fn a_slow_client_sees_one_moment_and_holds_up_nobody() {
    let (provider, server) = large();
    let mut slow = server.connect();
    slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect("sent");
    let mut begun = [0; 1];
    slow.read_exact(&mut begun).expect("the answer begins");
    let counter = provider.meter("shop").u64_counter("large").build();
    counter.add(1, &[KeyValue::new("series", "new")]);
    for n in 0..12_000 {
        counter.add(1, &[KeyValue::new("series", format!("{n:0>1000}"))]);
    }
    for _ in 0..Limits::default().scrapes {
        let other = server.get("/metrics", "");
        let values: Vec<&str> = other.text().lines().filter(|line| line.ends_with("\"} 2")).collect();
        assert_eq!(values.len(), 12_000, "others see what is new");
    }
    let answer = Answer::read(&mut slow);
    let text = answer.text();
    let of_family = || text.lines().filter(|line| line.starts_with("large_total{"));
    assert_eq!(of_family().count(), 12_000, "the series that there were");
    assert!(of_family().all(|line| line.ends_with("\"} 1")), "with the values that they had");
}

#[test]
fn metrics_come_in_the_format_that_is_asked_for() {
    let server = Running::usual();
    let plain = server.get("/metrics", "");
    assert_eq!(plain.status, 200);
    assert!(
        plain.head.contains("content-type: text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    assert!(plain.text().contains("shop_requests_total{"));

    let openmetrics = server.get("/metrics?x=y", "Accept: application/openmetrics-text;version=1.0.0\r\n");
    assert!(openmetrics.head.contains("content-type: application/openmetrics-text; version=1.0.0"));
    assert!(openmetrics.text().ends_with("# EOF\n"));

    let zipped = server.get("/metrics", "Accept-Encoding: gzip\r\n");
    assert!(zipped.head.contains("content-encoding: gzip"));
    let mut text = String::new();
    GzDecoder::new(&zipped.body[..]).read_to_string(&mut text).expect("gzip");
    assert_eq!(text, plain.text());
}

#[test]
fn other_paths_and_methods_are_answered_plainly() {
    let server = Running::usual();
    assert_eq!(server.get("/healthz", "").text(), "ok");
    let status = server.get("/telemetry", "");
    assert!(status.head.contains("content-type: application/json"));
    assert_eq!(status.text(), r#"{"ok":true}"#);

    let missing = server.get("/reflected-path", "");
    assert_eq!(missing.status, 404);
    assert!(!missing.text().contains("reflected-path"), "the path is not reflected");

    let posted =
        server.ask(b"POST /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(posted.status, 405);
    assert!(posted.head.contains("allow: get, head"));

    let full = server.get("/metrics", "");
    let head = server.ask(b"HEAD /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert!(head.head.contains(&format!("content-length: {}", full.body.len())));
}

#[test]
fn a_connection_is_kept_for_the_next_scrape() {
    let server = Running::usual();
    let mut stream = server.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").expect("still open");
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\nok") {
            stream.read_exact(&mut byte).expect("an answer");
            answer.push(byte[0]);
        }
    }
}

#[test]
fn broken_clients_break_nothing() {
    let server = Running::usual();
    let requests: [&[u8]; 8] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is TLS",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /metrics HTTP/9.9\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\n",
        b"GET /metrics HTTP/1.1\r\nHo",
    ];
    for request in requests {
        let mut stream = server.connect();
        stream.write_all(request).expect("sent");
        stream.shutdown(Shutdown::Write).expect("half closed");
        let answer = Answer::read(&mut stream);
        assert!(answer.status == 0 || answer.status >= 400, "{} to {request:?}", answer.status);
        drop(server.connect());
        assert!(server.is_alive());
    }
}

#[test]
fn header_values_that_are_no_text_are_passed_over() {
    let server = Running::usual();
    let answer = server
        .ask(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAccept: \xFF\xFE;q=\x80\r\n\r\n");
    assert_eq!(answer.status, 200);
    assert!(answer.head.contains("version=0.0.4"));
}

#[test]
fn headers_beyond_the_limits_are_refused() {
    let server = Running::usual();
    let long = server.get("/metrics", &format!("X-Long: {}\r\n", "x".repeat(64 * 1024)));
    assert!([0, 431].contains(&long.status), "{}", long.status);
    let many = server.get("/metrics", &"X: y\r\n".repeat(100));
    assert_eq!(many.status, 431);
    assert!(server.is_alive());
}

#[test]
fn who_sends_slowly_is_sent_away() {
    let mut limits = Limits::default();
    limits.header_read_timeout = Duration::from_millis(50);
    let server = Running::new(&recorded(), limits);
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HT").expect("sent");
    assert!([0, 408].contains(&Answer::read(&mut stream).status), "the server closes");
    assert!(server.is_alive());
}

#[test]
fn who_reads_slowly_is_sent_away_and_others_are_served() {
    let mut slow = Limits::default();
    slow.write_timeout = Duration::from_millis(50);
    let mut long = Limits::default();
    long.response_timeout = Duration::from_millis(50);
    for limits in [slow, long] {
        sends_away_who_does_not_read(limits);
    }
}

fn sends_away_who_does_not_read(mut limits: Limits) {
    limits.connections = 1;
    let provider = MeterProvider::default();
    let large = KeyValue::new("large", "x".repeat(32 << 20));
    provider.meter("shop").u64_gauge("g").build().set(1, &[large]);
    let server = Running::new(&provider, limits);
    let mut stream = server.connect();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n").expect("sent");
    assert!(server.is_alive(), "the one connection allowed is free again");
    let answer = Answer::read(&mut stream);
    assert!(answer.body.len() < 32 << 20, "the answer was cut off");
}

#[test]
fn connections_beyond_the_limit_wait() {
    let mut limits = Limits::default();
    limits.connections = 1;
    let server = Running::new(&recorded(), limits);
    let first = server.connect();
    let mut second = server.connect();
    second.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect("sent");
    drop(first);
    assert_eq!(Answer::read(&mut second).status, 200);
}

#[test]
fn a_hanging_callback_is_given_up_and_the_server_goes_on() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let provider = recorded();
    let hang = move |_: &Observer<'_, u64>| {
        let _hung = released.lock().expect("not poisoned").recv();
    };
    let _observable = provider.meter("shop").u64_observable_gauge("hangs").with_callback(hang).build();
    let mut limits = Limits::default();
    limits.request_timeout = Duration::from_millis(50);
    limits.scrapes = 2;
    let server = Running::new(&provider, limits);
    for _ in 0..4 {
        assert_eq!(server.get("/metrics", "").status, 503);
        assert!(server.is_alive());
    }
    drop(release);
}

#[test]
fn scrapes_beyond_the_limit_are_told_to_come_again() {
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let provider = recorded();
    let hang = move |_: &Observer<'_, u64>| {
        let _told = begun.send(());
        let _hung = released.lock().expect("not poisoned").recv();
    };
    let _observable = provider.meter("shop").u64_observable_gauge("hangs").with_callback(hang).build();
    let mut limits = Limits::default();
    limits.scrapes_in_flight = 1;
    limits.request_timeout = Duration::from_secs(600);
    let server = Running::new(&provider, limits);
    let mut first = server.connect();
    first.write_all(b"GET /metrics HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").expect("sent");
    begins.recv().expect("the first collects");
    let second = server.get("/metrics", "");
    assert_eq!(second.status, 503);
    assert!(second.head.contains("retry-after: 1"), "{}", second.head);
    assert!(server.is_alive());
    drop(release);
    assert_eq!(Answer::read(&mut first).status, 200);
    assert_eq!(server.get("/metrics", "").status, 200, "its place is free again");
}

#[test]
fn a_panicking_callback_costs_its_own_values_only() {
    let provider = recorded();
    let fail = |_: &Observer<'_, u64>| panic!("secret");
    let _observable = provider.meter("shop").u64_observable_gauge("fails").with_callback(fail).build();
    let server = Running::new(&provider, Limits::default());
    let answer = server.get("/metrics", "");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("shop_requests_total{") && !answer.text().contains("secret"));
}

#[test]
fn a_panicking_status_is_an_error_of_the_server() {
    let server = Running::start(Server::new(exporter_of(&recorded())).with_status(|| panic!("secret")));
    let answer = server.get("/telemetry", "");
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("secret"));
    assert!(server.is_alive());
}

#[test]
fn shutdown_ends_idle_connections_at_once() {
    let server = Running::usual();
    let mut idle = server.connect();
    assert!(server.is_alive());
    drop(server);
    assert_eq!(Answer::read(&mut idle).status, 0);
}
