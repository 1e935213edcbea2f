//! The server's own clients, for a run with `--for`: some stream, some ask for nonsense, some hang up, and together they
//! are more than the queue has room for. For a run with `--work`, which is to be the same each time, there are fewer, and
//! nobody hangs up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Clients that ask until they are told to end.
pub(crate) struct Load {
    clients: JoinSet<Result<()>>,
    ending: Arc<AtomicBool>,
}

/// What the clients do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) clients: usize,
    /// How many requests they make together.
    pub(crate) requests: u64,
    pub(crate) some_hang_up: bool,
}

impl Load {
    /// Clients of this server.
    pub(crate) fn start(server: SocketAddr, plan: Plan) -> Self {
        let ending = Arc::new(AtomicBool::new(false));
        let mut tasks = JoinSet::new();
        for number in 0..plan.clients {
            tasks.spawn(client(server, number, plan, Arc::clone(&ending)));
        }
        Self { clients: tasks, ending }
    }

    /// Tells them to end, and waits for their last answers.
    pub(crate) async fn end(mut self) -> Result<()> {
        self.ending.store(true, Ordering::Relaxed);
        self.done().await
    }

    /// Waits until all requests were made.
    pub(crate) async fn done(&mut self) -> Result<()> {
        while let Some(ended) = self.clients.join_next().await {
            ended.context("a client panicked")??;
        }
        Ok(())
    }
}

/// How long a client waits when there was no place for it.
const PAUSE: Duration = Duration::from_millis(100);

async fn client(server: SocketAddr, client: usize, plan: Plan, ending: Arc<AtomicBool>) -> Result<()> {
    for turn in (client as u64..plan.requests).step_by(plan.clients) {
        if ending.load(Ordering::Relaxed) {
            return Ok(());
        }
        let status = ask(server, turn, plan.some_hang_up).await.context("ask the server")?;
        if status.contains("503") {
            tokio::time::sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// One request, on a connection of its own. The first line of the answer.
async fn ask(server: SocketAddr, number: u64, some_hang_up: bool) -> Result<String> {
    let hangs_up = some_hang_up && number % 11 == 4;
    let max_tokens = match number {
        _ if hangs_up => 200,
        _ if number % 13 == 5 => 1_000_000,
        _ => 8 + number % 32,
    };
    let body = json!({
        "prompt": format!("Question {number}: "),
        "max_tokens": max_tokens,
        "seed": number,
        "stream": hangs_up || number % 3 == 1,
    })
    .to_string();
    let mut stream = TcpStream::connect(server).await?;
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nhost: {server}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    let mut answer = vec![0; 512];
    let length = stream.read(&mut answer).await?;
    answer.truncate(length);
    if !hangs_up {
        stream.read_to_end(&mut answer).await?;
    }
    Ok(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned())
}
