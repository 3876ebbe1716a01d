//! What the example programs have in common.

use std::error::Error;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use ipc_client::{Client, ConnectError, ConnectionState};
use ipc_core::Secret;
use ipc_core::secure::SECRET_VARIABLE;

/// Why a program ends early.
pub type Failure = Box<dyn Error>;

/// Prints what the libraries log, warnings and up; `RUST_LOG=info` shows more.
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

/// Tells the user why the program ends.
pub fn exit(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The secret in `file`, or in the environment, or none.
///
/// # Errors
///
/// If there should be one, and it cannot be had.
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
/// If there is no server, it cannot be used, or the secret cannot be had.
pub fn connect(server: &str, secret_file: Option<&Path>) -> Result<Client, Failure> {
    // A person who waits wants to know what for.
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

/// A simulated power meter with light on it, different for each `seed`.
///
/// # Errors
///
/// If the system gives no pseudo-terminal.
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
