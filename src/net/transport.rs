//! The way by which rmcp speaks of its own accord: notifications of subscriptions, and their opening.
//!
//! rmcp's service loop is used for nothing else; see [`super::connection`] for why. Its transport therefore
//! receives nothing, and lasts until the connection is dropped.

use std::future::Future;
use std::io;
use std::sync::Arc;

use rmcp::service::{RoleServer, RunningService, RxJsonRpcMessage, TxJsonRpcMessage, serve_directly_with_ct};
use rmcp::transport::Transport;
use rmcp::{Peer, ServerHandler};
use tokio_util::sync::CancellationToken;

use super::outbox::Outbox;

/// A loop of rmcp's that carries what a handler sends besides its answers.
pub(super) struct Voice {
    running: RunningService<RoleServer, Mute>,
}

/// The service that rmcp's loop asks for; no request ever reaches it.
struct Mute;

impl ServerHandler for Mute {}

struct Outgoing(Arc<Outbox>);

impl Voice {
    /// Starts a loop that writes to `outbox`; it ends when the voice is dropped.
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self {
            running: serve_directly_with_ct(Mute, Outgoing(outbox), None, CancellationToken::new()),
        }
    }

    /// Returns what handlers speak through.
    pub(super) fn peer(&self) -> &Peer<RoleServer> {
        self.running.peer()
    }
}

impl Transport<RoleServer> for Outgoing {
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), io::Error>> + Send + 'static {
        let outbox = Arc::clone(&self.0);
        async move {
            outbox.room().await;
            outbox.push(&message);
            Ok(())
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        std::future::pending().await
    }

    async fn close(&mut self) -> Result<(), io::Error> {
        Ok(())
    }
}
