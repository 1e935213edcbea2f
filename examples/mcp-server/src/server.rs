//! What answers. One for each session; without sessions, one for each request.

use std::sync::{Arc, OnceLock};

use axum::http::request::Parts;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult, ErrorCode,
    Extensions, Implementation, InitializeRequestParams, InitializeResult, JsonObject, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, RequestId, ServerCapabilities, ServerConfig,
};
use rmcp::service::{NotificationContext, RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde::Serialize;
use throughline_instruments::mcp::{Call, Method, Operation, Version};

use crate::interceptors::Message;
use crate::sessions::Live;
use crate::shared::Shared;
use crate::{size, tools};

/// The session id, as a header.
const SESSION_ID: &str = "mcp-session-id";

#[derive(Debug)]
pub(crate) struct Server {
    shared: Arc<Shared>,
    /// From `initialize` on.
    session: OnceLock<Arc<Live>>,
}

impl Server {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, session: OnceLock::new() }
    }

    /// Answers a request: recorded, through the interceptors, until the client cancels it.
    async fn answer<T: Answer>(
        &self,
        asked: Asked<'_>,
        context: &RequestContext<RoleServer>,
        answer: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let session = self.session.get();
        if let Some(session) = session {
            session.touch();
        }
        let operation = self.shared.server.begin(asked.call(context, session.and_then(|live| live.id())));
        let _held = self.shared.metrics.hold(usize::try_from(asked.size).unwrap_or(usize::MAX));
        let message = Message {
            extensions: &context.extensions,
            bucket: session.and_then(|live| live.bucket.as_ref()),
            size: asked.size,
        };
        let answered = operation.enter(self.intercept(&message, answer));
        tokio::select! {
            result = answered => {
                end(operation, &result);
                result
            }
            // Dropping the operation says that it was cancelled.
            () = context.ct.cancelled() => Err(ErrorData::internal_error("cancelled", None)),
        }
    }

    async fn intercept<T: Answer>(
        &self,
        message: &Message<'_>,
        answer: impl Future<Output = Result<T, ErrorData>>,
    ) -> Result<T, ErrorData> {
        let Shared { chain, tally, .. } = &*self.shared;
        chain.request(message, tally)?;
        let answer = answer.await?;
        chain.response(size::of(&answer), tally)?;
        Ok(answer)
    }
}

/// Says how it went.
fn end<T: Answer>(operation: Operation<'_>, result: &Result<T, ErrorData>) {
    match result {
        Ok(answer) => {
            operation.record_response_size(size::of(answer));
            if answer.is_tool_error() { operation.tool_error() } else { operation.ok() }
        }
        Err(error) => operation.rpc_error(error.code.0.into(), &error.message),
    }
}

/// What was asked for.
#[derive(Clone, Copy)]
struct Asked<'a> {
    method: Method,
    tool: Option<&'a str>,
    size: u64,
}

impl<'a> Asked<'a> {
    fn new(method: Method, parameters: &impl Serialize) -> Self {
        Self { method, tool: None, size: size::of(parameters) }
    }

    fn call(self, context: &'a RequestContext<RoleServer>, session: Option<&'a str>) -> Call<'a> {
        let mut call = Call::new(self.method).with_size(self.size).with_meta(&context.meta.0.0);
        if let Some(version) = context.protocol_version() {
            call = call.with_version(Version::of(version.as_str()));
        }
        if let Some(tool) = self.tool {
            call = call.with_tool(tool);
        }
        if let Some(session) = session {
            call = call.with_session(session);
        }
        match &context.id {
            RequestId::Number(id) => call.with_request_number(*id),
            RequestId::String(id) => call.with_request_text(id),
        }
    }
}

/// What can be answered.
trait Answer: Serialize {
    fn is_tool_error(&self) -> bool {
        false
    }
}

impl Answer for () {}
impl Answer for CustomResult {}
impl Answer for InitializeResult {}
impl Answer for ListToolsResult {}
impl Answer for CallToolResult {
    fn is_tool_error(&self) -> bool {
        self.is_error == Some(true)
    }
}

impl ServerHandler for Server {
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let Shared { sessions, server, chain, .. } = &*self.shared;
        self.answer(Asked::new(Method::Initialize, &request), &context, async {
            let result = self.negotiate_initialize(&request)?;
            let version = Version::of(result.protocol_version.as_str());
            let session = sessions.create(server, version, chain.bucket());
            let session = session.ok_or_else(|| ErrorData::internal_error("too many sessions", None))?;
            let _first = self.session.set(session);
            context.peer.set_peer_info(request.clone());
            Ok(result)
        })
        .await
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let session = self.session.get();
        let id = session_id(&context.extensions);
        if let (Some(session), Some(id)) = (session, id) {
            session.attach(id.into(), context.peer);
        }
        let call = Call::new(Method::NotificationsInitialized).with_meta(&context.meta.0.0);
        self.shared.server.begin(call).ok();
    }

    async fn ping(&self, context: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        self.answer(Asked::new(Method::Ping, &()), &context, async { Ok(()) }).await
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let asked = Asked::new(Method::ToolsList, &request);
        self.answer(asked, &context, async { Ok(ListToolsResult::with_all_items(tools::list())) }).await
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asked = Asked { tool: Some(&request.name), ..Asked::new(Method::ToolsCall, &request) };
        let arguments: Option<JsonObject> = request.arguments.clone();
        let answer = self.answer(asked, &context, tools::call(&self.shared, &request.name, arguments));
        answer.await.map(CallToolResponse::Complete)
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let CustomRequest { method, params, .. } = request;
        let unknown = async { Err(ErrorData::new(ErrorCode::METHOD_NOT_FOUND, method.clone(), None)) };
        self.answer(Asked::new(Method::of(&method), &params), &context, unknown).await
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_protocol_version(ProtocolVersion::LATEST_WITH_INITIALIZE)
            .with_server_info(Implementation::new("mcp-server", env!("CARGO_PKG_VERSION")))
            .with_instructions("Arithmetic, search in text, and the files of one folder.")
    }
}

fn session_id(extensions: &Extensions) -> Option<&str> {
    extensions.get::<Parts>()?.headers.get(SESSION_ID)?.to_str().ok()
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(session) = self.session.get() {
            self.shared.sessions.close(session);
        }
    }
}
