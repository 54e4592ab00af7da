//! Mistakes on the command line.

use std::process::ExitCode;

use clap::error::ErrorKind;

/// Exit code of a command line that makes no sense.
const WRONG_USE: u8 = 2;

/// Prints what clap has to say instead of running a command: help and versions as clap writes them,
/// mistakes on one line.
pub fn explain(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // Whoever asked for it may have left.
            let _ = error.print();
            if error.exit_code() == 0 { ExitCode::SUCCESS } else { ExitCode::from(WRONG_USE) }
        }
        _ => {
            crate::print_error(&in_one_line(&error.to_string()));
            ExitCode::from(WRONG_USE)
        }
    }
}

/// What clap says over several paragraphs, without the usage that `--help` shows better.
fn in_one_line(said: &str) -> String {
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let told = said.split("\nUsage:").next().unwrap_or(said);
    let told = told.split("\nFor more information").next().unwrap_or(told);
    let parts = told.split("\n\n").map(|part| crate::one_line(part.trim().trim_start_matches("tip: ")));
    let parts: Vec<_> = parts.filter(|part| !part.is_empty()).collect();
    format!("{}. See --help.", parts.join("; "))
}

#[cfg(test)]
mod tests {
    use clap::{Parser, Subcommand};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(subcommand)]
        command: Command,
    }

    #[derive(Debug, Subcommand)]
    enum Command {
        Doctor,
        Call { tool: String },
    }

    #[test]
    fn mistakes_are_told_on_one_line() {
        let told = |line: &[&str]| in_one_line(&Cli::try_parse_from(line).unwrap_err().to_string());
        assert_eq!(
            told(&["x", "doctr"]),
            "unrecognized subcommand 'doctr'; a similar subcommand exists: 'doctor'. See --help."
        );
        let missing = told(&["x", "call"]);
        assert!(!missing.contains('\n') && missing.contains("<TOOL>"), "{missing}");
    }
}
