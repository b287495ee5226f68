//! What a client said once and every new connection must hear again.
//!
//! Only what was accepted is kept, so what a server bounds is bounded here.

use std::collections::BTreeMap;

use super::message::{self, Id};
use super::pending::{Kind, Request};

/// The state of a handshake session. A stateless one has none.
#[derive(Debug, Default)]
pub(super) struct Opening {
    initialize: Option<Vec<u8>>,
    initialized: Option<Vec<u8>>,
    level: Option<Vec<u8>>,
    /// The subscriptions to resources, by their address.
    subscribed: BTreeMap<String, Vec<u8>>,
}

impl Opening {
    /// Remembers a request that was answered well, if it lasts.
    pub(super) fn accepted(&mut self, request: Request) {
        match request.kind {
            Kind::Initialize => self.initialize = Some(request.line),
            Kind::SetLevel => self.level = Some(request.line),
            Kind::Subscribe(uri) => {
                self.subscribed.insert(uri, request.line);
            }
            Kind::Unsubscribe(uri) => {
                self.subscribed.remove(&uri);
            }
            Kind::Discover | Kind::Listen { .. } | Kind::Other => {}
        }
    }

    /// Remembers the notification that ends the handshake.
    pub(super) fn initialized(&mut self, line: &[u8]) {
        self.initialized = Some(line.to_vec());
    }

    /// Returns the lines that bring a new connection to where the client believes it is, and the ids in
    /// them, whose answers the client must not see. `next` makes the ids.
    pub(super) fn replay(&self, mut next: impl FnMut() -> Id) -> (Vec<u8>, Vec<Id>) {
        let (mut lines, mut ids) = (Vec::new(), Vec::new());
        let mut again = |lines: &mut Vec<u8>, request: &[u8]| {
            let id = next();
            if let Some(line) = message::with_id(request, &id) {
                lines.extend_from_slice(&line);
                ids.push(id);
            }
        };
        if let Some(initialize) = &self.initialize {
            again(&mut lines, initialize);
            lines.extend_from_slice(self.initialized.as_deref().unwrap_or_default());
        }
        for request in self.level.iter().chain(self.subscribed.values()) {
            again(&mut lines, request);
        }
        (lines, ids)
    }
}
