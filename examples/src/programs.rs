//! Code that the example programs share.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use ipc_client::{Client, ConnectError, ConnectionState, SECRET_VARIABLE, Secret};

/// Why a program ends early.
pub type Failure = Box<dyn Error>;

/// Writes the log of the libraries to stderr: warnings and errors, or more with `RUST_LOG=info`.
pub fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        // A terminal that was closed must not end the program.
        .log_internal_errors(false)
        .init();
}

/// Prints the error, if there is one, and returns the exit code of the program.
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the secret from `file`, or else from the environment. Returns `None` if there is neither.
///
/// # Errors
///
/// If the secret cannot be read.
pub fn secret(file: Option<&Path>) -> Result<Option<Secret>, Failure> {
    match file {
        Some(file) => Ok(Some(Secret::from_file(file)?)),
        None if std::env::var_os(SECRET_VARIABLE).is_some() => Ok(Some(Secret::from_env()?)),
        None => Ok(None),
    }
}

/// Connects to a server, under a secret if there is one; see [`secret`].
///
/// # Errors
///
/// If the server cannot be reached or used, or the secret cannot be read.
pub fn connect(server: &str, secret_file: Option<&Path>) -> Result<Client, Failure> {
    // Tells the user what the program is waiting for.
    let builder = Client::builder(server).on_state(|state| match state {
        ConnectionState::Queued(_) | ConnectionState::Connecting { attempts: 1.., .. } => {
            eprintln!("{state}");
        }
        _ => {}
    });
    let connected: Result<Client, ConnectError> = match secret(secret_file)? {
        Some(secret) => builder.secret(secret).connect(),
        None => builder.connect(),
    };
    Ok(connected?)
}

/// Starts a simulated power meter in weak light, with other readings for each `seed`.
///
/// # Errors
///
/// If the operating system provides no pseudo-terminal.
#[cfg(unix)]
pub fn simulated(seed: u64) -> io::Result<crate::simulator::SimulatedPowermeter> {
    use crate::simulator::{SimulatedPowermeter, SimulatorOptions};
    let identity = format!("Example Instruments,Powermeter,SIM-{seed:04},1.0");
    SimulatedPowermeter::start(SimulatorOptions {
        identity,
        seed,
        ..SimulatorOptions::default()
    })
}
