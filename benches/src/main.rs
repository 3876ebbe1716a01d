//! Compares this project with raw TCP and with other libraries for remote calls.
//!
//! `cargo run --release` measures everything, `cargo run --release -- --quick` the same in two minutes with more noise.
//!
//! Client and server are separate processes on this computer. The contenders take turns: in each round, each of them makes
//! calls for a short time, and is compared with raw TCP in the same round. Figures are medians over all rounds, so what else
//! the computer does at times hits all contenders alike. Absolute times depend on the computer; ratios depend on how long
//! its system calls take.

mod contenders;
mod data;
mod measure;
mod process;
mod report;
mod rounds;
mod works;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use contenders::{RAW, Target};
use data::Failure;
use measure::Ask;
use process::PLACEMENTS;
use rounds::Plan;
use works::Work;

/// Compares this project with raw TCP and with other libraries for remote calls.
#[derive(Parser)]
struct Options {
    /// Measure for two minutes instead of half an hour.
    #[arg(long)]
    quick: bool,
    /// Measure only works and contenders with this in their names. Can be repeated; raw TCP always runs.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Number of rounds.
    #[arg(long)]
    rounds: Option<u32>,
    /// Write the figures to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

/// What the processes run that this program starts.
#[derive(Subcommand)]
#[command(hide = true)]
enum Part {
    /// The server of a contender.
    Serve { contender: String, work: String },
    /// The client of a contender.
    Call {
        contender: String,
        work: String,
        address: String,
    },
    /// Clients that wait for the server.
    Wait { address: String, count: u32 },
}

impl Options {
    /// The contenders of a work that `--only` leaves. Raw TCP always takes part.
    fn chosen(&self, work: &Work) -> Vec<&'static str> {
        let meant = |name: &str| self.only.iter().any(|text| name.contains(text.as_str()));
        let mut contenders = contenders::for_work(work, self.quick);
        if !self.only.is_empty() && !meant(&work.name) {
            contenders.retain(|name| *name == RAW || meant(name));
        }
        contenders
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.part {
        None => compare(&options).inspect_err(|error| eprintln!("error: {error}")),
        Some(part) => run(part).inspect_err(process::report_to_parent),
    };
    done.map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
}

fn run(part: &Part) -> Result<(), Failure> {
    match part {
        Part::Serve { contender, work } => contenders::serve(contender, &named(work)?),
        Part::Call {
            contender,
            work,
            address,
        } => {
            let target = Target {
                address: address.clone(),
                work: Arc::new(named(work)?),
            };
            contenders::call(contender, target)
        }
        Part::Wait { address, count } => contenders::wait(address, *count),
    }
}

fn named(work: &str) -> Result<Work, Failure> {
    works::named(work).ok_or_else(|| format!("no work is called `{work}`").into())
}

fn compare(options: &Options) -> Result<(), Failure> {
    let plan = match options.quick {
        true => Plan {
            rounds: 3,
            ask: Ask {
                milliseconds: 20,
                fewest: 2,
            },
        },
        false => Plan {
            rounds: 15,
            ask: Ask {
                milliseconds: 100,
                fewest: 5,
            },
        },
    };
    let plan = Plan {
        rounds: options.rounds.unwrap_or(plan.rounds),
        ..plan
    };
    let mut all = Vec::new();
    for work in works::all() {
        let contenders = options.chosen(&work);
        if contenders.len() < 2 {
            continue;
        }
        let mut rows = Vec::new();
        for placement in PLACEMENTS {
            let (measured, absent) = rounds::measure(&work, &contenders, *placement, &plan)?;
            rows.extend(measured);
            for absence in absent {
                eprintln!("{}: {}: {}", work.name, absence.contender, absence.reason);
            }
        }
        report::print(&rows);
        all.extend(rows);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    Ok(())
}
