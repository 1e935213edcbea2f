//! An OTLP/HTTP receiver that takes everything and shows it.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// What was pushed at once.
pub(crate) struct Request {
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Every object below that is a value of this key, in order.
    pub(crate) fn all(&self, key: &str) -> Vec<Value> {
        let mut found = Vec::new();
        collect(&self.json(), key, &mut found);
        found
    }
}

fn collect(value: &Value, key: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            if name == key {
                found.push(value.clone());
            }
            collect(value, key, found);
        }),
        Value::Array(values) => values.iter().for_each(|value| collect(value, key, found)),
        _ => {}
    }
}

/// A receiver on a port of its own, for as long as the test runs.
pub(crate) struct Receiver {
    pub(crate) url: String,
    requests: mpsc::Receiver<Request>,
}

/// Long enough for any machine; only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(30);

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                thread::spawn(move || serve(&stream, &sender));
            }
        });
        Self { url, requests }
    }

    pub(crate) fn next(&self) -> Request {
        self.requests.recv_timeout(PATIENCE).expect("something is pushed")
    }

    /// What came until now.
    pub(crate) fn received(&self) -> Vec<Request> {
        self.requests.try_iter().collect()
    }
}

/// Answers every request of one connection.
fn serve(stream: &TcpStream, requests: &mpsc::Sender<Request>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|length| *length > 0)?;
        let path = line.split(' ').nth(1)?.to_owned();
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim().split_once(':') else { break };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        requests.send(Request { path, headers, body }).ok()?;
        let mut stream = stream;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{{}}")
            .ok()?;
    }
}

/// A port that takes connections and shows their first bytes.
pub(crate) struct Port {
    pub(crate) address: String,
    greetings: mpsc::Receiver<Vec<u8>>,
}

impl Port {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address").to_string();
        let (sender, greetings) = mpsc::channel();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut greeting = vec![0; 64];
                let length = stream.read(&mut greeting).unwrap_or(0);
                greeting.truncate(length);
                let _test_is_over = sender.send(greeting);
            }
        });
        Self { address, greetings }
    }

    /// How the first client begins.
    pub(crate) fn greeting(&self) -> Vec<u8> {
        self.greetings.recv_timeout(PATIENCE).expect("somebody connects")
    }
}
