//! What the bridge decides: which line goes where, what is sent again, who answers.
//!
//! Pure: it is given lines, ends and beginnings of connections, and the time, and fills outboxes. So every
//! order of events can be shown to it in a test. Descriptors and waiting are the pump's.
//!
//! Invariants:
//!
//! - Each request gets one answer: an answer leaves only for a request that is pending, and ends it.
//! - A request that was answered is never sent again; one that was not is sent to each new board, once, in
//!   the order in which the client sent them.

use std::time::Duration;

use serde_json::Value;

use super::link::Link;
use super::message::{self, Id, Message, Unreadable};
use super::opening::Opening;
use super::outbox::Outbox;
use super::pending::{Kind, Pending, Request};
use crate::board::Time;
use crate::net::hello::Hello;

/// How long an opening waits for a board. Clients give up on a server that does not open within seconds.
pub(super) const ARRIVAL: Duration = Duration::from_millis(500);
/// How long other requests wait for a board that has just gone.
const ABSENCE: Duration = Duration::from_secs(1);
/// How long what was under way waits for a board that went away: as long as a restart takes.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// JSON-RPC's code for a fault of the server's.
const INTERNAL_ERROR: i32 = -32603;

/// Who serves: the board, or who stands in for it while it is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Board,
    StandIn,
}

/// Everything that the bridge knows.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) client: Outbox,
    pub(super) board: Link,
    pub(super) stand_in: Link,
    hello: Hello,
    opening: Opening,
    pending: Pending,
    /// Until when requests wait for a board; none while there is one.
    patience: Option<Time>,
    /// Until when a board that is being started may take; openings do not wait for it.
    expected: Time,
    /// A moment not after the first deadline.
    alarm: Option<Time>,
    replays: u64,
    /// Whether the client has not been sent all complaints about its lines.
    complained: bool,
}

impl Relay {
    /// Returns the relay of a client whose connections begin with `hello`. No board is there yet.
    pub(super) fn new(hello: Hello, now: Time) -> Self {
        Self {
            client: Outbox::default(),
            board: Link::default(),
            stand_in: Link::default(),
            hello,
            opening: Opening::default(),
            pending: Pending::default(),
            patience: Some(now.after(ARRIVAL)),
            expected: now,
            alarm: None,
            replays: 0,
            complained: false,
        }
    }

    /// Takes a line from the client.
    pub(super) fn client_line(&mut self, line: &mut Vec<u8>, now: Time) {
        match Message::read(line) {
            Ok(Message::Request { id, method }) => {
                let kind = Kind::of(&method, line);
                self.request(id, kind, std::mem::take(line), now);
            }
            Ok(Message::Notification { method }) => {
                match &*method {
                    "notifications/initialized" => self.opening.initialized(line),
                    "notifications/cancelled" => self.cancelled(line),
                    _ => {}
                }
                self.board.push(line);
            }
            Ok(Message::Response { id, .. }) => {
                // The board that asked may be gone, and the next one may use the same id for another question.
                if id.is_some_and(|id| self.board.answered(&id)) {
                    self.board.push(line);
                } else {
                    tracing::debug!("an answer to nobody's question was dropped");
                }
            }
            Err(Unreadable { id, code, problem }) => self.complain(id.as_ref(), code, &problem),
        }
    }

    /// Learns that the client sent a line of more than `limit` bytes, which was skipped.
    pub(super) fn client_line_skipped(&mut self, id: Option<&Id>, limit: usize) {
        let problem = format!("the line is longer than {limit} bytes; it was skipped");
        self.complain(id, message::INVALID_REQUEST, &problem);
    }

    fn request(&mut self, id: Id, kind: Kind, line: Vec<u8>, now: Time) {
        let deadline = self.deadline(&kind, now);
        self.set_alarm(deadline);
        self.board.push(&line);
        self.pending.push(Request {
            id,
            line,
            kind,
            since: now,
            sent: self.board.is_up(),
            handed: false,
            deadline,
        });
    }

    /// Returns until when a request that comes now waits for a board.
    fn deadline(&self, kind: &Kind, now: Time) -> Option<Time> {
        if self.board.is_up() {
            return kind.opens().then(|| now.after(ARRIVAL));
        }
        let limit = now.after(if kind.opens() { ARRIVAL } else { ABSENCE });
        let limit = self.patience.map_or(limit, |patience| patience.min(limit));
        Some(if kind.opens() {
            limit
        } else {
            limit.max(self.expected)
        })
    }

    fn cancelled(&mut self, line: &[u8]) {
        if let Some(id) = message::cancelled(line) {
            self.pending.take(&id);
        }
    }

    /// Takes a line from whoever serves.
    pub(super) fn server_line(&mut self, side: Side, line: &mut Vec<u8>) {
        match Message::read(line) {
            Ok(Message::Response { id: None, .. }) => {
                // All that the bridge sends can be read, so this is about the connection: there are too many.
                return tracing::warn!(?side, text = %String::from_utf8_lossy(line), "a server complains");
            }
            Ok(Message::Response { id: Some(id), failed }) => self.response(side, &id, failed, line),
            Ok(Message::Request { id, .. }) => {
                self.link(side).asks(id);
                self.client.push(line);
            }
            Ok(Message::Notification { method }) => {
                if method != "notifications/subscriptions/acknowledged" || self.acknowledged(line) {
                    self.client.push(line);
                }
            }
            Err(Unreadable { problem, .. }) => {
                return tracing::warn!(?side, problem, "a line was dropped");
            }
        }
        if side == Side::Board && self.board.heard() {
            self.found_board();
        }
    }

    /// Learns that a server sent a line of more than `limit` bytes, which was skipped.
    pub(super) fn server_line_skipped(&mut self, id: Option<&Id>, limit: usize) {
        tracing::warn!(limit, "an answer was too long");
        if let Some(request) = id.and_then(|id| self.pending.take(id)) {
            let problem = format!("the answer is longer than {limit} bytes; ask for less at a time");
            self.fail(&request.id, &problem);
        }
    }

    fn response(&mut self, side: Side, id: &Id, failed: bool, line: &mut Vec<u8>) {
        if self.link(side).replayed(id) {
            if failed {
                tracing::warn!(?side, "the opening was refused when it was repeated");
            }
            return;
        }
        let ends = |request: &mut Request| failed || !request.kind.listens();
        match self.pending.find(id).map(ends) {
            Some(true) => {}
            // A board ends subscriptions when it goes; the next one is asked again.
            Some(false) => return,
            None => return tracing::debug!(?side, "an answer that nobody waits for was dropped"),
        }
        self.client.push_owned(line);
        if let Some(request) = self.pending.take(id).filter(|_| !failed) {
            self.opening.accepted(request);
        }
    }

    /// Notes an acknowledgement, and tells whether the client has not seen it before.
    fn acknowledged(&mut self, line: &[u8]) -> bool {
        let request = message::subscription(line).and_then(|id| self.pending.find(&id));
        match request.map(|request| &mut request.kind) {
            Some(Kind::Listen { acknowledged }) => !std::mem::replace(acknowledged, true),
            _ => true,
        }
    }

    /// Learns that a board accepted the connection, and says everything that it must hear.
    pub(super) fn board_came(&mut self, now: Time) -> Result<(), serde_json::Error> {
        let for_board = || self.pending.iter().filter(|request| request.is_for_board());
        let sent = || for_board().filter(|request| request.sent);
        self.hello.repeats = sent()
            .map(|request| request.id.to_value())
            .collect::<Result<_, _>>()?;
        let waited = sent().map(|request| now.since(request.since).as_millis());
        self.hello.waited_ms = waited
            .map(|waited| u64::try_from(waited).unwrap_or(u64::MAX))
            .collect();
        let hello = self.hello.to_line()?;
        self.board.open(now);
        self.board.push(&hello);
        self.replay(Side::Board);
        for request in self.pending.iter_mut().filter(|request| request.is_for_board()) {
            self.board.push(&request.line);
            request.sent = true;
        }
        Ok(())
    }

    /// Learns that the connection to the board has ended.
    pub(super) fn board_went(&mut self, now: Time) {
        if self.board.proved(now) {
            self.patience = Some(now.after(GRACE));
        }
        self.board.close();
        for request in self.pending.iter_mut() {
            let content = matches!(request.kind, Kind::Listen { acknowledged: true });
            if !content && !request.handed {
                request.deadline.get_or_insert(now.after(GRACE));
            }
        }
        self.set_next_alarm();
    }

    /// Learns that a board is being started, which may take until `until`.
    pub(super) fn expect_board(&mut self, until: Time) {
        self.expected = until;
        for request in self.pending.iter_mut().filter(|request| !request.kind.opens()) {
            request.deadline = request.deadline.map(|deadline| deadline.max(until));
        }
        self.set_next_alarm();
    }

    /// Learns at `now` that no board comes: nobody is to wait for one.
    pub(super) fn expect_nobody(&mut self, now: Time) {
        self.expected = now;
        self.patience = Some(now);
        for request in self.pending.iter_mut() {
            request.deadline = request.deadline.map(|deadline| deadline.min(now));
        }
        self.set_next_alarm();
    }

    /// A board has spoken: what waits, waits for it.
    fn found_board(&mut self) {
        self.patience = None;
        self.expected = Time::default();
        self.alarm = None;
        for request in self.pending.iter_mut() {
            request.deadline = None;
        }
    }

    /// Returns whether somebody has waited long enough at `now`.
    pub(super) fn is_overdue(&mut self, now: Time) -> bool {
        let rings = |alarm: Option<Time>| alarm.is_some_and(|alarm| alarm <= now);
        if rings(self.alarm) {
            // Whoever set it may have been answered.
            self.set_next_alarm();
        }
        rings(self.alarm)
    }

    /// Gives the stand-in what has waited long enough, or refuses it when there is none.
    pub(super) fn hand_over(&mut self, now: Time) {
        let board = self.board.is_up();
        for request in self.pending.iter_mut() {
            if request.deadline.is_some_and(|deadline| deadline <= now) && may_be_handed(request, board) {
                request.deadline = None;
                request.handed = true;
                self.stand_in.push(&request.line);
            }
        }
        if !self.stand_in.is_up() {
            self.stand_in_went();
        }
        self.set_next_alarm();
    }

    /// Learns that there is somebody to stand in for the board.
    pub(super) fn stand_in_came(&mut self, now: Time) {
        self.stand_in.open(now);
        self.replay(Side::StandIn);
    }

    /// Learns that nobody stands in any more; what was handed over must be answered all the same.
    pub(super) fn stand_in_went(&mut self) {
        self.stand_in.close();
        let lost = self
            .pending
            .iter()
            .filter(|request| request.handed && !request.kind.listens());
        for id in lost.map(|request| request.id.clone()).collect::<Vec<_>>() {
            self.pending.take(&id);
            self.fail(
                &id,
                "there is no board, and nobody to stand in for it; start one with `callboard`",
            );
        }
    }

    /// Returns whether the stand-in has nothing left to do.
    pub(super) fn is_stand_in_done(&self) -> bool {
        self.patience.is_none() && self.is_stand_in_idle()
    }

    /// Returns whether the stand-in owes no answer.
    pub(super) fn is_stand_in_idle(&self) -> bool {
        let mut pending = self.pending.iter();
        !pending.any(|request| request.handed && !request.kind.listens())
    }

    /// Returns when to look again, if nothing happens before.
    pub(super) fn alarm(&self) -> Option<Time> {
        self.alarm
    }

    /// Returns whether the client waits for an answer that will come.
    pub(super) fn owes_answers(&self) -> bool {
        self.pending.iter().any(|request| !request.kind.listens())
    }

    /// Returns whether another line of the client's can be taken.
    pub(super) fn has_room(&mut self) -> bool {
        // A client that sends nonsense and does not read the answers is not read from.
        self.complained &= !self.client.is_empty();
        !self.complained && !self.pending.is_full() && self.board.has_room() && self.stand_in.has_room()
    }

    fn deadlines(&self) -> impl Iterator<Item = Time> {
        let board = self.board.is_up();
        let waiting = self
            .pending
            .iter()
            .filter(move |request| may_be_handed(request, board));
        waiting.filter_map(|request| request.deadline)
    }

    fn set_alarm(&mut self, at: Option<Time>) {
        self.alarm = self.alarm.into_iter().chain(at).min();
    }

    fn set_next_alarm(&mut self) {
        self.alarm = self.deadlines().min();
    }

    fn replay(&mut self, side: Side) {
        let replays = &mut self.replays;
        let (lines, ids) = self.opening.replay(|| {
            *replays += 1;
            Id::of_text(&format!("callboard/bridge/{replays}"))
        });
        self.link(side).replay(&lines, ids);
    }

    fn link(&mut self, side: Side) -> &mut Link {
        match side {
            Side::Board => &mut self.board,
            Side::StandIn => &mut self.stand_in,
        }
    }

    fn complain(&mut self, id: Option<&Id>, code: i32, problem: &str) {
        self.complained = true;
        let id = id.map_or("null", Id::as_json);
        let message = Value::from(problem);
        let line = format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":{code},\"message\":{message}}}}}\n"
        );
        self.client.push(line.as_bytes());
    }

    fn fail(&mut self, id: &Id, problem: &str) {
        self.complain(Some(id), INTERNAL_ERROR, problem);
    }
}

/// A board that is there keeps what it was given; but if it stays silent, the client is kept from leaving.
fn may_be_handed(request: &Request, board: bool) -> bool {
    !board || request.kind.opens()
}

#[cfg(test)]
mod tests;
