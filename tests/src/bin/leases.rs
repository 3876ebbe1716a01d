//! Clients that take each other's devices, and a ledger in the devices of who was inside.
//!
//! `leases --rounds N` runs N rounds of each kind: clients that lease the same devices in different orders while somebody kicks
//! them, and clients whose transactions and batches must not mix. It ends with one line of counts.

use std::error::Error;
use std::process::ExitCode;

use tests::lease_rounds::run;

fn main() -> ExitCode {
    match rounds().and_then(run) {
        Ok(counts) => {
            println!("{counts}");
            match counts.is_clean() {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn rounds() -> Result<u64, Box<dyn Error + Send + Sync>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Ok(1_000),
        ["--rounds", rounds] => Ok(rounds.parse()?),
        _ => Err("expected `--rounds N`".into()),
    }
}
