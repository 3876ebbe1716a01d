//! Checks with real processes that no call runs twice and that no call succeeds without having run.
//!
//! ```text
//! cargo run --release -p tests --bin faults -- --calls 100000                          a bad network
//! cargo run --release -p tests --bin faults -- --calls 100000 --secret                 the same, encrypted
//! cargo run --release -p tests --bin faults -- --server-kills 1000 --fsync             a server that is killed
//! cargo run --release -p tests --bin faults -- --client-kills 1000                     clients that are killed
//! cargo run --release -p tests --bin faults -- client-kills --kills 1000               when the next one is served
//! cargo run --release -p tests --bin faults -- --calls 10000 --given-up                calls that are given up
//! cargo run --release -p tests --bin faults -- leases --calls 100000                   clients that lease devices
//! cargo run --release -p tests --bin faults -- every-byte                              cut at every byte
//! cargo run --release -p tests --bin faults -- long-call --seconds 600                 ten minutes in one call
//! ```

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tests::faults::options::{Command, LeaseOptions, Options, RunOptions};
use tests::faults::proxy::Fault;
use tests::faults::run::{self, Plan};
use tests::faults::worker::Mix;
use tests::faults::{Failure, every_byte, kills, leases, long_call, roles};

fn main() -> ExitCode {
    log_if_asked();
    let options = Options::parse();
    let complaints = match options.command {
        None => mixed(&options.run),
        Some(Command::EveryByte) => cut_at_every_byte(),
        Some(Command::ClientKills {
            kills,
            secret,
            seed,
        }) => kill_clients(kills, secret, seed),
        Some(Command::LongCall {
            seconds,
            cut_every,
            secret,
        }) => wait_long(seconds, cut_every, secret),
        Some(Command::Leases(options)) => lease_devices(&options),
        Some(Command::Server(role)) => roles::serve(&role).map(|()| vec![]),
        Some(Command::Client(role)) => roles::call(&role).map(|()| vec![]),
    };
    match complaints {
        Ok(complaints) if complaints.is_empty() => ExitCode::SUCCESS,
        Ok(complaints) => {
            eprintln!("FAILED: {}", complaints.join(", "));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

/// With `RUST_LOG` in the environment, all processes of a run log to standard error.
fn log_if_asked() {
    if let Ok(filter) = std::env::var("RUST_LOG") {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
}

type Complaints = Result<Vec<String>, Failure>;

fn mixed(options: &RunOptions) -> Complaints {
    let plan = Plan {
        program: this_program()?,
        calls: options.calls,
        clients: options.clients,
        threads: options.threads,
        server_kills: options.server_kills,
        client_kills: options.client_kills,
        secret: secret(options.network.secret),
        seed: options.network.seed,
        mean: options.network.mean,
        fsync: options.fsync,
        mix: if options.given_up {
            Mix::GivenUp
        } else {
            Mix::All
        },
    };
    let report = run::run(&plan)?;
    println!("{report}");
    println!("{}", report.last_line());
    Ok(run::complaints(&report))
}

fn cut_at_every_byte() -> Complaints {
    let mut complaints = Vec::new();
    for secret in [None, Some(SECRET)] {
        let report = every_byte::run(&this_program()?, secret, &[Fault::Cut, Fault::Reset])?;
        println!(
            "{}: {report}",
            if secret.is_some() {
                "encrypted"
            } else {
                "in the clear"
            }
        );
        complaints.extend(report.verdict.complaints());
    }
    Ok(complaints)
}

fn kill_clients(kills: u32, is_secret: bool, seed: u64) -> Complaints {
    let report = kills::run(&this_program()?, kills, secret(is_secret).as_deref(), seed)?;
    println!("{report}");
    Ok(report.verdict.complaints())
}

fn lease_devices(options: &LeaseOptions) -> Complaints {
    let report = leases::run::run(&leases::run::Plan {
        program: this_program()?,
        calls: options.calls,
        secret: secret(options.network.secret),
        seed: options.network.seed,
        mean: options.network.mean,
        sabotage: options.sabotage,
    })?;
    println!("{report}\n{}", report.last_line());
    Ok(report.complaints())
}

fn wait_long(seconds: u64, cut_every: u64, is_secret: bool) -> Complaints {
    let (length, cut_every) = (Duration::from_secs(seconds), Duration::from_secs(cut_every));
    let secret = secret(is_secret);
    let (elapsed, connections, verdict) = long_call::run(
        &this_program()?,
        length,
        cut_every,
        false,
        secret.as_deref(),
    )?;
    println!("one call of {elapsed:.1?} over {connections} connections: {verdict}");
    Ok(verdict.complaints())
}

fn this_program() -> Result<PathBuf, Failure> {
    Ok(std::env::current_exe()?)
}

fn secret(is_wanted: bool) -> Option<String> {
    is_wanted.then(|| SECRET.to_string())
}

const SECRET: &str = "waktu dan ruang";
