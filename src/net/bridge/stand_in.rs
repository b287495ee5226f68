//! Who answers while no board is there: the handler without a board, on a thread of its own.
//!
//! It is reached through a socket pair, so to the pump it is one more server. Most bridges never need it.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use tokio::runtime;
use tokio_util::sync::CancellationToken;

use crate::mcp::Handler;
use crate::net::connection::{Conversation, Ends, Wire};
use crate::net::lines::Lines;
use crate::net::outbox::Outbox;
use crate::net::traffic::Traffic;

/// What agents are told while there is no board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hint {
    pub(super) project_dir: PathBuf,
    /// Why none could be started, when that was tried.
    pub(super) problem: Option<String>,
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let place = self.project_dir.display();
        match &self.problem {
            None => write!(
                f,
                "No callboard board is running for {place}, so nothing was done. Ask the person to start one: run \
                 `callboard` in a terminal in that directory. Then call again; nothing needs to be attached anew. "
            ),
            Some(problem) => write!(
                f,
                "No callboard board is running for {place}, and none could be started, so nothing was done. Tell \
                 the person why: {problem}. Once that is mended, call again, or they run `callboard` in a terminal \
                 in that directory; nothing needs to be attached anew. "
            ),
        }?;
        f.write_str("If the board went away during this very call, look first at what the call has done.")
    }
}

/// Starts a stand-in that answers every call with `hint`. It ends when the returned connection does.
pub(super) fn start(hint: String) -> io::Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair()?;
    thread::Builder::new()
        .name("stand-in".to_owned())
        .spawn(move || {
            if let Err(error) = serve(theirs, hint) {
                tracing::error!(%error, "nobody stands in for the board");
            }
        })?;
    Ok(ours)
}

fn serve(stream: UnixStream, hint: String) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (reader, writer) = tokio::net::UnixStream::from_std(stream)?.into_split();
        let wire = Wire {
            reader,
            outbox: Arc::new(Outbox::new(writer)),
            lines: Lines::default(),
        };
        let ends = Ends {
            stop: CancellationToken::new(),
            pause: CancellationToken::new(),
        };
        let traffic = Arc::new(Traffic::default());
        Conversation::new(wire, Handler::away(hint), None, |_| false, traffic, ends)
            .run(None)
            .await;
        Ok(())
    })
}
