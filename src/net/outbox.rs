//! What is to be written to a connection.
//!
//! Whoever has an answer writes it to the socket himself when nothing waits there, which saves waking a
//! task for it; what the socket does not take waits for the connection's loop. Answers to lines that were
//! read together leave together: the loop corks the outbox meanwhile.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::model::{ErrorCode, ErrorData, RequestId, ServerJsonRpcMessage};
use rustix::net::{Shutdown, shutdown};
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::Notify;

/// When this much waits, nothing more is read from the connection until the peer has taken some.
const HIGH_WATER: usize = 4 * 1024 * 1024;
/// An empty buffer larger than this is given back.
const KEPT: usize = 256 * 1024;

/// The outgoing half of a connection; tasks that answer share it.
#[derive(Debug)]
pub(super) struct Outbox {
    stream: OwnedWriteHalf,
    queue: Mutex<Queue>,
    /// Wakes the connection's loop when something is left for it to write.
    leftover: Notify,
    /// Wakes those who wait for room.
    room: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    /// How many of the bytes the socket has taken.
    sent: usize,
    corked: bool,
    /// The peer is gone; what is pushed goes nowhere.
    broken: bool,
}

impl Outbox {
    pub(super) fn new(stream: OwnedWriteHalf) -> Self {
        Self {
            stream,
            queue: Mutex::default(),
            leftover: Notify::new(),
            room: Notify::new(),
        }
    }

    /// Queues a message and writes what the socket takes.
    pub(super) fn push(&self, message: &ServerJsonRpcMessage) {
        self.add(|bytes| write_line(bytes, message));
    }

    /// Queues an error and writes what the socket takes.
    pub(super) fn refuse(&self, error: ErrorData, id: Option<RequestId>) {
        self.push(&ServerJsonRpcMessage::error(error, id));
    }

    /// Queues a line of [`to_line`] and writes what the socket takes.
    pub(super) fn push_line(&self, line: &[u8]) {
        self.add(|bytes| bytes.extend_from_slice(line));
    }

    fn add(&self, line: impl FnOnce(&mut Vec<u8>)) {
        self.change(|queue| {
            if !queue.broken {
                line(&mut queue.bytes);
            }
        });
    }

    /// Changes the queue, and writes what the socket takes of it.
    fn change(&self, change: impl FnOnce(&mut Queue)) {
        let left = {
            let mut queue = self.queue();
            change(&mut queue);
            !queue.corked && self.write(&mut queue)
        };
        if left {
            self.leftover.notify_one();
        }
    }

    /// Holds back what is pushed until [`Self::uncork`].
    pub(super) fn cork(&self) {
        self.queue().corked = true;
    }

    /// Writes what was held back.
    pub(super) fn uncork(&self) {
        self.change(|queue| queue.corked = false);
    }

    /// Tells whether another request may be served.
    pub(super) fn has_room(&self) -> bool {
        self.queue().waiting() < HIGH_WATER
    }

    /// Tells whether everything has been written, or never will be.
    pub(super) fn is_empty(&self) -> bool {
        self.queue().waiting() == 0
    }

    /// Waits for room, so that what answers later cannot pile up before a peer that does not read.
    pub(super) async fn room(&self) {
        loop {
            let room = self.room.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            if self.has_room() {
                return;
            }
            room.await;
        }
    }

    /// Waits for something left to write and for the socket to take it, and writes some.
    /// Fails when the peer is gone. Dropping it loses nothing.
    pub(super) async fn drain(&self) -> io::Result<()> {
        while self.queue().is_idle() {
            self.leftover.notified().await;
        }
        self.stream.writable().await?;
        let broken = {
            let mut queue = self.queue();
            self.write(&mut queue);
            queue.broken
        };
        if broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// Waits until the peer has closed both ways, which tells its death from the end of its input.
    pub(super) async fn hung_up(&self) {
        const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(50);
        while let Ok(ready) = self.stream.ready(Interest::WRITABLE).await
            && !ready.is_write_closed()
        {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Closes both ways for whoever is at the other end. What was sent by then can still be read.
    pub(super) fn hang_up(&self) {
        hang_up(self.stream.as_ref());
    }

    /// Writes what the socket takes, and tells whether something is left.
    fn write(&self, queue: &mut Queue) -> bool {
        let had_room = queue.waiting() < HIGH_WATER;
        while queue.waiting() > 0 {
            match self
                .stream
                .try_write(queue.bytes.get(queue.sent..).unwrap_or_default())
            {
                Ok(count) if count > 0 => queue.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => {
                    queue.broken = true;
                    queue.bytes.clear();
                    queue.sent = 0;
                }
            }
        }
        if queue.waiting() == 0 {
            queue.bytes.clear();
            queue.sent = 0;
            queue.bytes.shrink_to(KEPT);
        } else if queue.sent > HIGH_WATER {
            let sent = std::mem::take(&mut queue.sent);
            queue.bytes.drain(..sent);
        }
        if !had_room && queue.waiting() < HIGH_WATER {
            self.room.notify_waiters();
        }
        queue.waiting() > 0 || queue.broken
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes `stream` both ways for whoever is at the other end. What was sent by then can still be read.
pub(super) fn hang_up(stream: &UnixStream) {
    if let Err(error) = shutdown(stream, Shutdown::Both) {
        tracing::debug!(%error, "a connection was closed already");
    }
}

/// Returns `message` as the line that [`Outbox::push_line`] takes.
pub(super) fn to_line(message: &ServerJsonRpcMessage) -> Arc<[u8]> {
    let mut line = Vec::new();
    write_line(&mut line, message);
    line.into()
}

/// Appends `message` and a newline. One that has no JSON becomes an error under the same id, because a
/// request without an answer would be waited for for ever.
fn write_line(bytes: &mut Vec<u8>, message: &ServerJsonRpcMessage) {
    let whole = bytes.len();
    if let Err(error) = serde_json::to_writer(&mut *bytes, message) {
        tracing::error!(%error, "an answer cannot be written as JSON");
        bytes.truncate(whole);
        let id = match message {
            ServerJsonRpcMessage::Response(response) => serde_json::to_string(&response.id).ok(),
            _ => None,
        };
        let id = id.unwrap_or_else(|| "null".to_owned());
        let code = ErrorCode::INTERNAL_ERROR.0;
        let error = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"the answer cannot be written as JSON"}}}}"#
        );
        bytes.extend_from_slice(error.as_bytes());
    }
    bytes.push(b'\n');
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.sent
    }

    fn is_idle(&self) -> bool {
        self.waiting() == 0 && !self.broken
    }
}
