//! Rounds, in which the contenders take turns, and what they come to.

use std::process::Command;

use serde::Serialize;

use crate::contenders::{self, RAW};
use crate::data::Failure;
use crate::measure::{Ask, Took};
use crate::process::{Placement, Process};
use crate::works::Work;

/// How thoroughly to measure.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Number of rounds, after one that warms up.
    pub rounds: u32,
    pub ask: Ask,
}

/// What a contender came to: medians over all rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub work: String,
    pub contender: String,
    pub placement: &'static str,
    pub p50_us: f64,
    pub p99_us: f64,
    /// Median over the rounds of the p50 as a multiple of that of raw TCP in the same round.
    pub ratio_to_raw: f64,
    /// The same the other way round: which part of the speed of raw TCP is reached.
    pub share_of_raw: f64,
}

/// Why a contender has no row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absence {
    pub contender: &'static str,
    pub work: String,
    pub reason: String,
    /// It should have run, or did run until a call failed or its answer was wrong.
    pub is_failure: bool,
}

/// The processes of one contender, and what its rounds took.
struct Running {
    name: &'static str,
    client: Process,
    _server: Process,
    _waiting: Option<Process>,
    took: Vec<Took>,
}

impl Running {
    fn start(name: &'static str, work: &Work, placement: Placement) -> Result<Self, Failure> {
        let (server, address) = Process::start(contenders::server(name, work)?, placement)?;
        let (client, _) = Process::start(contenders::client(name, work, &address)?, placement)?;
        let waiting = match work.waiting {
            count if count > 0 && name != RAW => {
                let mut command = Command::new(std::env::current_exe()?);
                command.args(["wait", &address, &count.to_string()]);
                Some(Process::start(command, Placement::Free)?.0)
            }
            _ => None,
        };
        Ok(Self {
            name,
            client,
            _server: server,
            _waiting: waiting,
            took: Vec::new(),
        })
    }

    fn round(&mut self, ask: &Ask) -> Result<Took, Failure> {
        let line = self.client.ask(&serde_json::to_string(ask)?)?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// Measures a work. Raw TCP must be among the contenders.
pub fn measure(
    work: &Work,
    names: &[&'static str],
    placement: Placement,
    plan: &Plan,
) -> Result<(Vec<Row>, Vec<Absence>), Failure> {
    let mut running = Vec::new();
    let mut absent = Vec::new();
    let absence = |contender, error: Failure, is_failure| Absence {
        contender,
        work: work.name.clone(),
        reason: error.to_string(),
        is_failure,
    };
    for name in names {
        match Running::start(name, work, placement) {
            Ok(contender) => running.push(contender),
            Err(error) => absent.push(absence(*name, error, !contenders::can_be_missing(name))),
        }
    }
    for round in 0..=plan.rounds {
        running.retain_mut(|contender| match contender.round(&plan.ask) {
            Ok(took) => {
                // The first round warms up.
                if round > 0 {
                    contender.took.push(took);
                }
                true
            }
            Err(error) => {
                absent.push(absence(contender.name, error, true));
                false
            }
        });
    }
    let raw = running
        .iter()
        .find(|contender| contender.name == RAW)
        .map(|raw| raw.took.clone())
        .ok_or("raw TCP, to which the others are compared, cannot be measured")?;
    let rows = running.iter().filter_map(|contender| {
        let took = &contender.took;
        let ratio = median(took.iter().zip(&raw).map(|(took, raw)| took.p50 / raw.p50))?;
        Some(Row {
            work: work.name.clone(),
            contender: contender.name.to_owned(),
            placement: placement.name(),
            p50_us: median(took.iter().map(|took| took.p50))?,
            p99_us: median(took.iter().map(|took| took.p99))?,
            ratio_to_raw: ratio,
            share_of_raw: 1.0 / ratio,
        })
    });
    Ok((rows.collect(), absent))
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
