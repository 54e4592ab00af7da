//! Runs other programs as reliably as OTP does.

pub mod exit;
pub mod log;
mod machine;
pub mod spec;

pub use exit::Exit;
pub use log::Log;
