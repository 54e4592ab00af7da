//! The host's side: it lets its user in and answers.

mod failure;
mod host;

use std::{collections::HashMap, sync::Arc, time::Duration};

use process_host::{
    Closed, Connection, ConnectionOptions, Incoming,
    connection::{FromPeer, Message, Responder},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::{
    net::{UnixListener, UnixStream},
    task::{AbortHandle, JoinSet},
};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{EventsParams, LogParams, REFUSED};

pub(crate) use host::{Host, connected};

/// Requests of one client that may be under way.
const MOST_REQUESTS: usize = 256;

/// Lets clients in, until dropped.
pub(crate) async fn serve(listener: UnixListener, host: Arc<Host>) {
    let own = rustix::process::getuid().as_raw();
    let mut sessions = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = sessions.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) if stream.peer_cred().is_ok_and(|peer| peer.uid() == own) => {
                sessions.spawn(session(stream, Arc::clone(&host)));
            }
            // It is told nothing, not even why.
            Ok(_) => tracing::warn!("another user connected to the control socket"),
            // Out of descriptors: the next client may have better luck.
            Err(error) => {
                tracing::warn!(%error, "a client could not be let in");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn session(stream: UnixStream, host: Arc<Host>) {
    let (reader, writer) = stream.into_split();
    let (connection, mut incoming) =
        Connection::open(reader, writer, ConnectionOptions::default(), async { Closed::Ended });
    let mut requests = JoinSet::new();
    let mut by_id: HashMap<String, AbortHandle> = HashMap::new();
    let mut following = HashMap::new();
    while let Some(said) = next(&mut incoming, &mut requests, &mut following).await {
        by_id.retain(|_, request| !request.is_finished());
        match said {
            FromPeer::Request(message, responder) if requests.len() < MOST_REQUESTS => {
                let id = id_of(&message);
                if let Some(subject) = followed(&message) {
                    following.entry(subject).or_insert_with(|| host.follower());
                }
                let (host, connection) = (Arc::clone(&host), connection.clone());
                let request = requests.spawn(answer(host, connection, id.clone(), message, responder));
                by_id.insert(id, request);
            }
            FromPeer::Request(_, responder) => {
                let _ = responder.fail(REFUSED, "too many requests are under way", None).await;
            }
            FromPeer::Notification(message) if message.method() == "$/cancelRequest" => {
                #[derive(Deserialize)]
                struct Cancelled {
                    id: Box<RawValue>,
                }
                if let Ok(Cancelled { id }) = message.params()
                    && let Some(request) = by_id.remove(id.get())
                {
                    request.abort();
                }
            }
            FromPeer::Notification(_) => {}
        }
    }
}

/// What the client says next. Meanwhile the requests that are done are reaped, and what they say is over
/// is followed no more.
async fn next(
    incoming: &mut Incoming,
    requests: &mut JoinSet<Option<String>>,
    following: &mut HashMap<String, TaskTrackerToken>,
) -> Option<FromPeer> {
    loop {
        tokio::select! {
            biased;
            said = incoming.next() => return said,
            Some(done) = requests.join_next() => {
                if let Ok(Some(over)) = done {
                    following.remove(&over);
                }
            }
        }
    }
}

/// What a request follows, if it does.
fn followed(message: &Message) -> Option<String> {
    match message.method() {
        "events" => {
            message.params::<EventsParams>().ok().filter(|params| params.follow).map(|_| String::new())
        }
        "log" => message.params::<LogParams>().ok().filter(|params| params.follow).map(|params| params.path),
        _ => None,
    }
}

/// The id of a request as it is spelled.
fn id_of(message: &Message) -> String {
    #[derive(Deserialize)]
    struct WithId {
        id: Box<RawValue>,
    }
    serde_json::from_str::<WithId>(message.raw()).map(|with| with.id.get().to_owned()).unwrap_or_default()
}

/// Answers a request; what it followed, if that is over.
async fn answer(
    host: Arc<Host>,
    connection: Connection,
    id: String,
    message: Message,
    responder: Responder,
) -> Option<String> {
    let result = host.fulfil(&connection, &id, &message).await;
    // What is refused is over, too.
    let over = result.as_ref().map_or(true, |result| {
        #[derive(Deserialize)]
        struct MayBeOver {
            over: bool,
        }
        serde_json::from_str::<MayBeOver>(result.get()).is_ok_and(|answer| answer.over)
    });
    // A client that went away meanwhile wants no answer.
    let _ = match result {
        Ok(result) => responder.answer(&result).await,
        Err(failure) => responder.fail(failure.code, &failure.message, failure.data.as_deref()).await,
    };
    over.then(|| followed(&message)).flatten()
}
