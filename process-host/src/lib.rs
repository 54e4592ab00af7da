//! Runs other programs as reliably as OTP does.

pub mod exit;
pub mod log;
pub mod process;
pub mod spec;

pub use exit::Exit;
pub use log::Log;
pub use process::{Process, SpawnError};
