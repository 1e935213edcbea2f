//! MCP over streamable HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use axum::Router;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::connections::Listener;
use crate::server::Server;
use crate::sessions;
use crate::shared::Shared;

/// How long sessions that end have for it.
const SETTLING: Duration = Duration::from_secs(10);

/// A server that listens. Ends when dropped.
#[derive(Debug)]
pub(crate) struct HttpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
    watching: JoinHandle<()>,
}

impl HttpServer {
    pub(crate) async fn start(listen: SocketAddr, heartbeat: Duration, shared: Arc<Shared>) -> Result<Self> {
        let inner = TcpListener::bind(listen)
            .await
            .with_context(|| format!("--listen {listen}: another address, or port 0, may help"))?;
        let address = inner.local_addr().context("ask for the port")?;
        let manager = Arc::new(LocalSessionManager::default());
        let for_sessions = Arc::clone(&shared);
        let service = StreamableHttpService::new(
            move || Ok(Server::new(Arc::clone(&for_sessions))),
            Arc::clone(&manager),
            StreamableHttpServerConfig::default(),
        );
        let router = Router::new().route_service("/mcp", service);
        let listener = Listener { inner, shared: Arc::clone(&shared) };
        let serving = shared.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the server ended");
            }
        });
        let watching = shared.spawn(sessions::watch(Arc::clone(&shared), manager, heartbeat));
        Ok(Self { address, shared, serving, watching })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }

    /// Waits until all sessions have ended, and looks at none from then on.
    pub(crate) async fn settle(&self) {
        if timeout(SETTLING, self.shared.sessions.gone()).await.is_err() {
            tracing::warn!("sessions are still open");
        }
        self.watching.abort();
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.serving.abort();
        self.watching.abort();
    }
}
