//! The executable of the MCP server and its companions.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_server::cli::run()
}
