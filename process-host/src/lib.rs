//! Runs other programs as reliably as OTP does.

pub mod connection;
pub mod detached;
pub mod exit;
pub mod log;
mod log_file;
pub mod output;
pub mod pool;
pub mod port;
pub mod process;
pub mod resources;
pub mod spec;

pub use connection::{CallError, CallOptions, Closed, Connection, ConnectionOptions, Incoming};
pub use detached::Detached;
pub use exit::Exit;
pub use log::Log;
pub use log_file::LogFile;
pub use output::output;
pub use pool::{Pool, PoolConfig};
pub use port::Port;
pub use process::{Process, SpawnError};
pub use resources::{ResourceLimits, Resources};
