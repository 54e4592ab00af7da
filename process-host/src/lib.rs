//! Runs other programs as reliably as OTP does.

pub mod connection;
pub mod exit;
pub mod ipc;
pub mod log;
pub mod spec;

pub use connection::{CallError, CallOptions, Closed, Connection, ConnectionOptions, Incoming};
pub use exit::Exit;
pub use ipc::{IpcManager, QueueConfig};
pub use log::Log;
