//! Runs other programs as reliably as OTP does.

pub mod connection;
pub mod exit;
pub mod log;
pub mod spec;

pub use connection::{CallError, CallOptions, Closed, Connection, ConnectionOptions, Incoming};
pub use exit::Exit;
pub use log::Log;
