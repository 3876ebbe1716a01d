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
mod plot;
mod process;
mod report;
mod rounds;
mod works;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use contenders::{RAW, Target};
use data::{Failure, Shape};
use measure::Ask;
use process::{PLACEMENTS, Placement};
use rounds::{Absence, Plan, Row};
use works::{Kind, Work};

/// Compares this project with raw TCP and with other libraries for remote calls.
#[derive(Parser)]
struct Options {
    /// Measure for two minutes instead of half an hour.
    #[arg(long)]
    quick: bool,
    /// Measure only those workloads and contenders whose names contain this. Can be repeated; raw TCP always runs.
    #[arg(long, value_name = "TEXT")]
    only: Vec<String>,
    /// Number of rounds.
    #[arg(long)]
    rounds: Option<u32>,
    /// Write the figures to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw the figures into this file, as SVG.
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Write the figures into the README and the design document of the project, and draw their plot.
    #[arg(long, conflicts_with = "only")]
    readme: bool,
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

    /// A quick run looks at most works on one core only.
    fn placements(&self, work: &Work) -> &'static [Placement] {
        let everywhere = !self.quick || work.kind == Kind::Small || work.kind == KEY_TRANSFER;
        match PLACEMENTS {
            [first, _, ..] if work.growth || !everywhere => std::slice::from_ref(first),
            all => all,
        }
    }
}

/// The large reply that a quick run measures in every placement.
const KEY_TRANSFER: Kind = Kind::Reply(Shape::Samples);

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
                secret: contenders::secret(contender)?,
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
                fewest: 1,
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
    if PLACEMENTS.len() == 1 {
        println!("Processes can be pinned to one core on Linux only: all figures are `free`.");
    }
    let mut all: Vec<Row> = Vec::new();
    let mut absent: Vec<Absence> = Vec::new();
    for work in works::all() {
        let contenders = options.chosen(&work);
        if contenders.len() < 2 {
            continue;
        }
        let first = all.len();
        for placement in options.placements(&work) {
            let (rows, absences) = rounds::measure(&work, &contenders, *placement, &plan)?;
            all.extend(rows);
            absent.extend(absences);
        }
        report::print(all.get(first..).unwrap_or_default());
    }
    report::print_absent(&absent);
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&all)?)?;
    }
    if let Some(path) = &options.plot {
        std::fs::write(path, plot::draw(&all)?)?;
    }
    if options.readme {
        report::document(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &all)?;
    }
    match absent.iter().any(|absence| absence.is_failure) {
        true => Err("a contender failed while it was measured".into()),
        false => Ok(()),
    }
}
