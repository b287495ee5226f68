//! One connection to a server, as bytes: what is read of it, what is written to it, when to look at it.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use super::lines::Lines;
use super::link::Link;
use super::outbox::Outbox;
use crate::net::MAX_LINE;

/// The longest answer that is passed on: the longest value escaped in the longest way, structured and as text.
pub(super) const MAX_ANSWER: usize = 3 * MAX_LINE;
/// A connection to a server.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) stream: UnixStream,
    pub(super) lines: Lines,
}

impl Wire {
    /// Takes over a connection.
    pub(super) fn over(stream: UnixStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            lines: Lines::new(MAX_ANSWER),
        })
    }

    /// Returns what to wait for, if anything: a server that is neither read from nor written to is not
    /// watched, because its end could not be acted on.
    pub(super) fn watch(&self, link: &Link, read: bool) -> Option<PollFd<'_>> {
        let flags = wanted(read, !link.outbox.is_empty());
        (!flags.is_empty()).then(|| PollFd::new(&self.stream, flags))
    }

    /// Writes what the socket takes.
    pub(super) fn write(&self, outbox: &mut Outbox) {
        while !outbox.is_empty() {
            match rustix::io::write(&self.stream, outbox.waiting()) {
                Ok(count) => outbox.advance(count),
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(error) => {
                    // What the server said before it went is still to be read; then reading finds the end.
                    tracing::debug!(%error, "a server takes no more");
                    outbox.clear();
                    if let Err(error) = self.stream.shutdown(Shutdown::Both) {
                        tracing::trace!(%error, "it was shut down already");
                    }
                }
            }
        }
    }
}

/// Returns what to wait for.
pub(super) fn wanted(read: bool, write: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    flags
}

/// Adds a descriptor to wait for and returns its place.
pub(super) fn add<'fd>(fds: &mut Vec<PollFd<'fd>>, fd: Option<PollFd<'fd>>) -> Option<usize> {
    fds.push(fd?);
    Some(fds.len() - 1)
}
