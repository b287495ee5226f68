//! Moves bytes between the client's descriptors and the sockets, and waits for all of them at once.
//!
//! One thread and `poll`, because then nothing is shared and no two things happen at a time. The client's
//! descriptors may be shared with other processes and therefore stay blocking: they are read when there is
//! something, and written in pieces that fit. So the bridge waits only in `poll`, and a client that writes
//! without reading, or a board that does, blocks nothing else.
//!
//! Not for what lines mean: that is [`super::relay`].

use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::BridgeError;
use super::lines::{Line, Lines};
use super::relay::{Relay, Side};
use super::spawn::{Prospect, Starter};
use super::stand_in::{self, Hint};
use super::wire::{MAX_ANSWER, Wire, add, wanted};
use crate::board::{Clock as _, SystemClock, Time};
use crate::net::MAX_LINE;
use crate::net::hello::Hello;
use crate::net::launch::Launch;
use crate::net::reach;

/// How much is read at a time; all of it is resident.
const CHUNK: usize = 16 * 1024;
/// How much may wait for the client before its servers are not read from.
const MAX_WAITING: usize = 64 * 1024;
/// What a pipe that is ready takes without blocking: POSIX promises as much for `PIPE_BUF`.
const PIECE: usize = if cfg!(target_os = "linux") { 4_096 } else { 512 };
/// The first and the longest pause between attempts to reach a board. Each costs microseconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// The pause while a board is being started: then each millisecond is one that its first caller waits.
const HURRY: Duration = Duration::from_millis(3);
/// How long answers may take after the client's end of input.
const LAST_ANSWERS: Duration = Duration::from_secs(5);

/// A bridge at work, between `input` and `output`.
pub(super) struct Pump<I, O> {
    input: I,
    output: O,
    socket: PathBuf,
    hint: Hint,
    starter: Starter,
    clock: SystemClock,
    relay: Relay,
    client: Lines,
    board: Option<Wire>,
    stand_in: Option<Wire>,
    /// What the stand-in says to calls.
    said: Option<Hint>,
    /// Since when there is a connection to a board, or was.
    connected: Time,
    next_attempt: Time,
    pause: Duration,
    /// Whether the last board closed the connection without a word.
    turned_away: bool,
    input_end: Option<Time>,
    /// What was read from the client, of which the lines in `unread` are still to be taken.
    chunk: Vec<u8>,
    unread: Range<usize>,
    /// What was read from a server.
    server_chunk: Vec<u8>,
}

/// What can be done without waiting.
#[derive(Debug, Default)]
struct Ready {
    input: bool,
    board: bool,
    stand_in: bool,
}

impl<I: AsFd, O: AsFd> Pump<I, O> {
    /// Returns a bridge to the board at `socket`, which is started by `launch` when there is none. Until it
    /// serves, calls are answered with `hint`.
    pub(super) fn new(
        input: I,
        output: O,
        socket: PathBuf,
        launch: Option<Launch>,
        hint: Hint,
        hello: Hello,
    ) -> Self {
        let clock = SystemClock::new();
        let now = clock.now();
        Self {
            input,
            output,
            socket,
            hint,
            starter: Starter::new(launch, now),
            clock,
            relay: Relay::new(hello, now),
            client: Lines::new(MAX_LINE),
            board: None,
            stand_in: None,
            said: None,
            connected: now,
            next_attempt: now,
            pause: PAUSES.0,
            turned_away: false,
            input_end: None,
            chunk: vec![0; CHUNK],
            unread: 0..0,
            server_chunk: vec![0; CHUNK],
        }
    }

    /// Works until the client closes its end or stops listening.
    pub(super) fn run(mut self) -> Result<(), BridgeError> {
        loop {
            let now = self.clock.now();
            self.take_lines(now);
            if self.board.is_none() && self.next_attempt <= now {
                self.connect(now)?;
            }
            if self.relay.is_overdue(now) {
                self.stand_in(now);
            } else if self.stand_in.is_some() && self.relay.is_stand_in_done() {
                self.stand_in = None;
                self.relay.stand_in_went();
            }
            if !self.flush()? || self.is_done(now) {
                return Ok(());
            }
            let Some(ready) = self.wait(now)? else {
                return Ok(());
            };
            if ready.board {
                self.read_server(Side::Board);
            }
            if ready.stand_in {
                self.read_server(Side::StandIn);
            }
            if ready.input {
                self.read_client()?;
            }
        }
    }

    fn connect(&mut self, now: Time) -> Result<(), BridgeError> {
        match reach(&self.socket).and_then(Wire::over) {
            Ok(wire) => {
                tracing::debug!(socket = %self.socket.display(), "connected");
                self.board = Some(wire);
                self.connected = now;
                self.starter.found();
                self.hint.problem = None;
                self.relay.board_came(now)?;
            }
            Err(error) => {
                tracing::trace!(%error, socket = %self.socket.display(), "no board");
                self.miss(&error, now);
                self.rest(now);
            }
        }
        Ok(())
    }

    /// Sees what can be done about a missing board.
    fn miss(&mut self, error: &io::Error, now: Time) {
        if error.kind() == ErrorKind::PermissionDenied {
            self.hint.problem = Some(format!("cannot connect to {}: {error}", self.socket.display()));
            return self.relay.expect_nobody(now);
        }
        let wanted = self.relay.alarm().is_some();
        match self.starter.missed(error.kind(), wanted, now) {
            Prospect::Unchanged => {}
            Prospect::Until(until) => {
                self.pause = PAUSES.0;
                self.relay.expect_board(until);
            }
            Prospect::Failed(problem) => {
                tracing::warn!(problem, "no board could be started");
                self.hint.problem = Some(problem);
                self.relay.expect_nobody(now);
            }
        }
    }

    /// Puts the next attempt off, each time longer.
    fn rest(&mut self, now: Time) {
        if self.starter.is_hurried(now) {
            self.next_attempt = now.after(HURRY);
            return;
        }
        self.next_attempt = now.after(self.pause);
        self.pause = PAUSES.1.min(self.pause * 2);
    }

    /// Lets somebody answer what has waited long enough.
    fn stand_in(&mut self, now: Time) {
        if self.said.as_ref() != Some(&self.hint) && self.relay.is_stand_in_idle() {
            // What there is to say has changed.
            self.stand_in = None;
            self.relay.stand_in_went();
        }
        if self.stand_in.is_none() {
            match stand_in::start(self.hint.to_string()).and_then(Wire::over) {
                Ok(wire) => {
                    self.stand_in = Some(wire);
                    self.said = Some(self.hint.clone());
                    self.relay.stand_in_came(now);
                }
                Err(error) => tracing::error!(%error, "nobody can stand in for the board"),
            }
        }
        self.relay.hand_over(now);
    }

    /// Writes what fits everywhere, and tells whether the client still listens.
    fn flush(&mut self) -> Result<bool, BridgeError> {
        if let Some(board) = &self.board {
            board.write(&mut self.relay.board.outbox);
        }
        if let Some(stand_in) = &self.stand_in {
            stand_in.write(&mut self.relay.stand_in.outbox);
        }
        while !self.relay.client.is_empty() {
            let mut output = [PollFd::new(&self.output, PollFlags::OUT)];
            let ready = poll(
                &mut output,
                Some(&Timespec {
                    tv_sec: 0,
                    tv_nsec: 0,
                }),
            );
            match ready {
                Ok(0) | Err(Errno::INTR) => return Ok(true),
                Ok(_) => {}
                Err(error) => return Err(BridgeError::Wait(error.into())),
            }
            let waiting = self.relay.client.waiting();
            let piece = waiting.get(..PIECE).unwrap_or(waiting);
            match rustix::io::write(&self.output, piece) {
                Ok(count) => self.relay.client.advance(count),
                Err(Errno::AGAIN | Errno::INTR) => return Ok(true),
                Err(Errno::PIPE | Errno::CONNRESET) => return Ok(false),
                Err(error) => return Err(BridgeError::Output(error.into())),
            }
        }
        Ok(true)
    }

    /// Returns whether the client wants no more and has all it can get.
    fn is_done(&self, now: Time) -> bool {
        let Some(end) = self.input_end else { return false };
        let unsent = self.board.is_some() && !self.relay.board.outbox.is_empty();
        let open =
            unsent || !self.unread.is_empty() || self.relay.owes_answers() || !self.relay.client.is_empty();
        !open || now.since(end) >= LAST_ANSWERS
    }

    /// Waits until something can be done, and returns what, or `None` when the client listens no more.
    fn wait(&mut self, now: Time) -> Result<Option<Ready>, BridgeError> {
        let has_room = self.relay.has_room();
        // Writing may just have made room for lines that were read before.
        let again = (has_room && !self.unread.is_empty()).then_some(now);
        let timeout = again.or_else(|| self.next_deadline()).map(|at| at.since(now));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let take_lines = has_room && self.unread.is_empty() && self.input_end.is_none();
        let take_answers = self.relay.client.waiting().len() < MAX_WAITING;

        let mut fds = Vec::with_capacity(4);
        let output = wanted(false, !self.relay.client.is_empty());
        // Also when nothing is to be written: the other end may close.
        let output = add(&mut fds, Some(PollFd::new(&self.output, output)));
        let input = add(
            &mut fds,
            take_lines.then(|| PollFd::new(&self.input, PollFlags::IN)),
        );
        let board = self
            .board
            .as_ref()
            .and_then(|wire| wire.watch(&self.relay.board, take_answers));
        let board = add(&mut fds, board);
        let stand_in = self
            .stand_in
            .as_ref()
            .and_then(|wire| wire.watch(&self.relay.stand_in, take_answers));
        let stand_in = add(&mut fds, stand_in);
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Some(Ready::default())),
            Err(error) => return Err(BridgeError::Wait(error.into())),
        }
        let has = |at: Option<usize>, flags: PollFlags| {
            at.and_then(|at| fds.get(at))
                .is_some_and(|fd| fd.revents().intersects(flags))
        };
        let closed = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
        let readable = PollFlags::IN | closed;
        let ready = Ready {
            input: has(input, readable),
            board: has(board, readable),
            stand_in: has(stand_in, readable),
        };
        Ok((!has(output, closed)).then_some(ready))
    }

    fn next_deadline(&self) -> Option<Time> {
        let attempt = self.board.is_none().then_some(self.next_attempt);
        let end = self.input_end.map(|end| end.after(LAST_ANSWERS));
        [self.relay.alarm(), attempt, end].into_iter().flatten().min()
    }

    fn read_client(&mut self) -> Result<(), BridgeError> {
        let count = match rustix::io::read(&self.input, &mut self.chunk[..]) {
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(BridgeError::Input(error.into())),
        };
        self.unread = 0..count;
        if count == 0 {
            // Who leaves out the end of the last line means it all the same.
            self.chunk.splice(..1, *b"\n");
            self.unread = 0..1;
            self.input_end = Some(self.clock.now());
        }
        Ok(())
    }

    /// Takes lines that were read from the client, as long as there is room for what they ask.
    fn take_lines(&mut self, now: Time) {
        if self.unread.is_empty() {
            return;
        }
        let mut rest = self.chunk.get(self.unread.clone()).unwrap_or_default();
        while self.relay.has_room()
            && let Some(line) = self.client.next(&mut rest)
        {
            match line {
                Line::Whole(line) => self.relay.client_line(line, now),
                Line::TooLong(id) => self.relay.client_line_skipped(id.as_ref(), MAX_LINE),
            }
        }
        self.unread.start = self.unread.end - rest.len();
        if self.board.is_none() && self.relay.alarm().is_some() && !self.turned_away {
            // Somebody waits for a board, and one may have started a moment ago.
            self.next_attempt = now;
        }
    }

    fn read_server(&mut self, side: Side) {
        let place = match side {
            Side::Board => &mut self.board,
            Side::StandIn => &mut self.stand_in,
        };
        let Some(wire) = place else { return };
        match rustix::io::read(&wire.stream, &mut self.server_chunk[..]) {
            Ok(count) if count > 0 => {
                let mut piece = self.server_chunk.get(..count).unwrap_or_default();
                while let Some(line) = wire.lines.next(&mut piece) {
                    match line {
                        Line::Whole(line) => self.relay.server_line(side, line),
                        Line::TooLong(id) => self.relay.server_line_skipped(id.as_ref(), MAX_ANSWER),
                    }
                }
            }
            Err(Errno::AGAIN | Errno::INTR) => {}
            Ok(_) | Err(_) => {
                *place = None;
                self.lost(side);
            }
        }
    }

    fn lost(&mut self, side: Side) {
        let now = self.clock.now();
        match side {
            Side::StandIn => self.relay.stand_in_went(),
            Side::Board => {
                tracing::debug!("the board closed the connection");
                self.turned_away = !self.relay.board.proved(now);
                if self.turned_away {
                    self.rest(now);
                } else {
                    self.pause = PAUSES.0;
                    self.next_attempt = now;
                    self.starter.lost(now.since(self.connected), now);
                }
                self.relay.board_went(now);
            }
        }
    }
}
