//! What Bindery costs beside the bare wire: floors and ours in alternating rounds of one run.

#![allow(missing_docs, reason = "a program, not a library")]

mod echo;
mod measure;
mod ports;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures floors and ours side by side in one run. Machines differ and are noisy: trust the ratios,
/// and those only of a quiet machine.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Fewer and shorter rounds: shows that everything runs, not how fast it is.
    #[arg(long, global = true)]
    quick: bool,
    /// Also writes the figures to this file, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Subcommand)]
enum What {
    /// Child processes: messages to them, pools of them, starting them, keeping them.
    Ports,
    /// What is at the other end of the pipe.
    #[command(hide = true)]
    Echo,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { measure::Effort::QUICK } else { measure::Effort::FULL };
    let rows = match arguments.what {
        What::Ports => ports::run(effort)?,
        What::Echo => return Ok(echo::answer()?),
    };
    table::print(&rows)?;
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}
