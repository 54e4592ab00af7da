//! The backend's life as one MCP server sees it: found or started, lost, left or stopped.
//!
//! There is one backend a workspace, however many assistants. [`Backend`] is a handle to the task
//! that owns this process's view of it. Nothing here blocks the MCP face: the search for a backend
//! begins with [`Backend::start`], and only a call waits for its end.

pub mod binary;
pub mod endpoint;
pub mod handover;
pub mod process;
mod start;

use std::{path::PathBuf, sync::Arc};

use shared_types::{Error, ErrorCode};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Duration, Instant},
};
use tokio_util::task::TaskTracker;

pub use endpoint::Endpoint;
use handover::Age;

use crate::workspace::Workspace;
use process::BackendProcess;

/// How long a failed start answers for itself. Callers that queued behind it get its error and do
/// not each wait for another start that fails.
const FAILURE_HOLDS: Duration = Duration::from_secs(1);

/// What a backend is started with.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// The backend's executable, if it is not to be searched for.
    pub binary: Option<PathBuf>,
}

/// How far the way to a backend is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    /// Nobody asked yet, or the last try failed.
    #[default]
    Idle,
    /// A running backend is looked for.
    Looking,
    /// The executable is being built.
    Building,
    /// The process is starting.
    Starting,
    /// It answers.
    Running,
}

/// What happens to a backend that this process started, when this process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It is left to its lease: it goes by itself when nobody needs it.
    ToItsLease,
    /// It is stopped.
    Stopped,
}

/// A handle to the backend of a workspace. Clones share one view.
#[derive(Debug, Clone)]
pub struct Backend {
    requests: mpsc::Sender<Request>,
    current: Arc<watch::Sender<Option<Arc<Endpoint>>>>,
    stage: watch::Receiver<Stage>,
    leave: Arc<watch::Sender<Option<Leave>>>,
    tasks: TaskTracker,
}

#[derive(Debug)]
enum Request {
    /// Find the backend, or start one.
    Ensure { asked: Instant, reply: oneshot::Sender<Result<Arc<Endpoint>, Error>> },
    /// Find the backend, if one runs.
    Find { reply: oneshot::Sender<Option<Arc<Endpoint>>> },
}

impl Backend {
    /// Begins to look for the backend of `workspace`, and to start one if there is none.
    ///
    /// Must be called inside a tokio runtime.
    pub fn start(workspace: Workspace, options: StartOptions) -> Self {
        let (requests, inbox) = mpsc::channel(64);
        let current = Arc::new(watch::Sender::new(None));
        let leave = Arc::new(watch::Sender::new(None));
        let (stage_sender, stage) = watch::channel(Stage::Idle);
        let owner = Owner {
            workspace,
            options,
            current: Arc::clone(&current),
            stage: stage_sender,
            process: None,
            last_failure: None,
        };
        let tasks = TaskTracker::new();
        tasks.spawn(owner.run(inbox, leave.subscribe()));
        tasks.close();
        Self { requests, current, stage, leave, tasks }
    }

    /// The running backend; starts one if there is none.
    ///
    /// # Errors
    /// [`ErrorCode::BackendUnavailable`] with the cause and what to do about it.
    pub async fn ensure(&self) -> Result<Arc<Endpoint>, Error> {
        if let Some(endpoint) = self.known() {
            return Ok(endpoint);
        }
        let (reply, answer) = oneshot::channel();
        let request = Request::Ensure { asked: Instant::now(), reply };
        self.requests.send(request).await.map_err(|_| leaving())?;
        answer.await.map_err(|_| leaving())?
    }

    /// The backend, if one runs; starts none.
    pub async fn find(&self) -> Option<Arc<Endpoint>> {
        if let Some(endpoint) = self.known() {
            return Some(endpoint);
        }
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::Find { reply }).await.ok()?;
        answer.await.ok()?
    }

    /// Reports that `endpoint` no longer answers; the next call looks again. Says whether this was
    /// news.
    pub fn lost(&self, endpoint: &Arc<Endpoint>) -> bool {
        self.current.send_if_modified(|current| {
            let is_current = current.as_ref().is_some_and(|known| Arc::ptr_eq(known, endpoint));
            if is_current {
                *current = None;
            }
            is_current
        })
    }

    /// How far the way to the backend is.
    pub fn stage(&self) -> Stage {
        *self.stage.borrow()
    }

    /// Ends this process's view of the backend, and does with a backend that it started as told.
    pub async fn leave(&self, how: Leave) {
        self.leave.send_replace(Some(how));
        self.tasks.wait().await;
    }

    /// Whether others hold leases on the backend, besides the `own` of this process. When it does
    /// not say, they might.
    pub async fn is_shared(&self, own: u64) -> bool {
        match self.known() {
            None => false,
            Some(endpoint) => endpoint.leases().await.is_none_or(|leases| leases > own),
        }
    }

    /// Waits until a backend is known.
    pub async fn appeared(&self) {
        // The sender lives as long as this handle, so the wait ends with a backend.
        let _ = self.current.subscribe().wait_for(Option::is_some).await;
    }

    fn known(&self) -> Option<Arc<Endpoint>> {
        self.current.borrow().clone()
    }
}

fn leaving() -> Error {
    Error::new(ErrorCode::BackendUnavailable, "this server is shutting down")
}

/// The task behind every [`Backend`] handle: it alone finds, starts and stops.
struct Owner {
    workspace: Workspace,
    options: StartOptions,
    current: Arc<watch::Sender<Option<Arc<Endpoint>>>>,
    stage: watch::Sender<Stage>,
    /// The backend that this process started, for as long as it is ours to stop.
    process: Option<BackendProcess>,
    last_failure: Option<(Instant, Error)>,
}

impl Owner {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>, mut leave: watch::Receiver<Option<Leave>>) {
        let serve = async {
            if let Err(error) = self.ensure(Instant::now()).await {
                // Whoever calls is told; until then nobody needs one.
                tracing::info!(%error, "no backend yet");
            }
            loop {
                tokio::select! {
                    request = inbox.recv() => match request {
                        Some(request) => self.answer(request).await,
                        None => break,
                    },
                    exit = process::end_of(&mut self.process) => {
                        tracing::warn!(%exit, "backend ended; the next call starts another");
                    }
                }
            }
        };
        let how = tokio::select! {
            how = leave.wait_for(Option::is_some) => how.ok().and_then(|how| *how),
            () = serve => None,
        };
        inbox.close();
        self.part(how.unwrap_or(Leave::ToItsLease)).await;
    }

    async fn answer(&mut self, request: Request) {
        match request {
            // The caller gave up while it was queued: a start would serve nobody.
            Request::Ensure { reply, .. } if reply.is_closed() => {}
            Request::Ensure { asked, reply } => {
                let _ = reply.send(self.ensure(asked).await);
            }
            Request::Find { reply } => {
                let _ = reply.send(self.find().await);
            }
        }
    }

    async fn find(&self) -> Option<Arc<Endpoint>> {
        let known = self.current.borrow().clone();
        if known.is_some() {
            return known;
        }
        // An older one is not settled for, until a call has asked it to hand over.
        let found = Endpoint::find(&self.workspace).await.ok().filter(|found| !handover::is_due(found))?;
        Some(self.adopt(found))
    }

    async fn ensure(&mut self, asked: Instant) -> Result<Arc<Endpoint>, Error> {
        let known = self.current.borrow().clone();
        if let Some(known) = known {
            return Ok(known);
        }
        if let Some((failed, error)) = &self.last_failure
            && (asked < *failed || failed.elapsed() < FAILURE_HOLDS)
        {
            return Err(error.clone());
        }
        let outcome = start::find_or_start(&self.workspace, &self.options, &mut self.process, &self.stage);
        match outcome.await {
            Ok(endpoint) => Ok(self.adopt(endpoint)),
            Err(error) => {
                self.stage.send_replace(Stage::Idle);
                self.last_failure = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn adopt(&self, endpoint: Endpoint) -> Arc<Endpoint> {
        tracing::info!(
            backend_pid = endpoint.announcement().pid,
            backend_version = endpoint.announcement().version,
            database_id = endpoint.announcement().database_id,
            "backend connected"
        );
        if handover::age(&endpoint.announcement().version) == Age::Newer {
            tracing::warn!("the backend is newer than this program: restart the assistant to update");
        }
        let endpoint = Arc::new(endpoint);
        self.current.send_replace(Some(Arc::clone(&endpoint)));
        self.stage.send_replace(Stage::Running);
        endpoint
    }

    async fn part(self, how: Leave) {
        if let (Some(process), Leave::Stopped) = (self.process, how) {
            process.stop().await;
        }
    }
}
