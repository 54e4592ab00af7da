//! Tells clients which resources changed, from the backend's change feed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use rmcp::{
    Peer, RoleServer,
    model::{ResourceUpdatedNotificationParam, SubscriptionFilter},
    service::SubscriptionContext,
};
use shared_types::{history::Action, search::EntityKind};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::resources;
use crate::client::ChangeNotice;

/// Most resources one client may watch.
pub(super) const LIMIT: usize = 1000;

/// What a burst of changes means for a client.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stale {
    /// What must be read again: some resources, or all when changes were missed.
    uris: Uris,
    /// Whether the list of resources changed.
    list: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Uris {
    Named(BTreeSet<String>),
    All,
}

impl Default for Uris {
    fn default() -> Self {
        Self::Named(BTreeSet::new())
    }
}

impl Stale {
    fn everything() -> Self {
        Self { uris: Uris::All, list: true }
    }

    fn add(&mut self, change: &ChangeNotice) {
        self.list |= change.entity == EntityKind::Project && change.action == Action::Created;
        let Uris::Named(uris) = &mut self.uris else { return };
        // It counts everything, so any change shows there.
        uris.insert(resources::DASHBOARD.to_owned());
        // The feed does not say of which kind each is; nobody watches a URI that names nothing.
        for id in change.affects.iter().chain([&change.entity_id]) {
            uris.extend([resources::task_uri(id), resources::project_uri(id)]);
        }
    }

    /// Whether `uri` must be read again.
    fn covers(&self, uri: &str) -> bool {
        match &self.uris {
            Uris::All => true,
            Uris::Named(uris) => uris.contains(uri),
        }
    }
}

/// Waits for changes; those that came together are told together. `None` at the end.
async fn next(changes: &mut Receiver<ChangeNotice>) -> Option<Stale> {
    let mut stale = Stale::default();
    match changes.recv().await {
        Ok(change) => stale.add(&change),
        Err(RecvError::Lagged(_)) => stale = Stale::everything(),
        Err(RecvError::Closed) => return None,
    }
    while let Ok(change) = changes.try_recv() {
        stale.add(&change);
    }
    Some(stale)
}

/// Follows the feed for a client of the older protocols until its connection closes.
pub(super) fn follow_for_peer(
    mut changes: Receiver<ChangeNotice>,
    peer: Peer<RoleServer>,
    subscribed: Arc<Mutex<BTreeSet<String>>>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        while !peer.is_transport_closed() {
            let Some(stale) = next(&mut changes).await else { return };
            let uris: Vec<_> = {
                let subscribed = subscribed.lock().unwrap_or_else(PoisonError::into_inner);
                subscribed.iter().filter(|uri| stale.covers(uri)).cloned().collect()
            };
            for uri in uris {
                if peer.notify_resource_updated(ResourceUpdatedNotificationParam::new(uri)).await.is_err() {
                    return;
                }
            }
            if stale.list && peer.notify_resource_list_changed().await.is_err() {
                return;
            }
        }
    })
}

/// Follows the feed for one `subscriptions/listen` request until it is cancelled.
pub(super) async fn follow_for_subscription(
    mut changes: Receiver<ChangeNotice>,
    context: &SubscriptionContext,
) {
    let SubscriptionFilter { resources_list_changed, resource_subscriptions, .. } =
        context.accepted().clone();
    let watched = resource_subscriptions.unwrap_or_default();
    let sink = context.sink();
    loop {
        let stale = tokio::select! {
            stale = next(&mut changes) => stale,
            () = context.cancelled() => return,
        };
        let Some(stale) = stale else { return };
        for uri in watched.iter().filter(|uri| stale.covers(uri)) {
            if sink.notify_resource_updated(uri.as_str()).await.is_err() {
                return;
            }
        }
        if stale.list
            && resources_list_changed == Some(true)
            && sink.notify_resource_list_changed().await.is_err()
        {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_to_those_who_watch_what_it_shows_in() {
        let mut stale = Stale::default();
        stale.add(&ChangeNotice {
            seq: 1,
            entity: EntityKind::Task,
            entity_id: "A".to_owned(),
            action: Action::Completed,
            affects: vec!["DEPENDENT".to_owned(), "PROJECT".to_owned()],
        });
        for uri in [
            "bindery://task/A",
            "bindery://task/DEPENDENT",
            "bindery://project/PROJECT",
            "bindery://dashboard",
        ] {
            assert!(stale.covers(uri), "{uri}");
        }
        assert!(!stale.covers("bindery://task/B") && !stale.list);
        assert!(Stale::everything().covers("bindery://task/B"));
    }
}
