//! The client: connections to an MCP server, kept in a pool, and calls that carry their trace with them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context as _, Result};
use rmcp::model::{CallToolRequestParams, CallToolResult, JsonObject, RequestMetaObject};
use rmcp::service::{ClientInitializeError, RoleClient, RunningService, ServiceError, ServiceExt as _};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::StreamableHttpClientTransportConfig;
use throughline_instruments::guard::{Classify, Guard, Lease, Pool};
use throughline_instruments::mcp::{Call, Method, Operation, SessionScope, Version};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::shared::Shared;

/// The most idle connections.
const IDLE_MAX: usize = 8;

/// A session with a server.
pub(crate) type Connection = RunningService<RoleClient, ()>;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    Connect(Box<ClientInitializeError>),
    Call(ServiceError),
}

impl Classify for Failure {
    fn variant_name(&self) -> &'static str {
        match self {
            Self::Connect(error) if matches!(**error, ClientInitializeError::JsonRpcError(_)) => "refused",
            Self::Connect(_) => "connect",
            Self::Call(ServiceError::Timeout { .. }) => "timeout",
            Self::Call(ServiceError::TransportClosed) => "closed",
            Self::Call(_) => "transport",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "connect: {error}"),
            Self::Call(error) => write!(f, "call: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    http: reqwest::Client,
    url: Arc<str>,
}

impl Address {
    pub(crate) fn new(url: String) -> Result<Self> {
        // Nothing here speaks TLS, but reqwest may have been built with it. Somebody else's provider is as good.
        let _first = rustls::crypto::ring::default_provider().install_default();
        // Without idle connections of HTTP, as rmcp's own: the next request would wait for a delayed acknowledgement.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build();
        Ok(Self { http: http.context("make an HTTP client")?, url: url.into() })
    }

    /// Opens a session, with these credentials.
    pub(crate) async fn connect(&self, token: Option<&str>) -> Result<Connection, Failure> {
        let mut config = StreamableHttpClientTransportConfig::with_uri(Arc::clone(&self.url))
            .reinit_on_expired_session(false); // that is the pool's business
        if let Some(token) = token {
            config = config.auth_header(token);
        }
        self.connect_with(config).await
    }

    pub(crate) async fn connect_with(
        &self,
        config: StreamableHttpClientTransportConfig,
    ) -> Result<Connection, Failure> {
        let transport = StreamableHttpClientTransport::with_client(self.http.clone(), config);
        ().serve(transport).await.map_err(|error| Failure::Connect(Box::new(error)))
    }

    pub(crate) fn config(&self) -> StreamableHttpClientTransportConfig {
        StreamableHttpClientTransportConfig::with_uri(Arc::clone(&self.url))
    }
}

/// A pool of connections.
#[derive(Debug)]
pub(crate) struct Clients {
    shared: Arc<Shared>,
    address: Address,
    token: String,
    recorded: Pool,
    permits: Semaphore,
    /// Used in turn, so that no session is idle for long.
    idle: Mutex<VecDeque<Pooled>>,
}

/// A session of the pool's.
#[derive(Debug)]
struct Pooled {
    connection: Connection,
    lasting: Guard<SessionScope>,
}

/// A connection of the pool's, in use. Dropped without [`give_back`](Self::give_back), it is gone.
#[derive(Debug)]
pub(crate) struct Leased<'a> {
    clients: &'a Clients,
    pooled: Pooled,
    lease: Lease,
    is_new: bool,
    _permit: SemaphorePermit<'a>,
}

impl Clients {
    pub(crate) fn new(shared: &Arc<Shared>, address: Address, token: String, at_once: usize) -> Self {
        Self {
            recorded: shared.metrics.pool("clients"),
            shared: Arc::clone(shared),
            address,
            token,
            permits: Semaphore::new(at_once),
            idle: Mutex::default(),
        }
    }

    /// A connection: an idle one, or a new one.
    pub(crate) async fn acquire(&self) -> Result<Leased<'_>> {
        let wait = self.recorded.wait();
        let permit = self.permits.acquire().await.context("the pool is closed")?;
        let idle = self.idle();
        self.shared.tally.add("mcp_pool_wait_duration_seconds_count", 1.0);
        if let Some(pooled) = idle {
            self.shared.tally.add("mcp_pool_connections_reused_total", 1.0);
            return Ok(Leased {
                clients: self,
                pooled,
                lease: wait.reused(),
                is_new: false,
                _permit: permit,
            });
        }
        match self.address.connect(Some(&self.token)).await {
            Ok(connection) => {
                self.shared.tally.add("mcp_pool_connections_created_total", 1.0);
                let pooled = self.pooled(connection);
                Ok(Leased { clients: self, pooled, lease: wait.created(), is_new: true, _permit: permit })
            }
            Err(error) => {
                wait.fail(&error);
                Err(error.into())
            }
        }
    }

    /// Closes all idle connections.
    pub(crate) async fn close(&self) {
        let idle = std::mem::take(&mut *self.lock());
        for Pooled { mut connection, lasting } in idle {
            self.recorded.remove_idle();
            let _ended = connection.close().await;
            lasting.ok();
        }
    }

    fn pooled(&self, connection: Connection) -> Pooled {
        self.shared.tally.add("mcp_client_session_duration_seconds_count", 1.0);
        let version = connection.peer_info().map(|server| Version::of(server.protocol_version.as_str()));
        Pooled { connection, lasting: self.shared.client.begin_session(version) }
    }

    /// One that is idle, and not closed.
    fn idle(&self) -> Option<Pooled> {
        loop {
            let pooled = self.lock().pop_front()?;
            if !pooled.connection.is_transport_closed() {
                return Some(pooled);
            }
            self.recorded.remove_idle();
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Pooled>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leased<'_> {
    /// It can be used again, unless there are enough.
    pub(crate) fn give_back(self) {
        let Self { clients, pooled, lease, .. } = self;
        let mut idle = clients.lock();
        if idle.len() < IDLE_MAX {
            idle.push_back(pooled);
            lease.give_back();
        }
    }

    /// Whether it was made for this lease.
    pub(crate) fn is_new(&self) -> bool {
        self.is_new
    }

    /// Its connection.
    pub(crate) fn connection(&self) -> &Connection {
        &self.pooled.connection
    }

    /// Calls a tool. The server's span becomes a child of this call's.
    pub(crate) async fn call_tool(
        &self,
        name: &'static str,
        arguments: JsonObject,
    ) -> Result<CallToolResult, Failure> {
        let Shared { client, tally, .. } = &*self.clients.shared;
        let operation = client.begin(Call::new(Method::ToolsCall).with_tool(name));
        tally.add("mcp_client_operation_duration_seconds_count", 1.0);
        let mut meta = RequestMetaObject::new();
        operation.inject(&mut meta.0.0);
        let mut parameters = CallToolRequestParams::new(name).with_arguments(arguments);
        parameters.meta = Some(meta);
        let result = operation.enter(self.pooled.connection.call_tool(parameters)).await;
        end(operation, result)
    }
}

/// Says how a call went.
fn end(
    operation: Operation<'_>,
    result: Result<CallToolResult, ServiceError>,
) -> Result<CallToolResult, Failure> {
    match result {
        Ok(result) => {
            if result.is_error == Some(true) {
                operation.tool_error();
            } else {
                operation.ok();
            }
            Ok(result)
        }
        Err(ServiceError::McpError(error)) => {
            operation.rpc_error(error.code.0.into(), &error.message);
            Err(Failure::Call(ServiceError::McpError(error)))
        }
        Err(error) => {
            let failure = Failure::Call(error);
            operation.fail(&failure);
            Err(failure)
        }
    }
}
