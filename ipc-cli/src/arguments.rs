//! The command line.

mod help;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::{ContextKind, ContextValue};
use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::{Output, report};
use crate::times::{parse as time, parse_or_forever as time_or_forever};

/// Instruments attached to another computer, from any shell.
///
/// The server is chosen by -a or -s, else by the environment variable IPC_ADDRESS, else by `default` in hosts.toml.
#[derive(Debug, Parser)]
#[command(name = "ipc", version, propagate_version = true, after_help = help::PROGRAM)]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// A line of the shell: a command without the options that choose the server.
#[derive(Debug, Parser)]
#[command(
    name = "",
    no_binary_name = true,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub(crate) struct Line {
    /// One JSON object a line, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What every command takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Server and output")]
pub(crate) struct Global {
    /// Address of the server
    #[arg(short, long, global = true, value_name = "HOST[:PORT]")]
    pub(crate) address: Option<String>,
    /// Name of the server in hosts.toml
    #[arg(short, long, global = true, value_name = "NAME")]
    pub(crate) server: Option<String>,
    /// Service of the server, if it has one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) service: Option<String>,
    /// File with the secret of the server
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) secret_file: Option<PathBuf>,
    /// Ask for the secret at the terminal
    #[arg(long, global = true)]
    pub(crate) ask_secret: bool,
    /// One JSON object a line, for programs
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How long to wait for a server or a device that others use: 0 not at all, or forever [default: 30s]
    #[arg(long, global = true, value_name = "TIME", value_parser = time_or_forever)]
    pub(crate) wait: Option<Duration>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Verb {
    /// List devices, methods and functions
    List(ListOptions),
    /// Explain a device, a method, a property or a function
    Describe(DescribeOptions),
    /// Call a method or a function
    Call(CallOptions),
    /// Read a property
    Get(GetOptions),
    /// Set a property
    Set(SetOptions),
    /// Watch properties
    Monitor(MonitorOptions),
    /// List clients, queue, leases, and what runs
    Who,
    /// Keep devices for yourself
    Lease(LeaseOptions),
    /// End your own lease of devices
    Release(ReleaseOptions),
    /// Disconnect a client, or end the lease of a device
    Kick(KickOptions),
    /// Measure how long the server takes to answer
    Ping(PingOptions),
    /// Tell what the server is
    Info,
    /// Give commands one after the other, with history and completion
    Shell,
    /// Make a secret
    Keygen(KeygenOptions),
    /// Write a completion script
    Completions(CompletionsOptions),
    /// Tell the version of this program
    Version,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::LIST)]
pub(crate) struct ListOptions {
    /// Only this device
    pub(crate) device: Option<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::DESCRIBE)]
pub(crate) struct DescribeOptions {
    /// Device, DEVICE.METHOD, DEVICE.PROPERTY or function; everything without it
    pub(crate) name: Option<String>,
}

/// How long a call may take, and where its result goes.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ResultOptions {
    /// Give up a call that runs for longer; it may go on at the instrument
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    /// Save the result as a NumPy array
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) npy: Option<PathBuf>,
    /// Save the result as a table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) csv: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::CALL)]
pub(crate) struct CallOptions {
    #[command(flatten)]
    pub(crate) result: ResultOptions,
    /// DEVICE.METHOD, the name of a function, or a flat name such as pump_read_voltage
    pub(crate) name: String,
    /// The arguments: VALUE or NAME=VALUE
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENT"
    )]
    pub(crate) words: Vec<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::GET)]
pub(crate) struct GetOptions {
    #[command(flatten)]
    pub(crate) result: ResultOptions,
    /// DEVICE.PROPERTY, or a flat name such as pump_range
    pub(crate) name: String,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::SET)]
pub(crate) struct SetOptions {
    /// Give up a call that runs for longer; it may go on at the instrument
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) timeout: Option<Duration>,
    /// DEVICE.PROPERTY, or a flat name such as pump_range
    pub(crate) name: String,
    /// The value, with its unit or without
    #[arg(allow_hyphen_values = true)]
    pub(crate) value: String,
}

#[derive(Clone, Debug, Default, Args)]
#[command(after_help = help::MONITOR)]
pub(crate) struct MonitorOptions {
    /// DEVICE.PROPERTY, a method, which is called each time, or a device with all its properties
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Time between two readings
    #[arg(long, value_name = "TIME", default_value = "500ms", value_parser = time)]
    pub(crate) every: Duration,
    /// End after so many readings of each name
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) count: Option<u64>,
    /// Append the readings to a table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) csv: Option<PathBuf>,
    /// Draw a live chart
    #[arg(long)]
    pub(crate) plot: bool,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::LEASE)]
pub(crate) struct LeaseOptions {
    /// The devices: all of them are leased, or none
    #[arg(required = true, value_name = "DEVICE")]
    pub(crate) devices: Vec<String>,
    /// End the lease after this time
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub(crate) time: Option<Duration>,
    /// What for; shown to others who want the devices
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Hold the lease while this program runs, and end with its exit code
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::RELEASE)]
pub(crate) struct ReleaseOptions {
    /// The devices
    #[arg(required = true, value_name = "DEVICE")]
    pub(crate) devices: Vec<String>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::KICK)]
pub(crate) struct KickOptions {
    /// A device, whose lease is ended, or the number of a client, which is disconnected
    #[arg(value_name = "DEVICE|#ID")]
    pub(crate) whom: String,
    /// Reason, shown to the client that has to leave
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// How long the holder of a lease may finish
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) notice: Option<Duration>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::PING)]
pub(crate) struct PingOptions {
    /// Number of questions
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) count: u32,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::KEYGEN)]
pub(crate) struct KeygenOptions {
    /// File for the secret, which must not exist yet; standard output without it
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = help::COMPLETIONS)]
pub(crate) struct CompletionsOptions {
    /// The shell
    pub(crate) shell: Shell,
}

impl Verb {
    /// What the client of this command calls itself.
    pub(crate) fn program(&self) -> &'static str {
        match self {
            Self::List(_) => "ipc list",
            Self::Describe(_) => "ipc describe",
            Self::Call(_) => "ipc call",
            Self::Get(_) => "ipc get",
            Self::Set(_) => "ipc set",
            Self::Monitor(_) => "ipc monitor",
            Self::Who => "ipc who",
            Self::Lease(_) => LEASE,
            Self::Release(_) => "ipc release",
            Self::Kick(_) => "ipc kick",
            Self::Ping(_) => "ipc ping",
            Self::Info => "ipc info",
            Self::Shell => SHELL,
            Self::Keygen(_) | Self::Completions(_) | Self::Version => "ipc",
        }
    }
}

/// Reads the command line of this process. Ends it for `--help` and mistakes.
pub(crate) fn read() -> CommandLine {
    let words: Vec<_> = std::env::args_os().collect();
    CommandLine::try_parse_from(&words)
        .or_else(|error| short_form(&words, error))
        .unwrap_or_else(|error| {
            let wants_json = std::env::args_os().any(|word| word == "--json");
            if error.use_stderr() && wants_json {
                let text = error.to_string();
                let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
                report(&Failure::usage(text), Output { json: true });
                std::process::exit(error.exit_code())
            }
            error.exit()
        })
}

/// Takes `ipc pump.range` for `ipc call pump.range`.
fn short_form(words: &[OsString], error: clap::Error) -> Result<CommandLine, clap::Error> {
    let unknown = error.get(ContextKind::InvalidSubcommand);
    let Some(ContextValue::String(name)) = unknown.filter(|it| it.to_string().contains('.')) else {
        return Err(error);
    };
    // The same word may be the value of an option before it.
    let places = words
        .iter()
        .enumerate()
        .filter(|(_, word)| *word == name.as_str());
    let mut lines = places.map(|(at, _)| {
        let (before, after) = words.split_at(at);
        let call = [OsString::from("call")];
        CommandLine::try_parse_from(before.iter().chain(&call).chain(after))
    });
    lines.find_map(Result::ok).ok_or(error)
}

/// Reads a line of the shell.
pub(crate) fn line(words: &[String]) -> Result<Line, clap::Error> {
    Line::try_parse_from(words)
}

/// What `ipc shell` calls itself.
pub(crate) const SHELL: &str = "ipc shell";

/// What `ipc lease` calls itself.
pub(crate) const LEASE: &str = "ipc lease";
