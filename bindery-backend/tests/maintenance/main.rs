//! The commands that look after a store, with the real binary and real files.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should say where")]

mod automatic;
mod commands;
mod copies;
mod damage;
mod fixture;
mod soundness;
