//! From a configuration to a running backend, and back.
//!
//! The order matters. The lock comes first, so that everything in `.vespera` is ours: the store
//! is opened once, a socket that lies there is stale. `backend.json` comes last, so that whoever
//! reads it can connect. At the end it goes first.

pub mod announce;
mod connections;
mod folder;
mod listen;
mod shutdown;

use std::{path::PathBuf, time::Duration};

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio_util::task::TaskTracker;

pub(crate) use self::folder::Folder;
use self::{
    connections::{Connections, Limits},
    listen::{OwnersOnly, Tcp},
};
pub use self::{folder::FolderError, listen::ListenError, shutdown::Shutdown};
use crate::{
    app::{App, AppOptions},
    backups::Backups,
    config::Config,
    http,
    keys::{Keys, KeysError},
    roles::{Roles, RolesError},
    store::{OpenError, Store, StoreOptions},
};

/// How long requests may still run after the first signal.
const DRAIN: Duration = Duration::from_secs(10);

/// Why the backend does not run, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The workspace cannot be used, or another backend serves it.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The operator's roles cannot be read.
    #[error(transparent)]
    Roles(#[from] RolesError),
    /// The store cannot be opened.
    #[error("the store {} cannot be opened: {source}", path.display())]
    Store {
        /// The database file.
        path: PathBuf,
        /// Why.
        source: OpenError,
    },
    /// The API keys cannot be read, or are missing where they are needed.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// There is no way to listen.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// A second signal came before everything was closed.
    #[error("stopped by a second signal")]
    Aborted,
}

/// Serves the workspace until `shutdown` is asked for.
///
/// # Errors
/// Why it could not start, or [`ServeError::Aborted`].
pub async fn serve(config: Config, shutdown: Shutdown) -> Result<(), ServeError> {
    let keys = config.keys()?;
    let folder = Folder::take(&config.workspace)?;
    raise_limit_on_files();
    let key_count = keys.len();
    let app = open(&config, &folder, keys, &shutdown).await?;
    let socket_path = folder.socket()?;
    let socket = OwnersOnly::bind(&socket_path)?;
    let tcp = if config.tcp { Some(Tcp::bind(config.bind, config.port).await?) } else { None };

    let about = announce::describe(&app, socket_path, tcp.as_ref().map(Tcp::url));
    folder.announce(&about)?;
    tracing::info!(
        workspace = %about.workspace.display(),
        database = %about.database.display(),
        url = about.url,
        socket = %about.socket.display(),
        "serving"
    );

    if let (Some(url), false) = (&about.url, config.bind.is_loopback()) {
        tracing::warn!(
            url,
            keys = key_count,
            "reachable beyond this machine, by API key and without TLS: put a proxy with TLS before it"
        );
    }

    let tasks = TaskTracker::new();
    let connections = Connections::new(tasks.clone(), &shutdown);
    connections.serve(socket, http::socket_app(app.clone()), Limits::SOCKET);
    if let Some(tcp) = tcp {
        connections.serve(tcp.into_listener(), http::app(app.clone()), Limits::TCP);
    }
    if let Some(backups) =
        Backups::of(&config.backups, app.store().clone(), folder.database(), shutdown.soft().clone())
    {
        tasks.spawn(backups.run());
    }
    if config.managed {
        tasks.spawn(leave_when_unused(app.clone(), shutdown.clone(), config.grace));
    }
    stop(&connections, &shutdown, &app, &folder).await
}

async fn open(config: &Config, folder: &Folder, keys: Keys, shutdown: &Shutdown) -> Result<App, ServeError> {
    let roles = Roles::load(folder.roles().as_deref())?;
    let database = folder.database();
    let mut options = StoreOptions::new(&database);
    options.synchronous = config.durability;
    options.row_cache = config.row_cache;
    let store = Store::open(options, roles)
        .await
        .map_err(|source| ServeError::Store { path: database.clone(), source })?;
    let options = AppOptions {
        production: config.production,
        max_body: config.max_body,
        request_timeout: config.request_timeout,
        max_requests: config.max_requests,
        keys,
        rate_limit: config.rate_limit,
        bind: config.bind,
        allowed_hosts: config.allowed_hosts.clone(),
        managed: config.managed,
        stop: shutdown.soft().clone(),
        ..AppOptions::new(folder.workspace(), database)
    };
    Ok(App::new(store, config.intake(), options))
}

/// Every connection is an open file, and the usual limit of 1024 is less than two full listeners
/// need. What the system does not grant is met when accepting, which then waits.
fn raise_limit_on_files() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

async fn leave_when_unused(app: App, shutdown: Shutdown, grace: Duration) {
    tokio::select! {
        () = shutdown.soft().cancelled() => {}
        () = app.leases().unused_for(grace) => {
            tracing::info!(grace_s = grace.as_secs(), "nobody needs this backend any more");
            shutdown.ask();
        }
    }
}

/// Waits for the request to stop, then lets go of everything in turn.
async fn stop(
    connections: &Connections,
    shutdown: &Shutdown,
    app: &App,
    folder: &Folder,
) -> Result<(), ServeError> {
    shutdown.soft().cancelled().await;
    folder.withdraw();
    let drained = async {
        if tokio::time::timeout(DRAIN, connections.finish()).await.is_err() {
            tracing::warn!(waited_s = DRAIN.as_secs(), "requests were cut off");
            connections.cut();
        }
        app.store().close().await;
    };
    tokio::select! {
        () = drained => {
            tracing::info!("stopped");
            Ok(())
        }
        () = shutdown.hard().cancelled() => Err(ServeError::Aborted),
    }
}
