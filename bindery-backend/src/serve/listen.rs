//! The two ways in: a Unix socket for the owner's programs, a loopback port for people.

use std::{
    fs, io,
    net::{IpAddr, SocketAddr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use axum::serve::Listener;
use tokio::net::{TcpListener, UnixListener, UnixStream, unix};

/// How many ports are tried after the wanted one before any is taken.
const NEXT_PORTS: u16 = 20;

/// Why there is no way to listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// On the Unix socket.
    #[error("cannot listen on {}: {source}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// On a port.
    #[error("cannot listen on {address}: {source}")]
    Port {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

/// A Unix socket that lets in only processes of its owner.
#[derive(Debug)]
pub(super) struct OwnersOnly {
    listener: UnixListener,
}

impl OwnersOnly {
    /// Listens at `path`. What lies there belongs to a backend that is gone: the lock is ours.
    pub(super) fn bind(path: &Path) -> Result<Self, ListenError> {
        let bind = || {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let listener = UnixListener::bind(path)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            Ok(Self { listener })
        };
        bind().map_err(|source| ListenError::Socket { path: path.to_owned(), source })
    }
}

impl Listener for OwnersOnly {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    /// The file's permissions keep others out already; asking the kernel who came also covers a
    /// folder on a file system that has no permissions.
    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match stream.peer_cred() {
                Ok(peer) if peer.uid() == rustix::process::geteuid().as_raw() => return (stream, address),
                Ok(peer) => tracing::warn!(uid = peer.uid(), "refused a connection of another user"),
                Err(error) => tracing::warn!(%error, "refused a connection of an unknown user"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

/// A port that is held.
#[derive(Debug)]
pub(super) struct Tcp {
    listener: TcpListener,
    address: SocketAddr,
}

impl Tcp {
    /// Takes `port`, or one of the next, or any. A port in use is passed over: whoever has it is
    /// neither shared with nor disturbed.
    pub(super) async fn bind(ip: IpAddr, port: u16) -> Result<Self, ListenError> {
        let wanted = SocketAddr::new(ip, port);
        let next = port..=port.saturating_add(NEXT_PORTS);
        let candidates = next.filter(|_| port != 0).chain([0]);
        for candidate in candidates {
            match TcpListener::bind((ip, candidate)).await {
                Ok(listener) => return Self::held(listener, wanted),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(source) => {
                    return Err(ListenError::Port { address: SocketAddr::new(ip, candidate), source });
                }
            }
        }
        Err(ListenError::Port { address: wanted, source: io::ErrorKind::AddrInUse.into() })
    }

    fn held(listener: TcpListener, wanted: SocketAddr) -> Result<Self, ListenError> {
        let address =
            listener.local_addr().map_err(|source| ListenError::Port { address: wanted, source })?;
        if wanted.port() != 0 && address != wanted {
            tracing::warn!(wanted = wanted.port(), port = address.port(), "the port is in use, took another");
        }
        Ok(Self { listener, address })
    }

    /// The address as a URL.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn into_listener(self) -> TcpListener {
        self.listener
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test]
    async fn a_port_in_use_is_passed_over() {
        let first = Tcp::bind(LOOPBACK, 0).await.unwrap();
        let second = Tcp::bind(LOOPBACK, first.address.port()).await.unwrap();
        assert_ne!(second.address.port(), first.address.port());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_the_new_one_is_the_owners() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backend.sock");
        drop(OwnersOnly::bind(&path).unwrap());
        let mut listener = OwnersOnly::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (client, _) = tokio::join!(UnixStream::connect(&path), Listener::accept(&mut listener));
        assert!(client.is_ok());
    }
}
