//! One connection: its lines, what it has in flight, and its end.
//!
//! Requests go straight to the handler, through rmcp's [`Service`], and not through rmcp's service loop. That
//! loop hands every request to a task and every answer through a channel to another task, which costs more
//! than serving the call; it closes on a first message that it does not expect, loses the answer of a
//! handler that panics, and logs values. What remains for it is to carry notifications: see
//! [`super::transport`].
//!
//! What is bounded, for each connection:
//!
//! - A line has at most [`super::lines::MAX_LINE`] bytes.
//! - At most [`MAX_WAITING`] requests wait; one more that would have to wait is refused at once, while those
//!   that can be answered at once still are. So cancellations always get through, and waiting calls that
//!   fill the bound block nothing.
//! - Requests are read only while there is room for answers. A client that does not read is not read from.
//! - A turn serves at most [`TURN`] lines, so a client that floods does not starve the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rmcp::model::{
    ClientRequest, ErrorCode, InitializeRequestParams, RequestId, ServerJsonRpcMessage, ServerResult,
};
use rmcp::service::{RequestContext, RoleServer, Service};
use rmcp::{ErrorData, ServerHandler};
use tokio::net::unix::OwnedReadHalf;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::{AbortHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::era::Era;
use super::lines::{Line, Lines, MAX_LINE};
use super::message::{self, Asked, Incoming, Unreadable};
use super::outbox::{Outbox, to_line};
use super::serving::{Panicked, Serving};
use super::traffic::Traffic;
use super::transport::Voice;
use crate::board::{AnswerLine, CallId, Repeats};

/// How many requests of a connection may wait for something at a time.
pub const MAX_WAITING: usize = 64;

/// How many lines are served before others get their turn.
const TURN: usize = 32;
/// A longer line takes so long to read that the runtime is told.
const LONG_LINE: usize = 256 * 1024;
/// How long a peer has to take what was answered, before it is left.
const LAST_ANSWERS: Duration = Duration::from_millis(100);
/// The JSON-RPC code of a request that the server could serve at another time.
const BUSY: ErrorCode = ErrorCode(-32000);

/// The two halves of a connection, with what was read of it before it was known who is there.
pub(super) struct Wire {
    pub(super) reader: OwnedReadHalf,
    pub(super) outbox: Arc<Outbox>,
    pub(super) lines: Lines,
}

/// A connection whose handler is known.
pub(super) struct Conversation<H> {
    wire: Wire,
    handler: Arc<H>,
    /// What handlers are told of a request, to be filled in. All share its token, which no handler cancels.
    context: RequestContext<RoleServer>,
    _voice: Voice,
    era: Era,
    /// Tells a call that changes the board, whose answer is kept for repeats.
    changes: fn(&str) -> bool,
    repeats: Option<Repeats>,
    waiting: HashMap<RequestId, AbortHandle>,
    tasks: JoinSet<RequestId>,
    traffic: Arc<Traffic>,
    ends: Ends,
}

/// How a connection is told to end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// What waits is to answer with what it has, and then the connection ends.
    pub(super) stop: CancellationToken,
    /// The connection is to end at once. What waits is given up without an answer, and may be asked again.
    pub(super) pause: CancellationToken,
}

#[expect(
    clippy::large_enum_variant,
    reason = "the large one is the usual one, and a box for it costs more than the room in the other"
)]
enum Reply {
    Message(ServerJsonRpcMessage),
    Kept(AnswerLine),
}

impl Reply {
    fn to(id: RequestId, result: Result<ServerResult, ErrorData>) -> Self {
        Self::Message(match result {
            Ok(result) => ServerJsonRpcMessage::response(result, id),
            Err(error) => ServerJsonRpcMessage::error(error, Some(id)),
        })
    }

    fn into_line(self) -> AnswerLine {
        match self {
            Self::Message(message) => to_line(&message),
            Self::Kept(line) => line,
        }
    }
}

impl<H: ServerHandler> Conversation<H> {
    pub(super) fn new(
        wire: Wire,
        handler: H,
        repeats: Option<Repeats>,
        changes: fn(&str) -> bool,
        traffic: Arc<Traffic>,
        ends: Ends,
    ) -> Self {
        let voice = Voice::new(Arc::clone(&wire.outbox));
        let mut context = RequestContext::new(RequestId::Number(0), voice.peer().clone());
        context.ct = ends.stop.clone();
        Self {
            wire,
            handler: Arc::new(handler),
            context,
            _voice: voice,
            era: Era::default(),
            changes,
            repeats,
            waiting: HashMap::new(),
            tasks: JoinSet::new(),
            traffic,
            ends,
        }
    }

    /// Serves until the peer closes, or until it is told to end; see [`Ends`].
    /// `first` is the line that was read already. Dropping this ends everything at once.
    pub(super) async fn run(mut self, first: Option<Line>) {
        if let Some(line) = first {
            self.serve(&line);
        }
        let outbox = Arc::clone(&self.wire.outbox);
        let Ends { stop, pause } = self.ends.clone();
        let (stopped, paused) = (stop.cancelled(), pause.cancelled());
        tokio::pin!(stopped, paused);
        loop {
            let left = self.turn();
            if left && outbox.has_room() {
                tokio::task::yield_now().await;
                continue;
            }
            tokio::select! {
                biased;
                () = &mut paused => break self.give_up().await,
                () = &mut stopped => break self.end().await,
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                // Whoever makes room wakes this: the socket may take all of it before `drain` is asked.
                () = outbox.room(), if left => {}
                read = self.wire.lines.fill(&mut self.wire.reader), if !left => match read {
                    Ok(0) => break self.end_of_input().await,
                    Ok(_) => {}
                    Err(error) => {
                        tracing::debug!(%error, "a connection broke");
                        break;
                    }
                },
                drained = outbox.drain() => if drained.is_err() { break },
            }
        }
    }

    /// Serves lines that were read, and tells whether some may be left.
    fn turn(&mut self) -> bool {
        self.wire.outbox.cork();
        let mut served = 0;
        let left = loop {
            if served == TURN || !self.wire.outbox.has_room() {
                break true;
            }
            let Some(line) = self.wire.lines.next() else {
                break false;
            };
            self.serve(&line);
            served += 1;
        };
        self.wire.outbox.uncork();
        left
    }

    fn serve(&mut self, line: &Line) {
        let read = match line {
            Line::TooLong => Err(message::too_long(MAX_LINE)),
            Line::Whole(range) if range.len() < LONG_LINE => message::read(self.wire.lines.bytes(range)),
            Line::Whole(range) => aside(|| message::read(self.wire.lines.bytes(range))),
        };
        match read {
            Ok(Incoming::Request(id, asked)) => self.request(id, asked),
            Ok(Incoming::Cancel(id)) => {
                if let Some(task) = self.waiting.remove(&id) {
                    task.abort();
                }
            }
            Ok(Incoming::Nothing) => {}
            Err(Unreadable { id, error }) => self.wire.outbox.refuse(*error, id),
        }
    }

    fn request(&mut self, id: RequestId, asked: Asked) {
        let supported = ServerHandler::supported_protocol_versions(&*self.handler);
        let era = match self.era.admit(&asked.request, &asked.meta, &supported) {
            Ok(era) => era,
            Err(error) => return self.wire.outbox.refuse(error, Some(id)),
        };
        if self.waiting.contains_key(&id) {
            let error = ErrorData::invalid_request("a request with this id is still in flight", None);
            return self.wire.outbox.refuse(error, Some(id));
        }
        let mut serving = self.begin(id.clone(), era, asked);
        match serving.look() {
            Poll::Ready(reply) => deliver(&self.wire.outbox, &self.traffic, id, reply),
            Poll::Pending if self.waiting.len() >= MAX_WAITING => {
                let text = format!(
                    "{MAX_WAITING} requests of this connection wait already; cancel one or wait for an answer"
                );
                self.wire
                    .outbox
                    .refuse(ErrorData::new(BUSY, text, None), Some(id));
            }
            Poll::Pending => self.wait(id, serving),
        }
    }

    /// Hands the request to the handler. Nothing happens before somebody looks.
    fn begin(&mut self, id: RequestId, era: Era, asked: Asked) -> Serving<Reply> {
        let Asked { request, meta } = asked;
        let mut context = self.context.clone();
        context.id = id.clone();
        context.meta = meta;
        let handler = Arc::clone(&self.handler);
        let call = match request {
            ClientRequest::CallToolRequest(call) => call.params,
            other => return Serving::new(other_than_call(handler, id, other, context)),
        };
        if let Some(waited) = self.repeats.as_ref().and_then(|all| all.waited(&call_id(&id))) {
            context.extensions.insert(waited);
        }
        let changes = (self.changes)(&call.name);
        let slot = self
            .repeats
            .as_mut()
            .filter(|_| changes)
            .map(|repeats| repeats.slot(call_id(&id)));
        if let Some(slot) = &slot {
            context.extensions.insert(slot.mark());
        }
        let answer = async move {
            let result = handler.call_tool(call, context).await.map(ServerResult::from);
            let result = result.map(|mut result| {
                if era == Era::Handshake {
                    result.strip_result_type_for_legacy_peer();
                }
                result
            });
            Reply::to(id, result)
        };
        let Some(slot) = slot else {
            return Serving::new(answer);
        };
        let answer = Box::pin(answer);
        Serving::new(async move { Reply::Kept(slot.once(async { answer.await.into_line() }).await) })
    }

    /// Lets a request that is not ready wait in a task of its own.
    fn wait(&mut self, id: RequestId, serving: Serving<Reply>) {
        let outbox = Arc::clone(&self.wire.outbox);
        let traffic = Arc::clone(&self.traffic);
        let own = id.clone();
        let task = self.tasks.spawn(async move {
            let reply = serving.finish().await;
            outbox.room().await;
            deliver(&outbox, &traffic, id.clone(), reply);
            id
        });
        self.waiting.insert(own, task);
    }

    fn ended(&mut self, ended: Result<RequestId, tokio::task::JoinError>) {
        // A task that was aborted has been removed by whoever did it.
        if let Ok(id) = ended {
            self.waiting.remove(&id);
        }
    }

    /// The peer sends no more, but may still read: `echo … | socat` does that.
    async fn end_of_input(mut self) {
        let outbox = Arc::clone(&self.wire.outbox);
        let Ends { stop, pause } = self.ends.clone();
        tokio::select! {
            () = outbox.hung_up() => {}
            () = self.finish() => {}
            () = stop.cancelled() => self.end().await,
            () = pause.cancelled() => self.give_up().await,
        }
    }

    /// Gives up what waits, and does not return before all of it has stopped: nothing is done to the board after
    /// that. What was answered before is written, if the peer takes it soon.
    async fn give_up(mut self) {
        self.tasks.shutdown().await;
        let outbox = Arc::clone(&self.wire.outbox);
        let write = async { while !outbox.is_empty() && outbox.drain().await.is_ok() {} };
        if tokio::time::timeout(LAST_ANSWERS, write).await.is_err() {
            tracing::debug!("a client does not take its last answers");
        }
    }

    /// Lets what waits answer, which its token has told it to do, and writes everything.
    async fn end(mut self) {
        let outbox = Arc::clone(&self.wire.outbox);
        tokio::select! {
            () = outbox.hung_up() => {}
            () = self.finish() => {}
        }
    }

    async fn finish(&mut self) {
        let outbox = Arc::clone(&self.wire.outbox);
        while !(self.tasks.is_empty() && outbox.is_empty()) {
            tokio::select! {
                Some(ended) = self.tasks.join_next() => self.ended(ended),
                drained = outbox.drain() => if drained.is_err() { return },
            }
        }
    }
}

/// Serves what is no call of a tool in rmcp's own way, which keeps the rules of both eras.
///
/// Its future is several kilobytes large whatever the request, and moving that costs more than serving the
/// usual call. So calls of tools go past it.
async fn other_than_call<H: ServerHandler>(
    handler: Arc<H>,
    id: RequestId,
    request: ClientRequest,
    context: RequestContext<RoleServer>,
) -> Reply {
    let peer = matches!(request, ClientRequest::InitializeRequest(_)).then(|| context.peer.clone());
    let result = handler.handle_request(request, context).await;
    // rmcp has noted what the client asked for; from now on what was agreed on counts.
    if let (Some(peer), Ok(ServerResult::InitializeResult(agreed))) = (peer, &result)
        && let Some(client) = peer.peer_info()
    {
        let mut client = InitializeRequestParams::clone(&client);
        client.protocol_version = agreed.protocol_version.clone();
        peer.set_peer_info(client);
    }
    Reply::to(id, result)
}

fn call_id(id: &RequestId) -> CallId {
    match id {
        RequestId::Number(number) => CallId::Number(*number),
        RequestId::String(text) => CallId::Text(Arc::clone(text)),
    }
}

fn deliver(outbox: &Outbox, traffic: &Traffic, id: RequestId, reply: Result<Reply, Panicked>) {
    match reply {
        Ok(Reply::Message(message)) => outbox.push(&message),
        Ok(Reply::Kept(line)) => outbox.push_line(&line),
        Err(Panicked { message }) => {
            traffic.panicked();
            tracing::error!(%id, %message, "a request made its handler panic");
            let text = "the board failed at this request; it is a fault of callboard, see its log";
            outbox.refuse(ErrorData::internal_error(text, None), Some(id));
        }
    }
}

/// Does long work where it keeps no other connection waiting, if the runtime has such a place.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}
