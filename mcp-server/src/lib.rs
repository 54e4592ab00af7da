//! Bindery's face to AI assistants: fourteen task tools over MCP stdio.
//!
//! A call passes the guard, then the [`client`] (cache, deadline, retry, circuit breaker, pool),
//! and reaches the one backend of the [`workspace`], which [`lifecycle`] finds or starts. Nothing
//! but protocol messages and results is ever written to stdout.

pub mod call;
pub mod cli;
pub mod client;
pub mod config;
pub mod connect;
pub mod demo;
mod disclosure;
pub mod doctor;
pub mod executor;
pub mod lifecycle;
mod random;
pub mod server;
pub mod terminal;
pub mod tools;
pub mod workspace;

pub use client::{CallOptions, ChangeNotice, Client};
pub use config::Config;
pub use lifecycle::Backend;
