//! A backend that answers what a test tells it to.

use std::{
    collections::VecDeque,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use mcp_server::{Backend, CallOptions, Client, Config, lifecycle::StartOptions, workspace::Workspace};
use serde_json::{Value, json};
use shared_types::{Error, ErrorCode, health::ClientFigures, operation::find};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::{Semaphore, broadcast},
    task::JoinSet,
};

/// What the next request meets.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// This status with this body.
    Status(u16, Value),
    /// No answer, for ever.
    Silence,
    /// Success, once the test lets it go.
    Held,
    /// The backend asks to come again after so many seconds.
    Busy(u64),
    /// The connection breaks in the middle of the answer.
    Broken,
}

/// What was asked of it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) body: Value,
    pub(crate) actor: Option<String>,
}

#[derive(Clone)]
pub(crate) struct FakeBackend {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
    feeds: Arc<AtomicUsize>,
    /// The number of the last change.
    seq: Arc<AtomicI64>,
    /// One permit for each held answer that may go.
    held: Arc<Semaphore>,
    events: broadcast::Sender<String>,
    workspace: String,
}

pub(crate) const DATABASE: &str = "test-database";

impl FakeBackend {
    pub(crate) fn new(workspace: &Workspace) -> Self {
        Self {
            replies: Arc::default(),
            asked: Arc::default(),
            feeds: Arc::default(),
            seq: Arc::new(AtomicI64::new(1)),
            held: Arc::new(Semaphore::new(0)),
            events: broadcast::Sender::new(16),
            workspace: workspace.root().display().to_string(),
        }
    }

    /// The next requests meet these, in order; later ones succeed.
    pub(crate) fn reply(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Lets one held answer go.
    pub(crate) fn release(&self) {
        self.held.add_permits(1);
    }

    /// Commits a change that no feed tells of.
    pub(crate) fn commit_silently(&self, seq: i64) {
        self.seq.store(seq, Ordering::SeqCst);
    }

    /// Commits a change, and reports it on every open feed.
    pub(crate) fn report_change(&self, seq: i64) {
        self.commit_silently(seq);
        let data =
            json!({ "seq": seq, "entity": "task", "entity_id": "X", "action": "updated", "version": 2 });
        self.events.send(format!("id: {seq}\nevent: change\ndata: {data}\n\n")).unwrap();
    }

    /// Ends every open feed.
    pub(crate) fn end_feeds(&self) {
        self.events.send(String::new()).unwrap();
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/health", get(health))
            .route("/health/live", get(live))
            .route("/api/events", get(events))
            .fallback(answer)
            .with_state(self.clone())
    }

    /// Serves on the workspace's socket and on a port, and announces both.
    pub(crate) async fn serve(&self, state_dir: &Path) -> JoinSet<()> {
        let socket = state_dir.join("test.sock");
        let _ = std::fs::remove_file(&socket);
        let unix = UnixListener::bind(&socket).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", tcp.local_addr().unwrap());
        announce(
            state_dir,
            &json!({
                "pid": std::process::id(), "version": "0.1.0", "workspace": self.workspace,
                "database": "tasks.db", "started_at": "2026-01-01T00:00:00Z",
                "database_id": DATABASE, "socket": socket, "url": url
            }),
        );
        let mut tasks = JoinSet::new();
        let (on_unix, on_tcp) = (self.router(), self.router());
        tasks.spawn(async move { axum::serve(unix, on_unix).await.unwrap() });
        tasks.spawn(async move { axum::serve(tcp, on_tcp).await.unwrap() });
        tasks
    }
}

pub(crate) fn announce(state_dir: &Path, announcement: &Value) {
    std::fs::write(state_dir.join("backend.json"), announcement.to_string()).unwrap();
}

async fn health(State(fake): State<FakeBackend>) -> Json<Value> {
    Json(json!({
        "status": "healthy", "version": "0.1.0", "workspace": fake.workspace, "database": "tasks.db",
        "database_id": DATABASE, "schema_version": 1, "uptime_seconds": 1
    }))
}

async fn live(State(fake): State<FakeBackend>) -> Json<Value> {
    let (leases, seq) = (fake.feeds.load(Ordering::SeqCst), fake.seq.load(Ordering::SeqCst));
    Json(json!({ "leases": leases, "seq": seq, "database_id": DATABASE }))
}

async fn events(State(fake): State<FakeBackend>) -> Response {
    fake.feeds.fetch_add(1, Ordering::SeqCst);
    let receiver = fake.events.subscribe();
    let first = format!("event: ready\ndata: {{\"seq\":{}}}\n\n", fake.seq.load(Ordering::SeqCst));
    let stream = futures::stream::unfold((Some(first), receiver), |(first, mut receiver)| async move {
        let next = match first {
            Some(first) => first,
            None => receiver.recv().await.ok().filter(|event| !event.is_empty())?,
        };
        Some((Ok::<_, std::io::Error>(next), (None, receiver)))
    });
    ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(stream)).into_response()
}

async fn answer(State(fake): State<FakeBackend>, request: Request) -> Response {
    let line = format!("{} {}", request.method(), request.uri());
    let actor = request.headers().get("bindery-actor").map(|actor| actor.to_str().unwrap().to_owned());
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let count = {
        let mut asked = fake.asked.lock().unwrap();
        asked.push(Asked { line, body, actor });
        asked.len()
    };
    let reply = fake.replies.lock().unwrap().pop_front();
    match reply {
        None => Json(json!({ "count": count })).into_response(),
        Some(Reply::Status(status, body)) => {
            let kind =
                if body.get("code").is_some() { "application/problem+json" } else { "application/json" };
            let status = StatusCode::from_u16(status).unwrap();
            (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response()
        }
        Some(Reply::Held) => {
            fake.held.acquire().await.unwrap().forget();
            Json(json!({ "count": count })).into_response()
        }
        Some(Reply::Busy(seconds)) => {
            let body = Error::new(ErrorCode::Overloaded, "busy").to_problem().to_string();
            let kind = (header::CONTENT_TYPE, "application/problem+json".to_owned());
            let headers = [kind, (header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
        }
        Some(Reply::Silence) => std::future::pending().await,
        Some(Reply::Broken) => {
            let broken = futures::stream::iter([Ok("{\"half"), Err(std::io::Error::other("broken"))]);
            Body::from_stream(broken).into_response()
        }
    }
}

/// A workspace, a fake backend that serves it, and a client of it.
pub(crate) struct Scene {
    pub(crate) fake: FakeBackend,
    pub(crate) client: Client,
    pub(crate) workspace: Workspace,
    _serving: JoinSet<()>,
    _root: tempfile::TempDir,
}

impl Scene {
    pub(crate) async fn set(config: Config, make: impl FnOnce(&Config, Backend) -> Client) -> Self {
        let (root, workspace) = empty_workspace();
        let fake = FakeBackend::new(&workspace);
        let serving = fake.serve(&workspace.prepare().unwrap()).await;
        let client = make(&config, Backend::start(workspace.clone(), StartOptions::default()));
        Self { fake, client, workspace, _serving: serving, _root: root }
    }

    /// With a feed, and so with a cache.
    pub(crate) async fn following() -> Self {
        let scene = Self::set(Config::default(), Client::new).await;
        scene.until_cached().await;
        scene
    }

    /// Without a feed.
    pub(crate) async fn plain(timeout: Duration) -> Self {
        Self::set(Config { timeout, ..Config::default() }, Client::one_shot).await
    }

    pub(crate) async fn call(&self, name: &str, input: Value) -> Result<Value, Error> {
        let options = CallOptions { actor: Some("Zoë".to_owned()), guard: None };
        self.client.call(find(name).unwrap(), input, &options).await.map(|value| (*value).clone())
    }

    /// The client's figures.
    pub(crate) fn figures(&self) -> ClientFigures {
        self.client.health(true).figures.unwrap()
    }

    /// Waits until a repeated read is answered from the cache, which is when the feed is connected.
    pub(crate) async fn until_cached(&self) {
        let probe = json!({ "task_id": "probe" });
        self.eventually(async || {
            self.call("get_task", probe.clone()).await == self.call("get_task", probe.clone()).await
        })
        .await;
    }

    /// Repeats `look` until it is true; a test that waits for ever is ended by the deadline.
    pub(crate) async fn eventually(&self, look: impl AsyncFn() -> bool) {
        let looking = async {
            while !look().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), looking).await.unwrap();
    }
}

pub(crate) fn empty_workspace() -> (tempfile::TempDir, Workspace) {
    let root = tempfile::tempdir().unwrap();
    let workspace = Workspace::find(Some(root.path()), root.path(), None).unwrap();
    (root, workspace)
}
