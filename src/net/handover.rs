//! A board changes hands: the process that serves it gives it to another one, and no request is lost.
//!
//! The successor connects like anybody else and asks in its first line. Whoever serves lets its clients go, and
//! gives three things over that connection: the lock, the socket that accepts, and what the board knows. Lock and
//! socket are never free meanwhile: who connects waits to be accepted, and no third process can serve.
//!
//! Responsible for what the two say to each other. Not for who may ask, nor for what a board is made of.
//!
//! Invariant: the board is the successor's from the moment at which it has said that it takes it, and not before.
//! Until then either may die or give up, and the predecessor serves on. Who has given up can be told nothing any more,
//! so the two never disagree.

use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recv, recvmsg, sendmsg,
};
use serde::{Deserialize, Serialize};

use super::listen::{ListenError, Listening};
use super::project::Project;
use super::reach::reach;

/// What the two speak. A board is only given to a process that speaks the same.
const VERSION: u32 = 2;
/// How the line begins that asks for the board, byte for byte.
const OPENING: &[u8] = b"{\"callboard/handover\":";
/// How long either waits for the other's next word. Clients wait as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest line between the two.
const MAX_LINE: usize = 4_096;
/// What stands on the connection where the descriptors are handed over, since they need a byte to ride on.
const WITH_DESCRIPTORS: [u8; 1] = *b"\n";
/// How many descriptors there are: the lock and the socket.
const DESCRIPTORS: usize = 2;

/// Why a board has not changed hands.
#[derive(Debug, thiserror::Error)]
pub enum HandoverError {
    /// Nobody serves any more.
    #[error("nobody serves the board any more")]
    Gone,
    /// Whoever serves does not give it.
    #[error("{0}")]
    Refused(String),
    /// The other end does not say what it should.
    #[error(
        "the other process does not speak this version's language; end the board with `callboard stop` and start it anew"
    )]
    Foreign,
    /// Whoever serves says nothing.
    #[error("it does not answer")]
    Silent,
    /// The system refuses, or the other end has gone.
    #[error("cannot {doing}: {source}")]
    System {
        /// What was tried.
        doing: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The socket cannot be gone on with.
    #[error(transparent)]
    Listen(#[from] ListenError),
}

/// What a process says that wants the board.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ask {
    version: u32,
    /// Whether it will show the board to a person.
    screen: bool,
}

#[derive(Serialize, Deserialize)]
struct Opening {
    #[serde(rename = "callboard/handover")]
    ask: Ask,
}

/// What follows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Word {
    /// The predecessor keeps the board, and why.
    Refused(String),
    /// The predecessor offers it: the descriptors follow, and so many bytes.
    Offered {
        /// How long the image is.
        bytes: u64,
    },
    /// The successor can serve it, and does.
    Taken,
}

impl Ask {
    /// Returns what `line` asks, `None` when it asks nothing of the kind.
    pub(super) fn read(line: &[u8]) -> Option<Result<Self, serde_json::Error>> {
        line.starts_with(OPENING)
            .then(|| Ok(serde_json::from_slice::<Opening>(line)?.ask))
    }
}

/// A board that stays where it is.
#[derive(Debug)]
pub struct Kept {
    /// The socket, to be served on.
    pub listening: Listening,
    /// Why.
    pub error: HandoverError,
}

/// A process that asks for the board, as the one that serves sees it.
#[derive(Debug)]
pub struct Successor {
    stream: UnixStream,
    pid: Option<u32>,
    ask: Ask,
}

impl Successor {
    /// Returns who asks on `stream`, `None` when it speaks another version: then it has been told that it does not
    /// get the board.
    pub(super) fn of(stream: tokio::net::UnixStream, pid: Option<u32>, ask: Ask) -> io::Result<Option<Self>> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        set_patience(&stream)?;
        let successor = Self { stream, pid, ask };
        if ask.version == VERSION {
            return Ok(Some(successor));
        }
        successor.refuse(concat!(
            "the running board is of another version (",
            env!("CARGO_PKG_VERSION"),
            "); end it with `callboard stop` and start it anew"
        ));
        Ok(None)
    }

    /// Tells whether it still waits for an answer.
    pub fn is_there(&self) -> bool {
        let mut byte = [0];
        let looked = recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        looked.map(|(count, _)| count) == Err(Errno::AGAIN)
    }

    /// Returns its process, if the system tells.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// Tells whether it will show the board to a person.
    pub fn has_screen(&self) -> bool {
        self.ask.screen
    }

    /// Says that it does not get the board, and why.
    pub fn refuse(mut self, why: &str) {
        if let Err(error) = say(&mut self.stream, &Word::Refused(why.to_owned())) {
            tracing::debug!(%error, "a process that asked for the board was not told why it does not get it");
        }
    }

    /// Gives it what `listening` serves, and `image`, which is what the board knows. Blocks until the successor
    /// has it.
    pub fn give(mut self, listening: Listening, image: &[u8]) -> Result<(), Box<Kept>> {
        match self.offer(&listening, image) {
            Ok(()) => {
                listening.leave();
                // It closes when the lock file names it; who looks at the board after this process finds it there.
                if let Err(error) = hear(&mut self.stream)
                    && error.kind() != io::ErrorKind::UnexpectedEof
                {
                    tracing::warn!(%error, "the process that has the board now does not say so");
                }
                Ok(())
            }
            Err(error) => Err(Box::new(Kept { listening, error })),
        }
    }

    fn offer(&mut self, listening: &Listening, image: &[u8]) -> Result<(), HandoverError> {
        let failed = |doing| move |source| HandoverError::System { doing, source };
        let offered = Word::Offered {
            bytes: image.len() as u64,
        };
        say(&mut self.stream, &offered)
            .and_then(|()| send_descriptors(&self.stream, listening))
            .and_then(|()| self.stream.write_all(image))
            .map_err(failed("offer the board"))?;
        let heard = hear(&mut self.stream).or_else(|error| {
            // It may say so at this very moment: either that is heard, or it can be said no more.
            self.stream.shutdown(Shutdown::Both)?;
            hear(&mut self.stream).map_err(|_| error)
        });
        match heard.map_err(failed("hear whether the board is taken"))? {
            Some(Word::Taken) => Ok(()),
            _ => Err(HandoverError::Foreign),
        }
    }
}

/// A board that is offered to this process. Dropping it leaves the board where it is.
#[derive(Debug)]
pub struct Offer {
    predecessor: UnixStream,
    lock: OwnedFd,
    listener: OwnedFd,
    image: Vec<u8>,
}

impl Offer {
    /// Asks whoever serves `project` for its board; `screen` says whether a person will see it. Blocks until
    /// there is an answer.
    pub fn ask(project: &Project, screen: bool) -> Result<Self, HandoverError> {
        // Who ends at this very moment may do so in the middle of any word.
        let failed = |doing| {
            move |source: io::Error| match source.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    HandoverError::Gone
                }
                io::ErrorKind::WouldBlock => HandoverError::Silent,
                _ => HandoverError::System { doing, source },
            }
        };
        let mut predecessor = connect(&project.socket)?;
        let ask = Ask {
            version: VERSION,
            screen,
        };
        let asked = serde_json::to_vec(&Opening { ask }).map_err(io::Error::from);
        asked
            .and_then(|line| write_line(&mut predecessor, line))
            .map_err(failed("ask for the board"))?;
        let bytes = match hear(&mut predecessor) {
            Ok(Some(Word::Offered { bytes })) => bytes,
            Ok(Some(Word::Refused(why))) => return Err(HandoverError::Refused(why)),
            Ok(_) => return Err(HandoverError::Foreign),
            Err(error) => return Err(failed("hear whether the board is given")(error)),
        };
        let [lock, listener] = receive_descriptors(&predecessor)
            .map_err(failed("take over the socket"))?
            .ok_or(HandoverError::Foreign)?;
        let mut image = Vec::new();
        (&mut predecessor)
            .take(bytes)
            .read_to_end(&mut image)
            .map_err(failed("receive the board"))?;
        if image.len() as u64 != bytes {
            return Err(HandoverError::Gone);
        }
        Ok(Self {
            predecessor,
            lock,
            listener,
            image,
        })
    }

    /// Returns what the board knows.
    pub fn image(&self) -> &[u8] {
        &self.image
    }

    /// Takes the board: from now on this process serves `project`. Needs a tokio runtime around it.
    pub fn accept(self, project: &Project) -> Result<Listening, HandoverError> {
        let Self {
            mut predecessor,
            lock,
            listener,
            image: _,
        } = self;
        let failed = |source| HandoverError::System {
            doing: "take the board",
            source,
        };
        // Whatever can fail does so before the board is ours.
        let mut listening = Listening::offered(lock, listener, project)?;
        say(&mut predecessor, &Word::Taken).map_err(failed)?;
        listening.keep(project);
        // Only now the connection is closed, by which the predecessor knows that it can go.
        drop(predecessor);
        Ok(listening)
    }
}

fn connect(socket: &Path) -> Result<UnixStream, HandoverError> {
    let connected = reach(socket);
    let stream = connected.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => HandoverError::Gone,
        _ => HandoverError::System {
            doing: "reach the board",
            source,
        },
    })?;
    let patient = set_patience(&stream);
    patient.map_err(|source| HandoverError::System {
        doing: "set a time limit",
        source,
    })?;
    Ok(stream)
}

fn set_patience(stream: &UnixStream) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))
}

fn say(stream: &mut UnixStream, word: &Word) -> io::Result<()> {
    write_line(stream, serde_json::to_vec(word)?)
}

fn write_line(stream: &mut UnixStream, mut line: Vec<u8>) -> io::Result<()> {
    line.push(b'\n');
    stream.write_all(&line)
}

/// Returns the next word, `None` when it is none. Not a byte more is read, for what follows may be no line.
fn hear(stream: &mut UnixStream) -> io::Result<Option<Word>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte)?;
        match byte {
            [b'\n'] => return Ok(serde_json::from_slice(&line).ok()),
            _ if line.len() == MAX_LINE => return Ok(None),
            [byte] => line.push(byte),
        }
    }
}

fn send_descriptors(stream: &UnixStream, listening: &Listening) -> io::Result<()> {
    let descriptors = listening.descriptors();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("there is no room for the descriptors"));
    }
    sendmsg(
        stream,
        &[IoSlice::new(&WITH_DESCRIPTORS)],
        &mut ancillary,
        SendFlags::empty(),
    )?;
    Ok(())
}

/// Returns the descriptors, `None` when there are others than there should be.
fn receive_descriptors(stream: &UnixStream) -> io::Result<Option<[OwnedFd; DESCRIPTORS]>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut byte)],
        &mut ancillary,
        RecvFlags::empty(),
    )?;
    let received = ancillary.drain().flat_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => descriptors.collect(),
        _ => Vec::new(),
    });
    let received: Vec<OwnedFd> = received.collect();
    for descriptor in &received {
        fcntl_setfd(descriptor, FdFlags::CLOEXEC)?;
    }
    Ok(received.try_into().ok())
}

#[cfg(test)]
mod tests;
