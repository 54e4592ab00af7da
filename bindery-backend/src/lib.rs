//! The backend of Bindery: the task store and what it is asked through.
//!
//! A request comes in at [`http`], by REST or JSON-RPC, and becomes a name, one input and a
//! caller. [`app::App::call`] guards the input, reads it as the operation's type and hands it to
//! whoever implements [`handle::Handle`] for it: the [`store`], or the application itself where
//! the question is about this process. [`serve`] takes a workspace, opens the store, listens, and
//! lets go of all of it in turn.

mod admission;
pub mod app;
mod backups;
mod catalogue;
pub mod config;
mod feed;
pub mod handle;
mod health;
pub mod http;
pub mod keys;
pub mod leases;
pub mod maintenance;
pub mod new_file;
mod requests;
pub mod roles;
pub mod serve;
pub mod store;
