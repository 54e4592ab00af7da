//! Where a backend is reached, and the proof that it is ours.
//!
//! A file says where the backend of a workspace listens, and a file can be old, copied along with
//! its directory, or name a port that another program has taken since. So nothing is sent to an
//! address before its `/health` named this workspace and the database the file names.

use std::{fs, io, path::Path, time::Duration};

use reqwest::{Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use shared_types::{
    announcement::{Announcement, FILE_NAME},
    health::Health,
};

use crate::workspace::Workspace;

/// How long a handshake may take. A backend that needs longer is as good as silent.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// How long a question that needs no store may take; it is asked while somebody waits.
const LIVE_QUESTION: Duration = Duration::from_millis(300);
/// Connections kept open between calls.
const IDLE_CONNECTIONS: usize = 5;

/// What the backend of `state_dir` wrote about itself, if there is one.
///
/// # Errors
/// When the file cannot be read or is not an announcement.
fn read_announcement(state_dir: &Path) -> io::Result<Option<Announcement>> {
    match fs::read(state_dir.join(FILE_NAME)) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Why there is no backend to talk to.
#[derive(Debug, thiserror::Error)]
pub enum Absence {
    /// No file announces one.
    #[error("no backend is announced")]
    NotAnnounced,
    /// The file cannot be read.
    #[error("the announcement cannot be read: {0}")]
    Unreadable(io::Error),
    /// Nothing answers at the announced addresses.
    #[error("the announced backend (pid {pid}) does not answer: {cause}")]
    Silent {
        /// The process id in the file.
        pid: u32,
        /// What went wrong.
        cause: String,
    },
    /// Something answers, but it is not the backend of this workspace.
    #[error("the announced address belongs to someone else: {0}")]
    Stranger(String),
}

/// How far a backend's history has come.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Position {
    /// The last change. Every write that was answered is among those up to it.
    pub seq: i64,
    /// In which database.
    pub database_id: String,
}

/// A backend that proved to be that of the workspace.
#[derive(Debug)]
pub struct Endpoint {
    http: reqwest::Client,
    base: Url,
    announcement: Announcement,
}

impl Endpoint {
    /// The backend that runs for `workspace`.
    ///
    /// # Errors
    /// [`Absence`] says why there is none.
    pub async fn find(workspace: &Workspace) -> Result<Self, Absence> {
        let announcement = read_announcement(&workspace.state_dir())
            .map_err(Absence::Unreadable)?
            .ok_or(Absence::NotAnnounced)?;
        if !is_same_directory(&announcement.workspace, workspace.root()) {
            let theirs = announcement.workspace.display();
            return Err(Absence::Stranger(format!("it serves {theirs}")));
        }
        let mut absence =
            Absence::Silent { pid: announcement.pid, cause: "it announced no address".to_owned() };
        for (http, base) in ways_to(&announcement) {
            let endpoint = Self { http, base, announcement: announcement.clone() };
            match endpoint.prove(workspace.root()).await {
                Ok(()) => return Ok(endpoint),
                Err(why) => absence = why,
            }
        }
        Err(absence)
    }

    /// The HTTP client whose connections all lead to this backend.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The address below which its routes are.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What it wrote about itself.
    pub fn announcement(&self) -> &Announcement {
        &self.announcement
    }

    /// How it is.
    ///
    /// # Errors
    /// When it does not answer in time, or not with its health.
    pub async fn health(&self) -> Result<Health, reqwest::Error> {
        self.http.get(self.route("health")).timeout(HANDSHAKE).send().await?.json().await
    }

    /// How many change feeds are open; `None` when it does not say in time.
    pub async fn leases(&self) -> Option<u64> {
        #[derive(Deserialize)]
        struct Live {
            leases: u64,
        }
        Some(self.live::<Live>().await?.leases)
    }

    /// Its position now; `None` when it does not say in time.
    pub async fn position(&self) -> Option<Position> {
        self.live().await
    }

    /// Asks it to make room for another version; says whether it does.
    pub async fn hand_over(&self) -> bool {
        let asked = self.http.post(self.route("api/handover")).timeout(HANDSHAKE).send().await;
        asked.is_ok_and(|answer| answer.status().is_success())
    }

    async fn live<T: DeserializeOwned>(&self) -> Option<T> {
        let answer = self.http.get(self.route("health/live")).timeout(LIVE_QUESTION).send().await.ok()?;
        answer.json().await.ok()
    }

    fn route(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }

    async fn prove(&self, root: &Path) -> Result<(), Absence> {
        let health = self
            .health()
            .await
            .map_err(|error| Absence::Silent { pid: self.announcement.pid, cause: innermost(&error) })?;
        if !is_same_directory(Path::new(&health.workspace), root) {
            return Err(Absence::Stranger(format!("it serves {}", health.workspace)));
        }
        if health.database_id != self.announcement.database_id {
            return Err(Absence::Stranger(format!("it keeps database {}", health.database_id)));
        }
        Ok(())
    }
}

/// The announced addresses, the private one first.
fn ways_to(announcement: &Announcement) -> Vec<(reqwest::Client, Url)> {
    let builder = || {
        reqwest::Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
    };
    let socket = Some(&announcement.socket).filter(|path| path.exists()).map(|path| {
        // The host is never resolved; it only fills the header that the backend checks.
        (builder().unix_socket(path.as_path()), "http://localhost/")
    });
    let tcp = announcement.url.as_deref().map(|url| (builder(), url));
    [socket, tcp]
        .into_iter()
        .flatten()
        .filter_map(|(builder, url)| Some((builder.build().ok()?, Url::parse(url).ok()?)))
        .collect()
}

fn is_same_directory(theirs: &Path, ours: &Path) -> bool {
    theirs.canonicalize().is_ok_and(|theirs| theirs == ours)
}

/// The cause at the bottom: the layers above it only say that there was one.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

#[cfg(test)]
impl Endpoint {
    /// A backend that never answers.
    pub(crate) fn silent() -> Self {
        let announcement = serde_json::json!({
            "pid": 1, "version": "0.1.0", "workspace": "/", "database": "tasks.db", "database_id": "none",
            "socket": "/nowhere", "url": "http://127.0.0.1:1/", "started_at": "2026-01-01T00:00:00Z"
        });
        let announcement: Announcement = serde_json::from_value(announcement).unwrap();
        let (http, base) = ways_to(&announcement).remove(0);
        Self { http, base, announcement }
    }
}
