//! One connection's side of the protocol: it knows who is calling and hands each request to its room.

use std::sync::{Arc, Mutex, PoisonError};

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CustomRequest, CustomResult, DiscoverResult,
    ErrorCode, GetPromptRequestParams, GetPromptResponse, InitializeRequestParams, InitializeResult,
    JsonObject, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
    PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, RequestMetaObject, ServerConfig,
    SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, SubscriptionContext};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::answer::{self, Failure};
use super::fault::{Fault, Listener};
use super::hooks::{tool, wake};
use super::setup::Setup;
use super::subscriptions::{self, Ear, Follower, Legacy, Opening};
use super::targets::Place;
use super::tools::{Arguments, Family, Run, Site, Toolset};
use super::{custom, hooks, identity, instructions, nearest, notices, prompts, resources};
use crate::board::{Call, MAX_NAME_CHARS, Mark, Session, Waited};
use crate::snapshot::Saver;

/// What hooks say while no board runs. What calls are told would be too much at every edit.
const NO_BOARD: &str = "no board runs; start it in another terminal with `callboard`";

/// Serves one connection, in either era of the protocol.
#[derive(Debug)]
pub struct Handler {
    seat: Seat,
    tools: Toolset,
    /// The program at the other end, as it last called itself.
    program: Mutex<Option<(String, String)>>,
    opening: Opening,
    legacy: Legacy,
    /// Who saves the board, if somebody does.
    saver: Option<Saver>,
    /// Ends the board, if that can be asked for.
    end: Option<CancellationToken>,
}

#[derive(Debug)]
enum Seat {
    Board { session: Arc<Session>, place: Place },
    Away { hint: String, board_runs: bool },
}

impl Handler {
    /// Returns the handler of a connection whose agent is attached as `session`.
    pub fn new(session: Arc<Session>, setup: &Arc<Setup>) -> Self {
        let place = Place::of(&session, setup);
        Self::seated(Seat::Board { session, place }, setup.tools)
    }

    /// Returns a stand-in for times without a board: it answers every opening and lists what a board has,
    /// and to each call it answers `hint`, which must say how to get a board.
    pub fn away(hint: impl Into<String>) -> Self {
        let hint = hint.into();
        Self::seated(
            Seat::Away {
                hint,
                board_runs: false,
            },
            Toolset::All,
        )
    }

    /// Returns the handler of a connection that the board has no place for, because of `reason`.
    pub fn turned_away(reason: impl Into<String>) -> Self {
        let hint = reason.into();
        Self::seated(
            Seat::Away {
                hint,
                board_runs: true,
            },
            Toolset::All,
        )
    }

    /// Returns the handler with somebody who saves the board when that is asked for.
    #[must_use]
    pub fn saved_by(self, saver: Saver) -> Self {
        Self {
            saver: Some(saver),
            ..self
        }
    }

    /// Returns the handler with what ends the board when that is asked for.
    #[must_use]
    pub fn ended_by(self, end: CancellationToken) -> Self {
        Self {
            end: Some(end),
            ..self
        }
    }

    fn seated(seat: Seat, tools: Toolset) -> Self {
        Self {
            seat,
            tools,
            program: Mutex::default(),
            opening: Opening::default(),
            legacy: Legacy::default(),
            saver: None,
            end: None,
        }
    }

    fn session(&self) -> Result<&Arc<Session>, Fault> {
        match &self.seat {
            Seat::Board { session, .. } => Ok(session),
            Seat::Away { hint, .. } => Err(Fault::unavailable(hint.clone())),
        }
    }

    /// Learns who is calling from a request that says so; nearly every one repeats what is known.
    fn meet(&self, meta: &RequestMetaObject) {
        let client = meta.get("io.modelcontextprotocol/clientInfo");
        let text = |field| client?.get(field)?.as_str();
        if let (Some(program), Some(version)) = (text("name"), text("version")) {
            self.introduce(program, version);
        }
    }

    fn introduce(&self, program: &str, version: &str) {
        let (program, version) = (head(program), head(version));
        let mut known = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |(name, of): &(String, String)| name == program && of == version;
        if known.as_ref().is_some_and(same) {
            return;
        }
        *known = Some((program.to_owned(), version.to_owned()));
        drop(known);
        if let Seat::Board { session, .. } = &self.seat {
            session.introduce(program, version);
        }
    }

    /// Tells whether the program at the other end has hooks that ask over this connection.
    fn has_hooks(&self) -> bool {
        let known = self.program.lock().unwrap_or_else(PoisonError::into_inner);
        known.as_ref().is_some_and(|(program, _)| program == tool::CLIENT)
    }

    async fn call(
        &self,
        name: &str,
        arguments: Option<JsonObject>,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        self.meet(&context.meta);
        if name == tool::NAME && self.has_hooks() && tool::is_of_hook(&context.meta) {
            return Ok(self.hook(arguments).await);
        }
        let mut arguments = Arguments::new(arguments);
        if let Some(Waited(waited)) = context.extensions.get() {
            arguments.has_waited(*waited);
        }
        let tool = self.tools.find(name).ok_or_else(|| self.unknown_tool(name));
        let (tool, seat) = match tool.and_then(|tool| Ok((tool, self.board()?))) {
            Ok(found) => found,
            Err(fault) => return answer::fault(&fault),
        };
        let (session, place) = seat;
        let agent = match caller(session, tool.family, &mut arguments, &context.meta).await {
            Ok(agent) => agent,
            Err(failure) => {
                return answer::failure(failure, &Listener::new(&session.call(), self.tools));
            }
        };
        let mark = context.extensions.get::<Arc<Mark>>();
        let agent = agent.marked(mark.cloned());
        let outcome = match agent.note(tool.name) {
            Err(refusal) => Err(refusal.into()),
            Ok(()) if agent.is_repeat() && !matches!(tool.run, Run::Again(_)) => {
                Err(Fault::repeated().into())
            }
            Ok(()) => match tool.run {
                Run::Now(run) => run(&agent, arguments),
                Run::Waiting(run) | Run::Again(run) => {
                    let request = context;
                    run(&agent, arguments, Site { request, place }).await
                }
            },
        };
        let mut result =
            outcome.or_else(|failure| answer::failure(failure, &Listener::new(&agent, self.tools)))?;
        let (told, overlaps) = (agent.notices(), place.worktrees().take(&agent));
        if told.is_some() || !overlaps.is_empty() {
            let told = told.unwrap_or_default();
            notices::add(&mut result, &told, &overlaps, tool.family, self.tools);
            agent.note_told(&told);
        }
        Ok(result)
    }

    async fn hook(&self, arguments: Option<JsonObject>) -> CallToolResult {
        match &self.seat {
            Seat::Board { session, place } => tool::call(arguments, session, place, self.tools).await,
            Seat::Away { hint, board_runs } => {
                let problem = if *board_runs { hint.as_str() } else { NO_BOARD };
                tool::away(arguments, *board_runs, problem)
            }
        }
    }

    fn board(&self) -> Result<(&Session, &Place), Fault> {
        match &self.seat {
            Seat::Board { session, place } => Ok((session, place)),
            Seat::Away { hint, .. } => Err(Fault::unavailable(hint.clone())),
        }
    }

    /// A model must be able to read this, and clients show it tools' answers, not protocol errors.
    fn unknown_tool(&self, name: &str) -> Fault {
        let echo = head(name);
        let near = nearest::nearest(name, self.tools.names());
        let all = self.tools.names().collect::<Vec<_>>().join(", ");
        let hint = match near.first() {
            Some(best) => format!("there is no tool {echo}; did you mean {best}? There are: {all}"),
            None => format!("there is no tool {echo}; there are: {all}"),
        };
        Fault::not_found(
            vec![("tool", Value::from(echo)), ("nearest", Value::from(near))],
            hint,
        )
    }
}

/// Returns who makes a call of a tool of `family`.
async fn caller<'a>(
    session: &'a Session,
    family: Family,
    arguments: &mut Arguments,
    meta: &RequestMetaObject,
) -> Result<Call<'a>, Failure> {
    let named = match family {
        Family::Coordination => arguments.text("as")?,
        Family::Original | Family::Storage => None,
    };
    Ok(identity::agent(session, named.as_deref(), meta).await?)
}

/// Returns as much of a name as is kept or repeated.
fn head(name: &str) -> &str {
    let end = name.char_indices().nth(MAX_NAME_CHARS).map(|(at, _)| at);
    end.map_or(name, |end| &name[..end])
}

impl ServerHandler for Handler {
    fn get_info(&self) -> ServerConfig {
        instructions::info(self.tools)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.introduce(&request.client_info.name, &request.client_info.version);
        let answer = self.negotiate_initialize(&request);
        context.peer.set_peer_info(request);
        answer
    }

    async fn discover(&self, context: RequestContext<RoleServer>) -> Result<DiscoverResult, ErrorData> {
        self.meet(&context.meta);
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info()))
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        self.meet(&context.meta);
        Ok(self.tools.list(self.has_hooks()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let result = self.call(&request.name, request.arguments, &context).await?;
        Ok(CallToolResponse::Complete(result))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        self.meet(&context.meta);
        if request.method == hooks::HOOK {
            let params = request.params.unwrap_or_default();
            let verdict = match self.board() {
                Ok((session, place)) => hooks::answer(params, session, place, self.tools).await,
                Err(fault) => Err(fault),
            };
            let told = verdict.unwrap_or_else(|fault| serde_json::json!(fault));
            return Ok(CustomResult::new(told));
        }
        if request.method == wake::WAKE {
            let params = request.params.unwrap_or_default();
            let woken = match self.board() {
                Ok((session, place)) => wake::wait(params, session, place, self.tools, &context.ct).await,
                Err(fault) => Err(fault),
            };
            return Ok(CustomResult::new(
                woken.unwrap_or_else(|fault| serde_json::json!(fault)),
            ));
        }
        let params = match request.params {
            Some(Value::Object(map)) => Some(map),
            _ => None,
        };
        let session = self.session().map(Arc::as_ref);
        let host = custom::Host {
            saver: self.saver.as_ref(),
            end: self.end.as_ref(),
        };
        custom::answer(&request.method, Arguments::new(params), session, host)
            .await
            .map(CustomResult::new)
            .ok_or_else(|| ErrorData::new(ErrorCode::METHOD_NOT_FOUND, request.method, None))
    }

    async fn list_prompts(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        self.meet(&context.meta);
        Ok(prompts::list())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        self.meet(&context.meta);
        Ok(prompts::get(&request.name, request.arguments, self.tools)?.into())
    }

    async fn list_resources(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        self.meet(&context.meta);
        Ok(resources::list())
    }

    async fn list_resource_templates(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.meet(&context.meta);
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.meet(&context.meta);
        let session = self.session().map(Arc::as_ref);
        Ok(resources::read(&request.uri, session)?.into())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        if let Seat::Board { session, .. } = &self.seat {
            self.opening.begin(session.board().rev());
        }
        Some(subscriptions::granted(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.meet(&context.request_context().meta);
        let uris = context.accepted().resource_subscriptions.as_deref();
        let since = self.opening.end();
        if let (Seat::Board { session, .. }, Some(uris)) = (&self.seat, uris) {
            let follower = Follower::new(session, uris, since);
            tokio::select! {
                biased;
                () = context.cancelled() => return Ok(()),
                () = follower.run(Ear::Modern(context.sink().clone())) => {}
            }
        }
        // Lists never change while the server runs, so there is nothing else to tell.
        context.cancelled().await;
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let session = self.session().map_err(Fault::into_error)?;
        self.legacy.subscribe(session, request.uri, context.peer)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.legacy.unsubscribe(&request.uri);
        Ok(())
    }
}
