//! What a host answers.

use std::{
    collections::BTreeSet,
    future::Future,
    path::PathBuf,
    time::{Duration, Instant},
};

use process_host::{
    CallOptions, Connection, Supervisor,
    connection::Message,
    spec::{Member, Stdio, SupervisorSpec},
    supervisor::RequestError,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};
use tokio::{
    sync::mpsc,
    time::{timeout, timeout_at},
};
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

use super::failure::Failure;
use crate::cli::control::{
    BATCH_BYTES, CallParams, EventsAnswer, EventsParams, HostStatus, INVALID_PARAMS, LogAnswer, LogParams,
    METHOD_NOT_FOUND, PathParams,
};

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

    /// Somebody who follows, until dropped.
    pub(super) fn follower(&self) -> TaskTrackerToken {
        self.followers.token()
    }

    /// Gives those who follow a moment to learn how it ended.
    pub(crate) async fn farewell(&self) {
        self.followers.close();
        let _ = timeout(FAREWELL, self.followers.wait()).await;
    }

    /// Does what a client asks for; `id` is what the request bears.
    ///
    /// # Errors
    /// [`Failure`], to be told to the client.
    pub(super) async fn fulfil(
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
