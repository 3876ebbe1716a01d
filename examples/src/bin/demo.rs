//! Two simulated power meters behind one server, read by a client in a process of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use examples::powermeter::{Powermeter, PowermeterError, PowermeterProxy};
use examples::programs::{self, Failure};
use examples::simulator::SimulatedPowermeter;
use ipc_client::{CallError, Client};
use ipc_server::{Device, Server, ServerHandle, Shared};

/// Starts two simulated power meters, a server for them, and a client that reads them.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Number of rows of readings that the client takes.
    #[arg(long, value_name = "N", default_value_t = 40)]
    readings: u32,
    /// Keep the server running after the client has finished.
    #[arg(long)]
    keep_running: bool,
    /// File with a secret for server and client; their connection is then encrypted.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Let several clients use the server at the same time: a monitor reads along while the client measures.
    #[arg(long)]
    shared: bool,
    /// Run as the client of the server at this address.
    #[arg(long, value_name = "ADDR", hide = true)]
    client_of: Option<SocketAddr>,
}

fn main() -> ExitCode {
    programs::log_to_stderr();
    let options = Options::parse();
    programs::exit(match options.client_of {
        Some(server) => client(server, &options),
        None => server(&options),
    })
}

/// The lab host, which owns the instruments.
fn server(options: &Options) -> Result<(), Failure> {
    let (pump_simulator, signal_simulator) = (programs::simulated(1)?, programs::simulated(2)?);
    signal_simulator.set_light_w(0.3e-6);
    let server = serve(&pump_simulator, &signal_simulator, options)?;
    println!(
        "instruments: {}, {}",
        pump_simulator.path().display(),
        signal_simulator.path().display()
    );
    println!(
        "server:      {} in process {}",
        server.local_addr(),
        std::process::id()
    );

    let mut client = Command::new(std::env::current_exe()?);
    client.args(["--client-of", &server.local_addr().to_string()]);
    client.args(["--readings", &options.readings.to_string()]);
    if let Some(file) = &options.secret_file {
        client.arg("--secret-file").arg(file);
    }
    let mut client = client.spawn()?;
    let monitored = match options.shared {
        true => Some(monitor(&server, &mut client, options)?),
        false => None,
    };
    let status = client.wait()?;
    if !status.success() {
        return Err(format!("the client process ended with {status}").into());
    }
    if let Some(readings) = monitored {
        println!("monitor: {readings} readings beside the client, 0 faults");
    }
    if options.keep_running {
        print_what_to_try(&server, options.secret_file.as_deref());
        wait_for_ctrl_c()?;
    }
    server.stop();
    Ok(())
}

/// A second client, which reads a range ten times a second while the first one measures. Returns the number of readings.
fn monitor(server: &ServerHandle, client: &mut Child, options: &Options) -> Result<u32, Failure> {
    let address = server.local_addr().to_string();
    let monitor = programs::connect(&address, options.secret_file.as_deref())?;
    let pump = PowermeterProxy::with_prefix(&monitor, "pump_");
    let mut readings = 0;
    while client.try_wait()?.is_none() {
        pump.range()?;
        readings += 1;
        thread::sleep(Duration::from_millis(100));
    }
    monitor.close();
    Ok(readings)
}

fn serve(
    pump: &SimulatedPowermeter,
    signal: &SimulatedPowermeter,
    options: &Options,
) -> Result<ServerHandle, Failure> {
    let pump = Shared::new(Powermeter::open(pump.path())?);
    let signal = Shared::new(Powermeter::open(signal.path())?);
    let both = (pump.clone(), signal.clone());
    let mut server = Server::builder()
        .port(0)
        .device(Device::new(pump).prefix("pump_"))
        .device(Device::new(signal).prefix("signal_"))
        .function(
            "read_voltages",
            move || -> Result<(f64, f64), PowermeterError> {
                Ok((
                    both.0.lock().read_voltage(1)?,
                    both.1.lock().read_voltage(1)?,
                ))
            },
        )
        .uses(["pump", "signal"]);
    if options.shared {
        server = server.shared();
    }
    if let Some(secret) = programs::secret(options.secret_file.as_deref())? {
        server = server.secret(secret);
    }
    Ok(server.spawn()?)
}

fn print_what_to_try(server: &ServerHandle, secret_file: Option<&Path>) {
    let address = server.local_addr();
    let secret = secret_file.map(|file| format!(" --secret-file {}", file.display()));
    let secret = secret.unwrap_or_default();
    println!("\nThe server keeps running. In another terminal, try:\n");
    println!(
        "    cargo run --release -p examples --bin powermeter-client -- {address} --prefix pump_{secret}\n"
    );
    println!("Ctrl-C ends it.");
}

fn wait_for_ctrl_c() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    Ok(runtime.block_on(tokio::signal::ctrl_c())?)
}

/// Any other computer, which uses the instruments as if they were attached to it.
fn client(server: SocketAddr, options: &Options) -> Result<(), Failure> {
    let client = programs::connect(&server.to_string(), options.secret_file.as_deref())?;
    println!("client:      process {}\n", std::process::id());
    let mut tally = Tally::default();
    if let Err(error) = measure(&client, options.readings, &mut tally) {
        eprintln!("error: {error}");
        tally.faults += 1;
    }
    client.close();
    println!(
        "demo: 2 devices, {} calls, {} faults",
        tally.calls, tally.faults
    );
    match tally.faults {
        0 => Ok(()),
        faults => Err(format!("{faults} calls failed").into()),
    }
}

/// Counts the calls of the client.
#[derive(Debug, Default)]
struct Tally {
    calls: u32,
    faults: u32,
}

impl Tally {
    fn count<T>(&mut self, result: Result<T, CallError>) -> Result<T, CallError> {
        self.calls += 1;
        result
    }
}

fn measure(client: &Client, readings: u32, tally: &mut Tally) -> Result<(), CallError> {
    let pump = PowermeterProxy::with_prefix(client, "pump_");
    let signal = PowermeterProxy::with_prefix(client, "signal_");
    for (name, meter, range) in [("pump", &pump, 2), ("signal", &signal, 1)] {
        tally.count(meter.set_range(range))?;
        let identity = tally.count(meter.identity())?;
        println!(
            "{name:>8}: {identity}, range {}",
            tally.count(meter.range())?
        );
    }
    println!(
        "\n{:>8} {:>14} {:>14} {:>20}",
        "reading", "pump", "signal", "both at once"
    );
    for reading in 1..=readings {
        let pump_v = tally.count(pump.read_voltage(20))?;
        let signal_v = tally.count(signal.read_voltage(20))?;
        let (a, b): (f64, f64) = tally.count(client.call("read_voltages", ()))?;
        println!("{reading:>8} {pump_v:>12.6} V {signal_v:>12.6} V {a:>8.4} V {b:>8.4} V");
        thread::sleep(Duration::from_millis(50));
    }
    println!();
    Ok(())
}
