//! What Bindery costs beside the bare wire: floors and ours in alternating rounds of one run.

#![allow(missing_docs, reason = "a program, not a library")]

mod echo;
mod hello;
mod http;
mod load;
mod mcp;
mod measure;
mod naive;
mod peers;
mod ports;
mod rmcp_echo;
mod scale;
mod server;
mod startup;
mod store;
mod table;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use measure::{Effort, Row};

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
    /// All of the following.
    All,
    /// The backend's REST face beside axum that says hello.
    Http,
    /// The MCP face beside rmcp that says what it was told.
    Mcp,
    /// Durable writes beside other ways to write.
    Store,
    /// Child processes: messages to them, pools of them, starting them, keeping them.
    Ports,
    /// From the start of a process to its first answer.
    Startup,
    /// A million tasks beside ten thousand: putting them in, finding them, starting with them.
    Scale,
    /// Other MCP servers, where `bench/peers.sh` has installed them.
    Peers,
    #[command(flatten)]
    Floor(Floor),
}

/// What the others are measured beside: processes that this program starts of itself.
#[derive(Subcommand)]
enum Floor {
    #[command(hide = true)]
    Echo,
    #[command(hide = true)]
    Hello { folder: PathBuf },
    #[command(hide = true)]
    Naive { folder: PathBuf },
    #[command(hide = true)]
    RmcpEcho,
}

/// Measures what a group of rows says.
type Measure = fn(Effort) -> anyhow::Result<Vec<Row>>;

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let effort = if arguments.quick { Effort::QUICK } else { Effort::FULL };
    let measures: &[Measure] = match arguments.what {
        What::All => &[http::run, mcp::run, store::run, ports::run, startup::run, scale::run, peers::run],
        What::Http => &[http::run],
        What::Mcp => &[mcp::run],
        What::Store => &[store::run],
        What::Ports => &[ports::run],
        What::Startup => &[startup::run],
        What::Scale => &[scale::run],
        What::Peers => &[peers::run],
        What::Floor(floor) => return be(floor),
    };
    let rows: Vec<_> = measures.iter().map(|measure| measure(effort)).collect::<anyhow::Result<_>>()?;
    let rows = rows.concat();
    table::print(&rows)?;
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_string_pretty(&rows)?)?;
    }
    Ok(())
}

fn be(floor: Floor) -> anyhow::Result<()> {
    if matches!(floor, Floor::Echo) {
        return Ok(echo::answer()?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match floor {
            Floor::Echo => Ok(()),
            Floor::Hello { folder } => hello::serve(&folder).await,
            Floor::Naive { folder } => naive::serve(&folder).await,
            Floor::RmcpEcho => rmcp_echo::serve().await,
        }
    })
}
