//! The backend of Bindery: the task store and what it is asked through.

pub mod handle;
pub mod roles;
pub mod store;
