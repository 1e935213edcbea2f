//! What an MCP server, client or proxy is made of, counted.
//!
//! One struct, so that everything is in one place; the guards of [`guard`](crate::guard) work on parts of it.

use throughline_macros::{Attributes, MetricSet};
use throughline_metrics::{Counter, Histogram, UpDownCounter};

use super::{Method, resources::Held};
use crate::guard::{
    Acted, Closed, ConnectionMetrics, Connections, ErrorType, Evicted, Intercepted, InterceptorMetrics,
    Interceptors, LIFETIMES, OfPool, Outcome, Pool, PoolMetrics, Refused, SessionMetrics, Sessions, Waited,
};

/// The metrics of a server or client of the Model Context Protocol. Making them takes locks and allocates: keep them.
#[derive(Clone, Debug, MetricSet)]
#[metric(crate = throughline_metrics)]
#[non_exhaustive]
pub struct Metrics {
    /// Connections that were opened.
    #[metric(name = "mcp.connections.total", unit = "{connection}")]
    pub connections_total: Counter<u64>,
    /// Connections that are open.
    #[metric(name = "mcp.connections.active", unit = "{connection}")]
    pub connections_active: UpDownCounter<i64>,
    /// How long connections were open.
    #[metric(name = "mcp.connection.duration", unit = "s", bounds = LIFETIMES)]
    pub connection_duration: Histogram<f64, Closed>,
    /// Connections that ended with an error.
    #[metric(name = "mcp.connection.errors", unit = "{error}")]
    pub connection_errors: Counter<u64, ErrorType>,

    /// Sessions that were created.
    #[metric(name = "mcp.sessions.created", unit = "{session}")]
    pub sessions_created: Counter<u64>,
    /// Sessions that there are.
    #[metric(name = "mcp.sessions.active", unit = "{session}")]
    pub sessions_active: UpDownCounter<i64>,
    /// Sessions that the server ended.
    #[metric(name = "mcp.sessions.evicted", unit = "{session}")]
    pub sessions_evicted: Counter<u64, Evicted>,
    /// How long sessions lasted.
    #[metric(name = "mcp.session.duration", unit = "s", bounds = LIFETIMES)]
    pub session_duration: Histogram<f64, Closed>,
    /// How often the server looked whether a client is alive.
    #[metric(name = "mcp.session.heartbeat_checks", unit = "{check}")]
    pub session_heartbeat_checks: Counter<u64>,
    /// How often it was not.
    #[metric(name = "mcp.session.dead_detected", unit = "{session}")]
    pub session_dead_detected: Counter<u64>,

    /// Requests that came in.
    #[metric(name = "mcp.requests.total", unit = "{request}")]
    pub requests_total: Counter<u64, OfMethod>,
    /// How long requests took.
    #[metric(name = "mcp.request.duration", unit = "s")]
    pub request_duration: Histogram<f64, RequestEnded>,
    /// How large requests were.
    #[metric(name = "mcp.request.size", unit = "By")]
    pub request_size: Histogram<u64, OfMethod>,
    /// How large responses were.
    #[metric(name = "mcp.response.size", unit = "By")]
    pub response_size: Histogram<u64, OfMethod>,

    /// How long an interceptor took.
    #[metric(name = "mcp.interceptor.duration", unit = "s")]
    pub interceptor_duration: Histogram<f64, Intercepted>,
    /// Interceptors that failed, rather than decide.
    #[metric(name = "mcp.interceptor.errors", unit = "{error}")]
    pub interceptor_errors: Counter<u64, Refused>,
    /// What interceptors decided.
    #[metric(name = "mcp.interceptor.actions", unit = "{action}")]
    pub interceptor_actions: Counter<u64, Acted>,

    /// Connections that the client's pool made.
    #[metric(name = "mcp.pool.connections.created", unit = "{connection}")]
    pub pool_connections_created: Counter<u64, OfPool<'static>>,
    /// How often the client's pool used a connection again.
    #[metric(name = "mcp.pool.connections.reused", unit = "{use}")]
    pub pool_connections_reused: Counter<u64, OfPool<'static>>,
    /// Connections in the client's pool that wait to be used.
    #[metric(name = "mcp.pool.connections.idle", unit = "{connection}")]
    pub pool_connections_idle: UpDownCounter<i64, OfPool<'static>>,
    /// Connections of the client's pool in use.
    #[metric(name = "mcp.pool.connections.active", unit = "{connection}")]
    pub pool_connections_active: UpDownCounter<i64, OfPool<'static>>,
    /// How long it took to get a connection of the client's pool.
    #[metric(name = "mcp.pool.wait.duration", unit = "s")]
    pub pool_wait_duration: Histogram<f64, Waited<'static>>,

    /// Memory that is held for sessions and requests.
    #[metric(name = "mcp.memory.usage", unit = "By")]
    pub memory_usage: UpDownCounter<i64>,
    /// Tasks that were spawned.
    #[metric(name = "mcp.task.spawns", unit = "{task}")]
    pub task_spawns: Counter<u64>,
}

/// Of which method.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct OfMethod {
    /// The method.
    pub method: Method,
}

/// Of which method, and how it went.
#[derive(Clone, Copy, Debug, Attributes)]
#[attribute(crate = throughline_core)]
#[expect(clippy::exhaustive_structs, reason = "plain data, recorded by whoever has the instrument")]
pub struct RequestEnded {
    /// The method.
    pub method: Method,
    /// How it went.
    pub status: Outcome,
}

impl Metrics {
    /// The connections, as guards.
    pub fn connections(&self) -> Connections {
        Connections::from(ConnectionMetrics {
            total: self.connections_total.clone(),
            active: self.connections_active.clone(),
            duration: self.connection_duration.clone(),
            errors: self.connection_errors.clone(),
        })
    }

    /// The sessions, as guards.
    pub fn sessions(&self) -> Sessions {
        Sessions::from(SessionMetrics {
            created: self.sessions_created.clone(),
            active: self.sessions_active.clone(),
            evicted: self.sessions_evicted.clone(),
            duration: self.session_duration.clone(),
            heartbeat_checks: self.session_heartbeat_checks.clone(),
            dead_detected: self.session_dead_detected.clone(),
        })
    }

    /// The interceptors, as guards.
    pub fn interceptors(&self) -> Interceptors {
        Interceptors::from(InterceptorMetrics {
            duration: self.interceptor_duration.clone(),
            errors: self.interceptor_errors.clone(),
            actions: self.interceptor_actions.clone(),
        })
    }

    /// A client's pool of this name, as guards.
    pub fn pool(&self, name: &str) -> Pool {
        let metrics = PoolMetrics {
            created: self.pool_connections_created.clone(),
            reused: self.pool_connections_reused.clone(),
            idle: self.pool_connections_idle.clone(),
            active: self.pool_connections_active.clone(),
            wait: self.pool_wait_duration.clone(),
        };
        Pool::with_metrics(&metrics, name)
    }

    /// So many bytes are held, as long as the guard lives.
    pub fn hold(&self, bytes: usize) -> Held {
        Held::new(self.memory_usage.clone(), bytes)
    }
}
