//! The requests that the client waits for.

use std::collections::VecDeque;

use super::message::{self, Id};
use crate::board::{KEPT_ANSWERS, Time};

/// The most requests that are kept; beyond it nothing is read from the client. The board keeps as many
/// answers, so whatever is repeated is known to it.
const MAX_REQUESTS: usize = KEPT_ANSWERS;
/// The most bytes of requests that are kept, which one more line may pass.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// A request that has no answer yet.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: Id,
    /// As the client sent it, with its newline.
    pub(super) line: Vec<u8>,
    pub(super) kind: Kind,
    /// When it came.
    pub(super) since: Time,
    /// Whether a board may have seen it, so that the next one must be told that it comes again.
    pub(super) sent: bool,
    /// Whether the stand-in has it.
    pub(super) handed: bool,
    /// When the stand-in gets it.
    pub(super) deadline: Option<Time>,
}

/// What the bridge does about a request besides passing it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `initialize`: it opens a session, and each new connection needs it again.
    Initialize,
    /// `server/discover`: it asks who is there, and nothing remembers it.
    Discover,
    /// `subscriptions/listen`: it has no answer as long as it lasts, only an acknowledgement.
    Listen { acknowledged: bool },
    /// `resources/subscribe`: it lasts until its opposite.
    Subscribe(String),
    /// `resources/unsubscribe`.
    Unsubscribe(String),
    /// `logging/setLevel`: it lasts.
    SetLevel,
    /// Everything that its answer ends.
    Other,
}

impl Kind {
    /// Returns the kind of the request of `method` in `line`.
    pub(super) fn of(method: &str, line: &[u8]) -> Self {
        let about = |kind: fn(String) -> Self| message::uri(line).map_or(Self::Other, kind);
        match method {
            "initialize" => Self::Initialize,
            "server/discover" => Self::Discover,
            "subscriptions/listen" => Self::Listen { acknowledged: false },
            "resources/subscribe" => about(Self::Subscribe),
            "resources/unsubscribe" => about(Self::Unsubscribe),
            "logging/setLevel" => Self::SetLevel,
            _ => Self::Other,
        }
    }

    /// Returns whether a client gives up on a server that does not answer this soon.
    pub(super) fn opens(&self) -> bool {
        matches!(self, Self::Initialize | Self::Discover)
    }

    /// Returns whether it is a subscription of the stateless era.
    pub(super) fn listens(&self) -> bool {
        matches!(self, Self::Listen { .. })
    }
}

impl Request {
    /// Returns whether a board is to have it although the stand-in does: it is about the connection.
    pub(super) fn is_for_board(&self) -> bool {
        !self.handed || self.kind == Kind::Initialize || self.kind.listens()
    }
}

/// The unanswered requests, in the order in which the client sent them.
#[derive(Debug, Default)]
pub(super) struct Pending {
    requests: VecDeque<Request>,
    bytes: usize,
}

impl Pending {
    /// Adds the newest request.
    pub(super) fn push(&mut self, request: Request) {
        self.bytes += request.line.len();
        self.requests.push_back(request);
    }

    /// Returns the oldest request with `id`.
    pub(super) fn find(&mut self, id: &Id) -> Option<&mut Request> {
        self.iter_mut().find(|request| request.id == *id)
    }

    /// Removes the oldest request with `id`.
    pub(super) fn take(&mut self, id: &Id) -> Option<Request> {
        // Answers come roughly in order, so the search is short.
        let at = self.iter().position(|request| request.id == *id)?;
        let request = self.requests.remove(at)?;
        self.bytes -= request.line.len();
        Some(request)
    }

    /// Returns all, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter()
    }

    /// Returns all for changes, oldest first.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Request> {
        self.requests.iter_mut()
    }

    /// Returns whether no more may come for now.
    pub(super) fn is_full(&self) -> bool {
        self.requests.len() >= MAX_REQUESTS || self.bytes >= MAX_BYTES
    }
}
