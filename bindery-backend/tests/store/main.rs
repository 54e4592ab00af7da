//! The store, on a real database in a temporary folder.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should say where")]

mod checkpoints;
mod claims;
mod corruption;
mod documents;
mod exchange;
mod files;
mod fixture;
mod history;
mod indexing;
mod lists;
mod merging;
mod model;
mod plans;
mod portable;
mod requests;
mod rows;
mod story;
mod writer;
