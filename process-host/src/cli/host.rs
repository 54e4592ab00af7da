//! Which running host a command is about.

use std::path::{Path, PathBuf};

use clap::Args;

use super::control::{
    HostStatus,
    client::{AskError, Client},
    place,
};

/// Which running host is meant; needed only when several run.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct HostArgs {
    /// The file that the host runs; a word that ends in .toml means the same
    #[arg(long, value_name = "FILE.toml", conflicts_with = "socket")]
    file: Option<PathBuf>,
    /// The control socket of the host
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

/// A host that was found.
#[derive(Debug)]
pub(super) struct Found {
    /// The way to ask it.
    pub(super) client: Client,
    /// How it was when it was found.
    pub(super) status: HostStatus,
}

/// Why no host was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum FindError {
    /// None listens there.
    #[error("no host listens at {0}{1}")]
    Socket(String, String),
    /// None runs this file.
    #[error("no host runs {0}; `process-host run {0}` starts one{1}")]
    File(String, String),
    /// None runs.
    #[error(
        "no host of this user runs; `process-host run FILE.toml` starts one. One with a socket elsewhere is found by --socket"
    )]
    None,
    /// Several run.
    #[error("several hosts run, say which one by its file or --socket:\n{0}")]
    Several(String),
    /// The words make no sense together.
    #[error("{0}")]
    Words(String),
    /// It is there and does not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
}

impl HostArgs {
    /// Takes a file's name out of `words`, where children are named, too; what is left are these.
    ///
    /// # Errors
    /// When two files are named.
    pub(super) fn take_file(mut self, words: Vec<String>) -> Result<(Self, Vec<String>), FindError> {
        let is_file = |word: &String| Path::new(word).extension().is_some_and(|end| end == "toml");
        let (files, rest): (Vec<_>, Vec<_>) = words.into_iter().partition(is_file);
        for file in files {
            if self.file.is_some() || self.socket.is_some() {
                return Err(FindError::Words(format!(
                    "{file}: a host was named already, and there can be one only"
                )));
            }
            self.file = Some(file.into());
        }
        Ok((self, rest))
    }

    /// As [`HostArgs::take_file`], where at most one child is named.
    ///
    /// # Errors
    /// When two files or two children are named.
    pub(super) fn take_file_and_child(self, words: Vec<String>) -> Result<(Self, Option<String>), FindError> {
        let (host, mut rest) = self.take_file(words)?;
        let child = rest.pop();
        match rest.pop() {
            Some(other) => {
                let two = child.unwrap_or_default();
                Err(FindError::Words(format!("{other} and {two}: name one child; a file ends in .toml")))
            }
            None => Ok((host, child)),
        }
    }

    /// Whether a host was named.
    pub(super) fn is_named(&self) -> bool {
        self.file.is_some() || self.socket.is_some()
    }

    /// Finds the host that is meant: the one that was named, else the one that runs.
    ///
    /// # Errors
    /// [`FindError`], with the hosts that run.
    pub(super) async fn find(&self) -> Result<Found, FindError> {
        match (&self.socket, &self.file) {
            (Some(socket), _) => match Client::connect(socket).await {
                Ok(client) => Ok(Found { status: client.status().await?, client }),
                Err(error) => {
                    let socket = format!("{} ({error})", socket.display());
                    Err(FindError::Socket(socket, list_after("; these run:\n", &running().await)))
                }
            },
            (None, Some(file)) => find_by_file(file).await,
            (None, None) => {
                let mut running = running().await;
                match (running.pop(), running.is_empty()) {
                    (None, _) => Err(FindError::None),
                    (Some(found), true) => Ok(found),
                    (Some(last), false) => {
                        running.push(last);
                        Err(FindError::Several(list_after("", &running)))
                    }
                }
            }
        }
    }
}

async fn find_by_file(file: &Path) -> Result<Found, FindError> {
    let name = file.display().to_string();
    let Ok(absolute) = file.canonicalize() else {
        return Err(FindError::Words(format!("there is no file {name}")));
    };
    if let Ok(client) = Client::connect(&place::socket_of(&absolute)).await {
        return Ok(Found { status: client.status().await?, client });
    }
    Err(FindError::File(name, list_after("; these run:\n", &running().await)))
}

/// The hosts of this user whose sockets are where they are by default.
async fn running() -> Vec<Found> {
    let mut running = Vec::new();
    for socket in place::sockets() {
        // A socket may be there without its host, and a host may be ending.
        if let Ok(client) = Client::connect(&socket).await
            && let Ok(status) = client.status().await
        {
            running.push(Found { client, status });
        }
    }
    running
}

fn list_after(head: &str, running: &[Found]) -> String {
    let line = |found: &Found| format!("{}  process {}", found.status.file.display(), found.status.pid);
    let lines: Vec<_> = running.iter().map(line).collect();
    if lines.is_empty() { String::new() } else { format!("{head}{}", lines.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Result<(HostArgs, Option<String>), FindError> {
        HostArgs::default().take_file_and_child(words.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_word_that_ends_in_toml_is_the_file() {
        let (host, child) = words(&["app.toml", "web"]).unwrap();
        assert_eq!((host.file, child.as_deref()), (Some("app.toml".into()), Some("web")));
        let (host, child) = words(&["web"]).unwrap();
        assert_eq!((host.is_named(), child.as_deref()), (false, Some("web")));
        for wrong in [&["a.toml", "b.toml"][..], &["a", "b"]] {
            assert!(words(wrong).is_err(), "{wrong:?}");
        }
    }
}
