//! From a configuration to a running backend, and back.
//!
//! The order matters. The lock comes first, so that everything in `.vespera` is ours: the store
//! is opened once, a socket that lies there is stale. `backend.json` comes last, so that whoever
//! reads it can connect. At the end it goes first.

pub mod announce;
mod folder;
mod listen;
mod shutdown;

use std::{path::PathBuf, time::Duration};

use axum::Router;
use tokio_util::task::TaskTracker;

use self::{
    folder::Folder,
    listen::{OwnersOnly, Tcp},
};
pub use self::{folder::FolderError, listen::ListenError, shutdown::Shutdown};
use crate::{
    app::{App, AppOptions},
    config::Config,
    http,
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
    let folder = Folder::take(&config.workspace)?;
    let app = open(&config, &folder, &shutdown).await?;
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

    let tasks = TaskTracker::new();
    run(&tasks, &shutdown, socket, http::socket_app(app.clone()));
    if let Some(tcp) = tcp {
        run(&tasks, &shutdown, tcp.into_listener(), http::app(app.clone()));
    }
    if config.managed {
        tasks.spawn(leave_when_unused(app.clone(), shutdown.clone(), config.grace));
    }
    stop(&tasks, &shutdown, &app, &folder).await
}

async fn open(config: &Config, folder: &Folder, shutdown: &Shutdown) -> Result<App, ServeError> {
    let roles = Roles::load(folder.roles().as_deref())?;
    let database = folder.database();
    let mut options = StoreOptions::new(&database);
    options.synchronous = config.durability;
    let store = Store::open(options, roles)
        .await
        .map_err(|source| ServeError::Store { path: database.clone(), source })?;
    let options = AppOptions {
        production: config.production,
        max_body: config.max_body,
        request_timeout: config.request_timeout,
        allowed_hosts: config.allowed_hosts.clone(),
        managed: config.managed,
        stop: shutdown.soft().clone(),
        ..AppOptions::new(folder.workspace(), database)
    };
    Ok(App::new(store, config.intake(), options))
}

fn run<L>(tasks: &TaskTracker, shutdown: &Shutdown, listener: L, routes: Router)
where
    L: axum::serve::Listener,
    L::Addr: std::fmt::Debug,
{
    let soft = shutdown.soft().clone();
    let server = axum::serve(listener, routes).with_graceful_shutdown(soft.cancelled_owned());
    tasks.spawn(async move {
        // The listeners retry what can be retried; axum has no other error to return.
        if let Err(error) = server.await {
            tracing::error!(%error, "a listener ended");
        }
    });
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
    tasks: &TaskTracker,
    shutdown: &Shutdown,
    app: &App,
    folder: &Folder,
) -> Result<(), ServeError> {
    shutdown.soft().cancelled().await;
    folder.withdraw();
    tasks.close();
    let drained = async {
        if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
            tracing::warn!(waited_s = DRAIN.as_secs(), "requests were cut off");
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
