//! Runs other programs as reliably as OTP does.

pub mod detached;
pub mod exit;
pub mod log;
mod log_file;
pub mod output;
pub mod pool;
pub mod process;
pub mod resources;
pub mod spec;

pub use detached::Detached;
pub use exit::Exit;
pub use log::Log;
pub use log_file::LogFile;
pub use output::output;
pub use pool::{Pool, PoolConfig};
pub use process::{Process, SpawnError};
pub use resources::{ResourceLimits, Resources};
