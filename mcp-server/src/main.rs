//! The executable of the MCP server.

fn main() {}
