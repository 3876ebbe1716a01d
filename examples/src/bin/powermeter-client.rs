//! Reads a power meter attached to another computer.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use examples::powermeter::PowermeterProxy;
use examples::programs::{self, Failure};

/// Reads an optical power meter over the network.
#[derive(Debug, Parser)]
#[command(version)]
struct Options {
    /// Address of the server; the port is optional.
    #[arg(value_name = "HOST[:PORT]")]
    server: String,
    /// Prefix of the instrument, if the server has several.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Select this range first: 1 (most sensitive) to 5.
    #[arg(long, value_name = "1..5")]
    range: Option<u8>,
    /// Number of readings.
    #[arg(long, value_name = "N", default_value_t = 10)]
    readings: u32,
    /// Number of samples averaged for each reading.
    #[arg(long, value_name = "N", default_value_t = 20)]
    samples: u32,
    /// Also take a waveform of this many samples, and show its progress.
    #[arg(long, value_name = "N")]
    waveform: Option<u32>,
    /// File with the secret of the server. By default, the environment variable IPC_SECRET is used.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    programs::log_to_stderr();
    programs::exit(read(&Options::parse()))
}

fn read(options: &Options) -> Result<(), Failure> {
    let client = programs::connect(&options.server, options.secret_file.as_deref())?;
    let meter = PowermeterProxy::with_prefix(&client, &options.prefix);
    println!("{}", meter.identity()?);
    if let Some(range) = options.range {
        meter.set_range(range)?;
    }
    println!("range {}", meter.range()?);
    for _ in 0..options.readings {
        println!("{:.6} V", meter.read_voltage(options.samples)?);
    }
    if let Some(samples) = options.waveform {
        let watched = client
            .on_progress(|fraction, message| eprint!("\r{message}: {:.0} %", 100.0 * fraction));
        let volts =
            PowermeterProxy::with_prefix(&watched, &options.prefix).read_waveform(samples)?;
        let mean_v = volts.iter().sum::<f64>() / f64::from(samples);
        println!("\n{} readings, {mean_v:.6} V on average", volts.len());
    }
    client.close();
    Ok(())
}
