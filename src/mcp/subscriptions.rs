//! Telling a client that what it follows has changed, in the way of either era.
//!
//! A follower keeps a cursor into the board's history and nothing else: a client that does not read costs
//! no memory, and what happened meanwhile reaches it as one notification for each address.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{ResourceUpdatedNotificationParam, SubscriptionFilter};
use rmcp::service::{Peer, SubscriptionSink};
use rmcp::{ErrorData, RoleServer};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::resources::{self, Subject};
use crate::board::{Board, Event, Kind, NamespaceId, Pattern, Revision, Session};

/// The most addresses that one subscription, or one connection of the legacy era, follows.
pub(super) const MAX_FOLLOWED: usize = 64;
/// How long changes are gathered after a notification.
const PAUSE: Duration = Duration::from_millis(100);
/// How many events are looked at while the board is held.
const BATCH: usize = 500;

/// The part of a wished-for subscription that is granted: all lists, and addresses of this server.
pub(super) fn granted(wished: &SubscriptionFilter) -> SubscriptionFilter {
    let uris = wished.resource_subscriptions.iter().flatten();
    let known = uris.filter(|uri| Subject::of(uri).is_some()).take(MAX_FOLLOWED);
    SubscriptionFilter::builder()
        .tools_list_changed()
        .prompts_list_changed()
        .resources_list_changed()
        .resource_subscriptions(known)
        .build()
}

/// How a client is told.
#[derive(Debug)]
pub(super) enum Ear {
    /// Over a subscription.
    Modern(SubscriptionSink),
    /// Over the session.
    Legacy(Peer<RoleServer>),
}

impl Ear {
    /// Tells that what stands at `uri` has changed; false when nobody listens any more.
    async fn tell(&self, uri: &str) -> bool {
        let told = match self {
            Self::Modern(sink) => sink.notify_resource_updated(uri).await.map_err(drop),
            Self::Legacy(peer) => {
                let update = ResourceUpdatedNotificationParam::new(uri);
                peer.notify_resource_updated(update).await.map_err(drop)
            }
        };
        told.is_ok()
    }
}

/// Someone who follows some addresses from a revision on.
#[derive(Debug)]
pub(super) struct Follower {
    board: Board,
    namespace: NamespaceId,
    since: Revision,
    followed: Vec<Followed>,
}

#[derive(Debug)]
struct Followed {
    uri: String,
    subject: Subject,
    changed: bool,
}

impl Follower {
    /// Returns a follower of those `uris` that are addresses of this server.
    pub(super) fn new(session: &Session, uris: &[String], since: Revision) -> Self {
        let followed = uris.iter().filter_map(|uri| {
            Some(Followed {
                uri: uri.clone(),
                subject: Subject::of(uri)?,
                changed: false,
            })
        });
        Self {
            board: session.board().clone(),
            namespace: session.namespace(),
            since,
            followed: followed.collect(),
        }
    }

    /// Tells `ear` of every change until nobody listens.
    pub(super) async fn run(mut self, ear: Ear) {
        let mut news = self.board.news();
        loop {
            self.look();
            let mut told = false;
            for followed in &mut self.followed {
                if std::mem::take(&mut followed.changed) {
                    told = true;
                    if !ear.tell(&followed.uri).await {
                        return;
                    }
                }
            }
            if told {
                tokio::time::sleep(PAUSE).await;
            }
            if news.changed().await.is_err() {
                return;
            }
            // Who comes and goes is part of the board, and no event.
            let board = |followed: &&mut Followed| followed.subject == Subject::Board;
            self.followed
                .iter_mut()
                .filter(board)
                .for_each(|followed| followed.changed = true);
        }
    }

    /// Marks what has changed since the last look.
    fn look(&mut self) {
        loop {
            let found = self
                .board
                .events_after(self.namespace, self.since, &Pattern::all(), BATCH);
            let Ok((events, cursor)) = found else {
                // What happened is forgotten, so everything may have changed.
                self.since = self.board.rev();
                self.followed
                    .iter_mut()
                    .for_each(|followed| followed.changed = true);
                return;
            };
            self.since = cursor;
            for followed in &mut self.followed {
                followed.changed |= events.iter().any(|event| concerns(&followed.subject, event));
            }
            if events.len() < BATCH {
                return;
            }
        }
    }
}

fn concerns(subject: &Subject, event: &Event) -> bool {
    match subject {
        Subject::Version => false,
        Subject::Board => true,
        Subject::Locks => event.key.kind() == Kind::Lock,
        Subject::Storage(key) => event.key == *key,
    }
}

/// What a connection of the legacy era follows; dropping it ends that.
#[derive(Debug, Default)]
pub(super) struct Legacy(Mutex<HashMap<String, DropGuard>>);

impl Legacy {
    /// Begins to follow `uri`.
    pub(super) fn subscribe(
        &self,
        session: &Session,
        uri: String,
        peer: Peer<RoleServer>,
    ) -> Result<(), ErrorData> {
        if Subject::of(&uri).is_none() {
            return Err(resources::not_found(&uri));
        }
        let mut followed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.contains_key(&uri) {
            return Ok(());
        }
        if followed.len() == MAX_FOLLOWED {
            let text =
                format!("a connection follows at most {MAX_FOLLOWED} resources; unsubscribe from one first");
            return Err(ErrorData::invalid_request(text, None));
        }
        let token = CancellationToken::new();
        let follower = Follower::new(session, std::slice::from_ref(&uri), session.board().rev());
        let running = token
            .clone()
            .run_until_cancelled_owned(follower.run(Ear::Legacy(peer)));
        tokio::spawn(running);
        followed.insert(uri, token.drop_guard());
        drop(followed);
        Ok(())
    }

    /// Ends to follow `uri`; it need not have begun.
    pub(super) fn unsubscribe(&self, uri: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uri);
    }
}

/// The revision from which a subscription that is being opened follows.
///
/// The library acknowledges a subscription before it hands it over. A change in between must be told, so the
/// revision is noted before; one that is too old costs a notification too many, never one too few.
#[derive(Debug, Default)]
pub(super) struct Opening(Mutex<(usize, Revision)>);

impl Opening {
    /// Notes that a subscription is about to be acknowledged at `rev`.
    pub(super) fn begin(&self, rev: Revision) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0 == 0 {
            noted.1 = rev;
        }
        noted.0 += 1;
    }

    /// Returns the revision from which the subscription that was handed over follows.
    pub(super) fn end(&self) -> Revision {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.0 = noted.0.saturating_sub(1);
        noted.1
    }
}
