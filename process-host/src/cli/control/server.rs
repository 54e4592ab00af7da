//! The host's side: it answers what its user asks.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use process_host::{
    CallError, CallOptions, Closed, Connection, ConnectionOptions, Incoming, Supervisor,
    connection::{FromPeer, Message, Responder},
    spec::{Member, Stdio, SupervisorSpec},
    supervisor::RequestError,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    net::{UnixListener, UnixStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{timeout, timeout_at},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::{
    BATCH_BYTES, CallParams, EventsAnswer, EventsParams, HostStatus, INVALID_PARAMS, LogAnswer, LogParams,
    METHOD_NOT_FOUND, PathParams, REFUSED, Refusal,
};

/// Requests of one client that may be under way.
const MOST_REQUESTS: usize = 256;

/// How long a host that has ended waits for those who follow it.
const FAREWELL: Duration = Duration::from_secs(1);

/// What clients ask about.
#[derive(Debug)]
pub(crate) struct Host {
    supervisor: Supervisor,
    /// The children that can be called.
    connected: BTreeSet<String>,
    file: PathBuf,
    since: Instant,
    /// Cancelled by a client that wants the host to end.
    stop: CancellationToken,
    /// Those who follow something and were not told yet that it is over.
    followers: TaskTracker,
}

/// Why a request has no result.
#[derive(Debug)]
struct Failure {
    code: i64,
    message: String,
    data: Option<Box<RawValue>>,
}

/// The paths of the children that can be called.
pub(crate) fn connected(spec: &SupervisorSpec) -> BTreeSet<String> {
    fn below(above: &str, spec: &SupervisorSpec, connected: &mut BTreeSet<String>) {
        for member in &spec.children {
            let path = format!("{above}{}", member.name());
            match member {
                Member::Supervisor(spec) => below(&format!("{path}/"), spec, connected),
                Member::Child(child) if child.stdio == Stdio::JsonRpc => drop(connected.insert(path)),
                Member::Child(_) => {}
            }
        }
    }
    let mut connected = BTreeSet::new();
    below("", spec, &mut connected);
    connected
}

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
                    following.entry(subject).or_insert_with(|| host.followers.token());
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

impl Host {
    /// A host that begins now; cancels `stop` when a client wants it to end.
    pub(crate) fn new(
        supervisor: Supervisor,
        connected: BTreeSet<String>,
        file: PathBuf,
        stop: CancellationToken,
    ) -> Self {
        let followers = TaskTracker::new();
        Self { supervisor, connected, file, since: Instant::now(), stop, followers }
    }

    /// Gives those who follow a moment to learn how it ended.
    pub(crate) async fn farewell(&self) {
        self.followers.close();
        let _ = timeout(FAREWELL, self.followers.wait()).await;
    }

    async fn fulfil(
        &self,
        client: &Connection,
        id: &str,
        message: &Message,
    ) -> Result<Box<RawValue>, Failure> {
        match message.method() {
            "status" => raw(&self.status()),
            "log" => raw(&self.log(params(message)?).await?),
            "events" => raw(&self.events(params(message)?).await),
            "restart" => {
                let path = required(params(message)?)?;
                self.supervisor.restart(&path).await.map_err(Failure::from)?;
                raw(&serde_json::json!({}))
            }
            "stop" => {
                match params::<PathParams>(message)?.path {
                    Some(path) => self.supervisor.stop_child(&path).await.map_err(Failure::from)?,
                    None => self.stop.cancel(),
                }
                raw(&serde_json::json!({}))
            }
            "call" => self.call(client, id, params(message)?).await,
            other => Err(Failure::new(METHOD_NOT_FOUND, format!("there is no method {other}"))),
        }
    }

    fn status(&self) -> HostStatus {
        HostStatus {
            pid: std::process::id(),
            file: self.file.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            tree: self.supervisor.status(),
        }
    }

    async fn log(&self, params: LogParams) -> Result<LogAnswer, Failure> {
        let log = self.child(&params.path)?.log();
        let ended = match params.follow {
            true => self.ends_before(log.next_after(params.after)).await,
            false => false,
        };
        let mut lines = log.after(params.after);
        let all = lines.len();
        lines.truncate(fitting(lines.iter().map(|line| line.text.len() + 64)));
        Ok(LogAnswer { over: ended && lines.len() == all, lines })
    }

    async fn events(&self, params: EventsParams) -> EventsAnswer {
        let events = self.supervisor.events();
        let ended = match params.follow {
            true => self.ends_before(events.next_after(params.after)).await,
            false => false,
        };
        let batch = events.after(params.after);
        let mut events = batch.events;
        let all = events.len();
        let size = |event| serde_json::to_string(event).map_or(0, |text| text.len());
        events.truncate(fitting(events.iter().map(size)));
        EventsAnswer { missed: batch.missed, over: ended && events.len() == all, events }
    }

    /// Waits for `news`; whether the tree has ended, after which there are no more.
    async fn ends_before<T>(&self, news: impl Future<Output = T>) -> bool {
        tokio::select! {
            biased;
            _ = self.supervisor.ended() => true,
            _ = news => false,
        }
    }

    /// Passes a call on to a child; its progress goes to the client under the client's id.
    async fn call(&self, client: &Connection, id: &str, call: CallParams) -> Result<Box<RawValue>, Failure> {
        let child = self.child(&call.path)?;
        if !self.connected.contains(&call.path) {
            let words = format!("{} cannot be called: its stdio is \"log\", not \"jsonrpc\"", call.path);
            return Err(Failure::refused("no_connection", words));
        }
        let deadline = call.timeout_ms.map_or(CallOptions::default().deadline, |timeout| {
            CallOptions::within(Duration::from_millis(timeout)).deadline
        });
        let connection = match deadline {
            Some(deadline) => timeout_at(deadline, child.connection()).await.unwrap_or_else(|_| None),
            None => child.connection().await,
        };
        let Some(connection) = connection else {
            let words = format!("{} is {} and did not come up in time", call.path, child.status().state);
            return Err(Failure::refused("no_connection", words));
        };
        let (progress, reports) = mpsc::channel(16);
        let options = CallOptions { deadline, progress: Some(progress) };
        let params = call.params.unwrap_or_default();
        let answered = connection.call(&call.method, &params, options);
        let (answer, ()) = tokio::join!(answered, pass_on(client, id, reports));
        answer.map_err(Failure::from)
    }

    fn child(&self, path: &str) -> Result<process_host::Child, Failure> {
        self.supervisor.child(path).ok_or_else(|| RequestError::Unknown(path.to_owned()).into())
    }
}

/// Passes progress on until there is no more, which is when the call is over.
async fn pass_on(client: &Connection, id: &str, mut reports: mpsc::Receiver<Box<RawValue>>) {
    #[derive(Serialize)]
    struct Progress<'a> {
        id: &'a RawValue,
        value: &'a RawValue,
    }
    let Ok(id) = RawValue::from_string(id.to_owned()) else { return };
    while let Some(value) = reports.recv().await {
        // A client that is gone will drop the call, too.
        let _ = client.notify("$/progress", &Progress { id: &id, value: &value }).await;
    }
}

/// How many things of these sizes fit into one answer; at least one.
fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut room = BATCH_BYTES;
    let fits = |size: &usize| {
        let fits = *size <= room;
        room = room.saturating_sub(*size);
        fits
    };
    sizes.take_while(fits).count().max(1)
}

/// Absent params are read as an empty object.
fn params<T: DeserializeOwned>(message: &Message) -> Result<T, Failure> {
    let wrong = |error| Failure::new(INVALID_PARAMS, format!("{}: {error}", message.method()));
    let given: Option<Box<RawValue>> = message.params().map_err(|error| wrong(error.to_string()))?;
    let text = given.as_deref().map_or("{}", RawValue::get);
    serde_json::from_str(text).map_err(|error| wrong(error.to_string()))
}

fn required(params: PathParams) -> Result<String, Failure> {
    params.path.ok_or_else(|| Failure::new(INVALID_PARAMS, "path is missing".to_owned()))
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    to_raw_value(value).map_err(|error| Failure::refused("invalid", error.to_string()))
}

impl Failure {
    fn new(code: i64, message: String) -> Self {
        Self { code, message, data: None }
    }

    fn refused(code: &str, message: String) -> Self {
        let data = to_raw_value(&Refusal { code: code.to_owned() }).ok();
        Self { code: REFUSED, message, data }
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        let code = match error {
            RequestError::Unknown(_) => "unknown_child",
            RequestError::Duplicate(_) => "duplicate",
            RequestError::Invalid(_) => "invalid",
            RequestError::Stopping => "stopping",
            RequestError::Down => "down",
        };
        Self::refused(code, error.to_string())
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            // The child's own words, as they are.
            CallError::Remote { code, message, data } => Self { code, message, data },
            CallError::Closed { reason, .. } => {
                Self { code: REFUSED, message: reason.to_string(), data: to_raw_value(&reason).ok() }
            }
            error => Self::refused(error.code(), error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_holds_what_fits_and_never_nothing() {
        assert_eq!(fitting([1, 2, 3].into_iter()), 3);
        assert_eq!(fitting([BATCH_BYTES, 1].into_iter()), 1);
        assert_eq!(fitting([BATCH_BYTES * 2, 1].into_iter()), 1);
    }
}
