//! Runs other programs as reliably as OTP does.
//!
//! # Theory of operation
//!
//! A host starts its children through one small process of its own, the [reaper](process::Reaper):
//! it is the parent of all of them and adopts whatever they leave behind, so nothing below a host
//! survives it, whether it ends, crashes or is killed. Each child leads a process group, inherits no
//! descriptor but its standard streams, and is reaped by whoever started it.
//!
//! Upon a [`Process`] stands a [`Port`]: the process, its log, and a [`Connection`] over which it is
//! asked things in JSON-RPC. A [`Supervisor`] keeps ports running, an [`IpcManager`] queues calls to
//! one of them across its restarts, a [`Pool`] keeps several of a kind. What is decided over time is
//! decided by machines that know no clock and no process (`step(state, event, now)`); each child and
//! each supervisor is owned by one task, and handles are cheap to clone.
//!
//! A [`Detached`] service is the one exception: it may outlive its host, and answers for its own end.
//!
//! # Starting a program and talking to it
//!
//! ```
//! use process_host::{Process, spec::{ChildSpec, Command}};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut process, mut pipes) = Process::spawn(&ChildSpec::new("cat", Command::new("/bin/cat"))).await?;
//! pipes.stdin.write_all(b"{'test': 'data'}").await?;
//! let mut answer = [0; 16];
//! pipes.stdout.read_exact(&mut answer).await?;
//! assert_eq!(&answer, b"{'test': 'data'}");
//! drop(pipes);
//! assert!(process.ended().await.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! # Keeping it running, and calling it
//!
//! ```
//! use process_host::{IpcManager, Supervisor, ipc::QueueConfig, spec::SupervisorSpec};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let spec = SupervisorSpec::from_toml(r#"
//!     strategy = "one_for_one"
//!     max_restart_attempts = 5
//!     restart_window_ms = 60000
//!
//!     [[child]]
//!     name = "tools"
//!     stdio = "jsonrpc"
//!     command = ["sh", "-c", '''
//!         while read -r request; do
//!             id=${request#*\"id\":}
//!             echo "{\"jsonrpc\":\"2.0\",\"id\":${id%%,*},\"result\":{\"result\":4}}"
//!         done
//!     ''']
//! "#)?;
//! let supervisor = Supervisor::start(spec)?;
//! let tools = supervisor.child("tools").ok_or("it is there")?;
//! let queue = IpcManager::new(QueueConfig::default(), tools.connections());
//! let call = json!({"tool": "calculator", "arguments": {"expression": "2 + 2"}});
//! let answer = queue.call("call_tool", &call).await?;
//! assert_eq!(answer.get(), r#"{"result":4}"#);
//! supervisor.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Several of a kind
//!
//! ```
//! use process_host::{Pool, PoolConfig, port::Ports, spec::{ChildSpec, Command, Stdio}};
//! use std::time::Duration;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cat = ChildSpec { stdio: Stdio::JsonRpc, ..ChildSpec::new("cat", Command::new("/bin/cat")) };
//! let pool = Pool::start(Ports::new(cat), PoolConfig { max: 10, max_overflow: 5, ..PoolConfig::default() });
//! let port = pool.checkout().await?;
//! assert_eq!(pool.status().busy, 1);
//! // Returned when it is dropped, however that comes about.
//! drop(port);
//! assert!(pool.close(Duration::from_secs(10)).await);
//! # Ok(())
//! # }
//! ```
//!
//! # What holds where
//!
//! | | Linux | other Unix |
//! |---|---|---|
//! | started without a shell, with few variables and no descriptor but its streams | yes | yes, if nobody opens one without CLOEXEC |
//! | its process group ends with its handle, and with a host that ends in order | yes | yes |
//! | everything below ends with a host that is killed | yes | no |
//! | limits, sandboxes, control groups, figures of what a child uses | yes | refused or absent |
//!
//! Other systems than Linux are compiled for, not tested. What a child hides with `setsid` is killed
//! when the host ends; while the host runs, it is killed with the child only where the host has a
//! control group of its own (cgroup v2, delegated, as `systemd-run --user --scope -p Delegate=yes`
//! does).
//! Only if somebody kills the reaper itself does it survive outside such a group.

pub mod child;
pub mod connection;
pub mod detached;
pub mod events;
pub mod exit;
pub mod ipc;
pub mod log;
mod log_file;
mod machine;
pub mod output;
pub mod pool;
pub mod port;
pub mod process;
pub mod resources;
pub mod spec;
pub mod supervisor;
pub mod usage;

pub use child::{Child, ChildStatus};
pub use connection::{CallError, CallOptions, Closed, Connection, ConnectionOptions, Incoming};
pub use detached::Detached;
pub use events::{Event, EventKind, Events};
pub use exit::Exit;
pub use ipc::{IpcManager, QueueConfig};
pub use log::Log;
pub use log_file::LogFile;
pub use machine::State;
pub use output::output;
pub use pool::{Pool, PoolConfig};
pub use port::Port;
pub use process::{Process, SpawnError};
pub use resources::{ResourceLimits, Resources};
pub use supervisor::{End, Supervisor, SupervisorStatus};
pub use usage::Usage;
