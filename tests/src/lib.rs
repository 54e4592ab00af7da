//! What the end-to-end tests stand on: the real binaries, fresh workspaces, an MCP session.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on says why and stops")]

pub mod binaries;
pub mod connection;
pub mod effort;
pub mod extras;
pub mod faces;
pub mod http;
pub mod server;
pub mod session;
pub mod stop;
pub mod workspace;

pub use binaries::binary;
pub use connection::Connection;
pub use effort::effort;
pub use faces::{Face, Faces};
pub use server::Server;
pub use session::Session;
pub use stop::Stop;
pub use workspace::Workspace;
