//! The load that the program makes for itself: clients that ask and check the answers, and strangers of all kinds.
//!
//! What is counted here is what was sent, by those who sent it; the server records what came.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use example_support::Length;
use rmcp::model::{CallToolResult, ClientRequest, JsonObject, PingRequest};
use rmcp::service::ServiceError;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::Arguments;
use crate::attack::attack;
use crate::client::{Address, Clients, Failure, Leased};
use crate::ghost::{hang_up, haunt};
use crate::shared::Shared;

/// A client asks so often, which is half as often as it may.
const BETWEEN_QUESTIONS: Duration = Duration::from_millis(10);

/// Strangers come so often.
const BETWEEN_STRANGERS: Duration = Duration::from_secs(1);

/// A client in a hurry sends so many pings at once: more than it may.
const PINGS_AT_ONCE: usize = 300;

#[derive(Clone, Debug)]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    url: String,
    token: String,
    clients: usize,
    size: u64,
    attack: Option<u64>,
}

impl Driver {
    pub(crate) fn new(arguments: &Arguments, url: String, shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            url,
            token: arguments.token.clone(),
            clients: arguments.clients.max(1),
            size: arguments.size,
            attack: arguments.attack,
        }
    }

    /// Asks until the time is over, or the attack is.
    pub(crate) async fn run(&self, length: Length) -> Result<()> {
        let address = Address::new(self.url.clone())?;
        let pool = Clients::new(&self.shared, address.clone(), self.token.clone(), self.clients);
        let (pool, (stop, stopped)) = (Arc::new(pool), watch::channel(false));
        let mut tasks = JoinSet::new();
        for number in 0..self.clients {
            let turns = length.requests() / self.clients as u64;
            tasks.spawn(self.clone().ask(Arc::clone(&pool), number, turns, stopped.clone()));
        }
        if length.work.is_none() {
            // They come by the clock.
            tasks.spawn(self.clone().estrange(address.clone(), stopped));
        }
        let attacked = self.attack(&address).await;
        if length.length.is_some() {
            length.wait().await?;
        }
        if length.work.is_none() {
            stop.send_replace(true);
        }
        while let Some(ended) = tasks.join_next().await {
            ended.context("a client panicked")??;
        }
        pool.close().await;
        attacked
    }

    async fn attack(&self, address: &Address) -> Result<()> {
        let Some(calls) = self.attack else { return Ok(()) };
        self.note_session();
        self.note_requests(calls);
        attack(address, &self.token, calls).await.context("attack")
    }

    /// A client that has one question after the other, so many at most.
    async fn ask(
        self,
        pool: Arc<Clients>,
        number: usize,
        turns: u64,
        mut stopped: watch::Receiver<bool>,
    ) -> Result<()> {
        let mut ticks = interval(BETWEEN_QUESTIONS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = 0;
        for turn in (number..).take(usize::try_from(turns).unwrap_or(usize::MAX)) {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            let leased = pool.acquire().await?;
            let made = leased.is_new();
            if made {
                self.note_session();
                known += 1;
            }
            self.question(&leased, turn)
                .await
                .with_context(|| format!("question {turn} of session {known}"))?;
            leased.give_back();
        }
        Ok(())
    }

    /// One question whose answer is known.
    async fn question(&self, leased: &Leased<'_>, turn: usize) -> Result<()> {
        self.note_requests(1);
        match turn % 8 {
            0 => {
                let expression = format!("({turn} + 1) * 2 - 2");
                let answer = leased.call_tool("calculate", object(json!({"expression": expression}))).await;
                expect_text(answer, &(turn * 2).to_string())
            }
            1 => {
                let text = format!("needle {turn}\nhay\nneedle again\n");
                let arguments = object(json!({"text": text, "pattern": "needle"}));
                let answer = leased.call_tool("search_text", arguments).await;
                expect_text(answer, &format!("1: needle {turn}\n3: needle again\n"))
            }
            2 => expect_any(leased.call_tool("list_files", JsonObject::new()).await),
            3 => {
                let arguments = object(json!({"name": "../../../../../../etc/hostname"}));
                expect_tool_error(leased.call_tool("read_file", arguments).await)
            }
            4 => {
                let arguments = object(json!({"expression": "1 / 0"}));
                expect_tool_error(leased.call_tool("calculate", arguments).await)
            }
            5 => expect_code(leased.call_tool("no_such_tool", JsonObject::new()).await, -32602),
            6 => {
                let text = "hay ".repeat(usize::try_from(self.size)? / 4);
                let arguments = object(json!({"text": text, "pattern": "needle"}));
                expect_code(leased.call_tool("search_text", arguments).await, -32003)
            }
            _ => {
                let tools = leased.connection().list_tools(None).await?.tools;
                anyhow::ensure!(!tools.is_empty(), "there are no tools");
                Ok(())
            }
        }
    }

    /// Those who have no business here, or no manners: one of each, again and again.
    async fn estrange(self, address: Address, mut stopped: watch::Receiver<bool>) -> Result<()> {
        // It says nothing, and is evicted once it has said nothing for too long.
        let mut sleeper = address.connect(Some(&self.token)).await?;
        self.note_session();
        let mut ticks = interval(BETWEEN_STRANGERS);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = stopped.wait_for(|stopped| *stopped) => break,
            }
            self.without_credentials(&address).await?;
            self.with_credentials_that_are_no_text(&address).await?;
            self.in_a_hurry(&address).await?;
            hang_up(self.host()).await?;
            haunt(self.host(), &self.token).await.context("a ghost")?;
            self.note_session();
        }
        let _ended = sleeper.close().await;
        Ok(())
    }

    async fn without_credentials(&self, address: &Address) -> Result<()> {
        self.note_requests(1);
        expect_refusal(address.connect(None).await.map(drop))
    }

    async fn with_credentials_that_are_no_text(&self, address: &Address) -> Result<()> {
        self.note_requests(1);
        let value = HeaderValue::from_bytes(b"Bearer \xff").context("bytes that a header may have")?;
        let config = address.config().custom_headers([(AUTHORIZATION, value)].into());
        expect_refusal(address.connect_with(config).await.map(drop))
    }

    async fn in_a_hurry(&self, address: &Address) -> Result<()> {
        let mut connection = address.connect(Some(&self.token)).await?;
        self.note_session();
        let mut refused = 0;
        for _ in 0..PINGS_AT_ONCE {
            self.note_requests(1);
            let ping = ClientRequest::PingRequest(PingRequest::default());
            match connection.send_request(ping).await {
                Ok(_) => {}
                Err(ServiceError::McpError(error)) if error.code.0 == -32000 => refused += 1,
                Err(error) => return Err(error).context("ping"),
            }
        }
        tracing::debug!(refused, "a client was in a hurry");
        let _ended = connection.close().await;
        Ok(())
    }

    fn host(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches("/mcp")
    }

    /// A session was opened: `initialize`, and the notification that the client is ready.
    fn note_session(&self) {
        let tally = &self.shared.tally;
        tally.add("mcp_sessions_created_total", 1.0);
        tally.add("mcp_session_duration_seconds_count", 1.0);
        tally.add("mcp_server_session_duration_seconds_count", 1.0);
        self.note_requests(2);
        tally.add("mcp_request_size_bytes_count", -1.0); // a notification has none
    }

    /// Requests are about to be sent.
    fn note_requests(&self, count: u64) {
        for name in [
            "mcp_requests_total",
            "mcp_request_duration_seconds_count",
            "mcp_request_size_bytes_count",
            "mcp_server_operation_duration_seconds_count",
        ] {
            self.shared.tally.add(name, count as f64);
        }
    }
}

fn object(value: Value) -> JsonObject {
    match value {
        Value::Object(object) => object,
        _ => JsonObject::new(),
    }
}

fn text_of(result: &CallToolResult) -> &str {
    result.content.first().and_then(|content| content.as_text()).map_or("", |text| &text.text)
}

fn expect_text(answer: Result<CallToolResult, Failure>, text: &str) -> Result<()> {
    let answer = answer?;
    anyhow::ensure!(text_of(&answer) == text, "{text:?} was expected, not {answer:?}");
    Ok(())
}

fn expect_any(answer: Result<CallToolResult, Failure>) -> Result<()> {
    let answer = answer?;
    anyhow::ensure!(answer.is_error != Some(true), "{}", text_of(&answer));
    Ok(())
}

fn expect_tool_error(answer: Result<CallToolResult, Failure>) -> Result<()> {
    let answer = answer?;
    anyhow::ensure!(answer.is_error == Some(true), "an error was expected, not {answer:?}");
    Ok(())
}

fn expect_code(answer: Result<CallToolResult, Failure>, code: i32) -> Result<()> {
    match answer {
        Err(Failure::Call(ServiceError::McpError(error))) if error.code.0 == code => Ok(()),
        other => Err(anyhow!("the error {code} was expected, not {other:?}")),
    }
}

fn expect_refusal(answer: Result<(), Failure>) -> Result<()> {
    match answer {
        Err(Failure::Connect(_)) => Ok(()),
        other => Err(anyhow!("a refusal was expected, not {other:?}")),
    }
}
