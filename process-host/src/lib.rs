//! Runs other programs as reliably as OTP does.

pub mod detached;
pub mod exit;
pub mod log;
mod log_file;
mod machine;
pub mod process;
pub mod spec;

pub use detached::Detached;
pub use exit::Exit;
pub use log::Log;
pub use log_file::LogFile;
pub use process::{Process, SpawnError};
