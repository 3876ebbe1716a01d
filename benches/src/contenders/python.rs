//! Libraries of Python, whose clients and servers are scripts that speak as the processes of this program do.

use std::process::{Command, Stdio};

use crate::works::{Kind, Work};

/// Names the Python interpreter to use.
const INTERPRETER: &str = "IPC_BENCH_PYTHON";

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/peers.py");

/// The command for the server (`serve`) or the client (`call`, to which the address is added).
pub fn command(part: &str, name: &str, work: &Work) -> Command {
    let interpreter = std::env::var_os(INTERPRETER).unwrap_or_else(|| "python3".into());
    let kind = match work.kind {
        Kind::Reply(_) => "reply",
        Kind::Paced => "paced",
        _ => "small",
    };
    let mut command = Command::new(interpreter);
    command.args(["-u", SCRIPT, part, name, kind, &work.size.to_string()]);
    // What goes wrong is printed for the parent; the libraries' logs would disturb the table.
    command.stderr(Stdio::null());
    command
}
