//! The command line.

use clap::{Args, Parser, Subcommand};

use super::leases::lab::Sabotage;
use super::roles::{ClientRole, ServerRole};

/// Calls an instrument through a bad network, kills its server and its clients, and counts what ran twice.
///
/// Without a command: a mixed run. The last line says what came of it; the exit status is 0 if no call ran twice,
/// none succeeded falsely, and none ended unknown without a restart of the server.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
pub struct Options {
    /// What to do instead.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The mixed run.
    /// The network between clients and server.
    #[command(flatten)]
    pub run: RunOptions,
}

/// The options of a mixed run.
#[derive(Clone, Debug, Args)]
pub struct RunOptions {
    /// Minimum number of calls.
    #[arg(long, default_value_t = 2000)]
    pub calls: u64,
    /// Number of clients in this process.
    #[arg(long, default_value_t = 4)]
    pub clients: u32,
    /// Number of threads that share each client.
    #[arg(long, default_value_t = 3)]
    pub threads: u32,
    /// Kill the server so often, at random times.
    #[arg(long, default_value_t = 0)]
    pub server_kills: u32,
    /// Kill a client process so often, at random times.
    #[arg(long, default_value_t = 0)]
    pub client_kills: u32,
    /// The network between clients and server.
    #[command(flatten)]
    pub network: NetworkOptions,
    /// Write each execution to the disk.
    #[arg(long)]
    pub fsync: bool,
    /// Most calls are given up: by a timeout, or by their caller.
    #[arg(long)]
    pub given_up: bool,
}

/// The options of the network between clients and server.
#[derive(Clone, Debug, Args)]
pub struct NetworkOptions {
    /// Encrypt what is said.
    #[arg(long)]
    pub secret: bool,
    /// Repeats the choices of an earlier run.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Something happens on each way of a connection after so many bytes on average; 0 for a good network.
    #[arg(long, default_value_t = 1500)]
    pub mean: u64,
}

/// The options of a run with leases.
#[derive(Clone, Debug, Args)]
pub struct LeaseOptions {
    /// Minimum number of calls.
    #[arg(long, default_value_t = 3000)]
    pub calls: u64,
    /// The network between clients and server.
    #[command(flatten)]
    pub network: NetworkOptions,
    /// A fault of the server that the run has to notice.
    #[arg(long)]
    pub sabotage: Option<Sabotage>,
}

/// What else there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Cuts one request and one reply at every byte, in the clear and encrypted.
    EveryByte,
    /// Kills clients that hold the server or wait for it, and measures when the others are served.
    ClientKills {
        /// How often.
        #[arg(long, default_value_t = 1000)]
        kills: u32,
        /// Encrypt what is said.
        #[arg(long)]
        secret: bool,
        /// Repeats the choices of an earlier run.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Has three clients lease the devices of a shared server and take them from each other, through a bad network.
    Leases(LeaseOptions),
    /// Makes one long call, whose connection is lost again and again.
    LongCall {
        /// How long it takes.
        #[arg(long, default_value_t = 600)]
        seconds: u64,
        /// How often its connection is lost.
        #[arg(long, default_value_t = 20)]
        cut_every: u64,
        /// Encrypt what is said.
        #[arg(long)]
        secret: bool,
    },
    /// The server process of a run.
    #[command(hide = true)]
    Server(ServerRole),
    /// A client process of a run.
    #[command(hide = true)]
    Client(ClientRole),
}
