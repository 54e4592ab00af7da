//! Runs other programs as reliably as OTP does.

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
