//! The sessions that there are: who uses them, whether their other end is alive, and when they are evicted.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use example_support::Tally;
use rmcp::model::{PingRequest, ServerRequest};
use rmcp::service::{Peer, PeerRequestOptions, RoleServer};
use rmcp::transport::streamable_http_server::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use throughline_instruments::guard::{Eviction, Guard, Session, Sessions};
use throughline_instruments::mcp::{Endpoint, Held, Metrics, SessionScope, Version};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::arguments::Arguments;
use crate::interceptors::Bucket;
use crate::shared::Shared;

/// A client that does not answer for so long is dead.
const PING_TIMEOUT: Duration = Duration::from_secs(1);

/// What a session costs: its channels hold so many messages of a few hundred bytes.
const SESSION_BYTES: usize = 16 << 10;

/// The most sessions at once.
const SESSIONS_MAX: usize = 10_000;

/// The sessions of the program.
#[derive(Debug)]
pub(crate) struct Registry {
    recorded: Sessions,
    metrics: Metrics,
    idle: Duration,
    live: Mutex<HashMap<u64, Arc<Live>>>,
    /// How many there were, which numbers them.
    made: Mutex<u64>,
    count: watch::Sender<usize>,
}

/// One session.
#[derive(Debug)]
pub(crate) struct Live {
    number: u64,
    open: Mutex<Option<Open>>,
    used: Mutex<Instant>,
    pub(crate) bucket: Option<Bucket>,
    /// Known once the client has said that it is ready.
    other: OnceLock<Other>,
}

/// What is recorded when the session ends.
#[derive(Debug)]
struct Open {
    session: Session,
    lasting: Guard<SessionScope>,
    held: Held,
}

/// The other end of a session.
#[derive(Debug)]
struct Other {
    id: Arc<str>,
    peer: Peer<RoleServer>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    pub(crate) fn new(arguments: &Arguments, metrics: &Metrics) -> Self {
        Self {
            recorded: metrics.sessions(),
            metrics: metrics.clone(),
            idle: arguments.idle,
            live: Mutex::default(),
            made: Mutex::default(),
            count: watch::Sender::new(0),
        }
    }

    /// A session begins; `None` when there are too many.
    pub(crate) fn create(
        &self,
        endpoint: &Endpoint,
        version: Version,
        bucket: Option<Bucket>,
    ) -> Option<Arc<Live>> {
        let mut live = lock(&self.live);
        if live.len() >= SESSIONS_MAX {
            return None;
        }
        let mut made = lock(&self.made);
        *made += 1;
        let open = Open {
            session: self.recorded.create(),
            lasting: endpoint.begin_session(Some(version)),
            held: self.metrics.hold(SESSION_BYTES),
        };
        let session = Arc::new(Live {
            number: *made,
            open: Mutex::new(Some(open)),
            used: Mutex::new(Instant::now()),
            bucket,
            other: OnceLock::new(),
        });
        live.insert(*made, Arc::clone(&session));
        self.count.send_replace(live.len());
        Some(session)
    }

    /// The client closed it.
    pub(crate) fn close(&self, live: &Live) {
        let open = lock(&live.open).take();
        if let Some(Open { session, lasting, held }) = open {
            session.close();
            lasting.ok();
            drop(held);
            self.remove(live);
        }
    }

    fn evict(&self, live: &Live, reason: Eviction, tally: &Tally) -> bool {
        let open = lock(&live.open).take();
        let Some(Open { session, lasting, held }) = open else { return false };
        session.evict(reason);
        lasting.ok();
        drop(held);
        tally.add("mcp_sessions_evicted_total", 1.0);
        self.remove(live);
        true
    }

    /// Last, so that all of it is counted when there is no session left.
    fn remove(&self, session: &Live) {
        let mut live = lock(&self.live);
        live.remove(&session.number);
        self.count.send_replace(live.len());
    }

    /// Waits until there is none.
    pub(crate) async fn gone(&self) {
        let mut count = self.count.subscribe();
        let _closed = count.wait_for(|count| *count == 0).await;
    }
}

impl Live {
    /// The client is ready: it can be asked from now on.
    pub(crate) fn attach(&self, id: Arc<str>, peer: Peer<RoleServer>) {
        let _first = self.other.set(Other { id, peer });
    }

    /// The client asked for something.
    pub(crate) fn touch(&self) {
        *lock(&self.used) = Instant::now();
    }

    /// Its id, where the transport has one.
    pub(crate) fn id(&self) -> Option<&str> {
        self.other.get().map(|other| &*other.id)
    }

    /// Unless it was closed in the meantime: then nobody was looked at.
    fn heartbeat(&self, is_alive: bool, tally: &Tally) {
        let open = lock(&self.open);
        let Some(Open { session, .. }) = &*open else { return };
        session.heartbeat(is_alive);
        tally.add("mcp_session_heartbeat_checks_total", 1.0);
        if !is_alive {
            tally.add("mcp_session_dead_detected_total", 1.0);
        }
    }
}

/// Looks at every session again and again.
#[expect(clippy::infinite_loop, reason = "its task is aborted")]
pub(crate) async fn watch(shared: Arc<Shared>, manager: Arc<LocalSessionManager>, every: Duration) {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let live: Vec<_> = lock(&shared.sessions.live).values().cloned().collect();
        let looks: Vec<_> =
            live.into_iter().map(|live| shared.spawn(look(shared.clone(), manager.clone(), live))).collect();
        for look in looks {
            let _ended = look.await;
        }
    }
}

/// Evicts a session that nobody uses, or whose client is dead.
async fn look(shared: Arc<Shared>, manager: Arc<LocalSessionManager>, live: Arc<Live>) {
    let Some(other) = live.other.get() else { return };
    let reason = if lock(&live.used).elapsed() > shared.sessions.idle {
        Eviction::Idle
    } else if is_alive(&shared, &live, other).await {
        return;
    } else {
        Eviction::Dead
    };
    if !shared.sessions.evict(&live, reason, &shared.tally) {
        return;
    }
    if let Err(error) = manager.close_session(&other.id).await {
        tracing::warn!(%error, "a session that was evicted could not be closed");
    }
}

async fn is_alive(shared: &Shared, live: &Live, other: &Other) -> bool {
    let ping = ServerRequest::PingRequest(PingRequest::default());
    let options = PeerRequestOptions::with_timeout(PING_TIMEOUT);
    let is_alive = match other.peer.send_request_with_option(ping, options).await {
        Ok(request) => request.await_response().await.is_ok(),
        Err(_closed) => false,
    };
    live.heartbeat(is_alive, &shared.tally);
    is_alive
}
