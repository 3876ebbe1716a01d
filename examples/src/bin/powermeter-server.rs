//! Serves one power meter, either on a serial port or simulated.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::powermeter::Powermeter;
use examples::programs::{self, Failure};
use ipc_server::{DEFAULT_PORT, Server};

/// Serves an optical power meter over the network.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Serial port of the instrument, for example /dev/serial/by-id/usb-...
    #[arg(long, value_name = "PATH", required_unless_present = "simulate")]
    device: Option<PathBuf>,
    /// Serve a simulated instrument instead of a real one.
    #[arg(long, conflicts_with = "device")]
    simulate: bool,
    /// Name or address to listen on; `*` means all addresses of this computer.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    bind: String,
    /// Port to listen on; 0 means any free port.
    #[arg(long, value_name = "N", default_value_t = DEFAULT_PORT)]
    port: u16,
    /// File with the secret that clients must have, too. IPC_SECRET in the environment does the same.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Let everybody in the network use the instrument, without a secret.
    #[arg(long)]
    insecure_without_secret: bool,
}

fn main() -> ExitCode {
    programs::exit(serve(Options::parse()))
}

fn serve(options: Options) -> Result<(), Failure> {
    let secret = programs::secret(options.secret_file.as_deref())?;
    let mut server = Server::builder().port(options.port).bind(&options.bind);
    if options.insecure_without_secret {
        server = server.insecure_without_secret();
    }
    if let Some(secret) = secret {
        server = server.secret(secret);
    }
    match options.device {
        Some(path) => server.device(Powermeter::open(path)?).run()?,
        None => {
            let simulated = programs::simulated(1)?;
            eprintln!("Simulating a power meter on {}", simulated.path().display());
            server.device(Powermeter::open(simulated.path())?).run()?;
        }
    }
    Ok(())
}
