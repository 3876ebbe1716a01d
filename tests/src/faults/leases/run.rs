//! The run: a server, three clients behind a bad network each, and clients that are stopped.

use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;

use super::super::ledger::{Log, LogBook, Outcome, read_log};
use super::super::proxy::{Proxy, calm, stormy};
use super::super::random::Random;
use super::super::supervisor::{Process, ServerSetup, Supervisor};
use super::super::verdict::Verdict;
use super::super::{Failure, Scratch};
use super::lab::Sabotage;
use super::lessee::MOST_GRACE;
use super::rights::Breaches;
use super::{WORKERS, record};

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that implements the roles.
    pub program: PathBuf,
    /// Minimum number of calls.
    pub calls: u64,
    /// The secret of both ends, if they have one.
    pub secret: Option<String>,
    /// Seed of all choices.
    pub seed: u64,
    /// Mean number of bytes between faults in each direction of a connection; 0 for no faults.
    pub mean: u64,
    /// A deliberate fault of the server.
    pub sabotage: Option<Sabotage>,
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The verdict from the record of the devices and the log of the callers.
    pub verdict: Verdict,
    /// Calls that had no right to run.
    pub breaches: Breaches,
    /// Leases that clients were told of.
    pub grants: u64,
    /// Leases that were given to another client, or perhaps were.
    pub given: u64,
    /// Calls that ran because the client had been given a lease by another one.
    pub under_given: u64,
    /// Connections that were lost by a fault.
    pub lost: u64,
    /// How often a client was stopped.
    pub stops: u64,
    /// Duration of the run.
    pub elapsed: Duration,
}

impl Report {
    /// Returns the summary in one line.
    pub fn last_line(&self) -> String {
        let Self {
            verdict,
            breaches,
            grants,
            lost,
            ..
        } = self;
        format!(
            "faults with leases: {} calls, {grants} grants, {lost} lost connections, {} doubles, {} false successes, \
             {} calls by a fenced client",
            verdict.calls,
            verdict.doubles,
            verdict.false_successes + breaches.false_grants,
            breaches.fenced + breaches.intruders
        )
    }

    /// Returns the reasons why the run did not pass.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = self.verdict.complaints();
        complaints.extend(self.breaches.complaints());
        if self.verdict.abandoned > 0 {
            complaints.push(format!("{} calls never ended", self.verdict.abandoned));
        }
        if self.grants == 0 || self.verdict.ended(Outcome::Right) == 0 {
            complaints.push("no lease or no call has succeeded".into());
        }
        complaints
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verdict,
            given,
            under_given,
            stops,
            ..
        } = self;
        writeln!(f, "{verdict}")?;
        let seconds = self.elapsed.as_secs_f64();
        let rate = verdict.calls as f64 / seconds.max(0.001);
        write!(
            f,
            "clients were stopped {stops} times; {given} times a lease was to be given away, \
             {under_given} calls under such leases; \
             time: {seconds:.1} s, {rate:.0} calls/s"
        )
    }
}

/// Runs the calls and returns the verdict.
///
/// # Errors
///
/// There is no verdict: the processes do not start, a call ended as none may, or nothing goes on any more.
pub fn run(plan: &Plan) -> Result<Report, Failure> {
    let scratch = Scratch::new()?;
    let log = scratch.file("log");
    let supervisor = Supervisor::start(&plan.program, &setup(plan, scratch.file("ledger")))?;
    // The clients append to it.
    Log::open(&log)?;
    let began = Instant::now();
    let mut stage = Stage {
        log: log.clone(),
        random: Random::part(plan.seed, 1 << 52),
        clients: Vec::new(),
        stops: 0,
    };
    for worker in 1..=WORKERS {
        let script = if plan.mean == 0 {
            calm()
        } else {
            stormy(plan.mean)
        };
        let proxy = Proxy::start(supervisor.address(), plan.seed ^ worker << 48, script)?;
        let process = start(plan, worker, &proxy, &log)?;
        stage.clients.push(Peer { process, proxy });
    }
    stage.play()?;
    let elapsed = began.elapsed();
    let restarts = supervisor.stop()?;
    let record = record::read(&scratch.file("ledger"))?;
    let book = read_log(&log)?;
    Ok(Report {
        verdict: Verdict::of(&record::executions(&record), &book, &restarts),
        breaches: Breaches::of(&record, &book),
        grants: book.granted.len() as u64,
        given: book.given.len() as u64,
        under_given: calls_under_given(&record, &book),
        lost: stage
            .clients
            .iter()
            .map(|client| client.proxy.counts().lost())
            .sum(),
        stops: stage.stops,
        elapsed,
    })
}

fn setup(plan: &Plan, ledger: PathBuf) -> ServerSetup {
    let mut more = vec!["--leases".into()];
    if let Some(sabotage) = plan
        .sabotage
        .and_then(|sabotage| sabotage.to_possible_value())
    {
        more.extend(["--sabotage".into(), sabotage.get_name().into()]);
    }
    ServerSetup {
        ledger,
        fsync: false,
        secret: plan.secret.clone(),
        more,
    }
}

fn start(plan: &Plan, worker: u64, proxy: &Proxy, log: &Path) -> Result<Process, Failure> {
    let mut arguments = vec![
        "client".into(),
        "--leases".into(),
        "--log".into(),
        log.into(),
    ];
    let (server, id) = (proxy.address().to_string(), worker.to_string());
    let (calls, seed) = (
        plan.calls.div_ceil(WORKERS).to_string(),
        plan.seed.to_string(),
    );
    let options = [
        ["--server", &server],
        ["--id", &id],
        ["--calls", &calls],
        ["--seed", &seed],
    ];
    arguments.extend(options.as_flattened().iter().map(Into::into));
    Ok(Process::start(
        &plan.program,
        &arguments,
        plan.secret.as_deref(),
    )?)
}

fn calls_under_given(record: &[record::Entry], book: &LogBook) -> u64 {
    let is_given = |entry: &&record::Entry| {
        let record::Entry::Call(record::Call {
            token,
            holder: Some(holder),
            ..
        }) = entry
        else {
            return false;
        };
        let worker = super::worker_of(*token);
        holder.worker == worker && book.given.get(&holder.lease) == Some(&worker)
    };
    record.iter().filter(is_given).count() as u64
}

/// A client process and its network.
struct Peer {
    process: Process,
    proxy: Proxy,
}

/// The clients of a run.
struct Stage {
    log: PathBuf,
    random: Random,
    clients: Vec<Peer>,
    stops: u64,
}

impl Stage {
    /// Stops clients and cuts their connections until all have made their calls.
    fn play(&mut self) -> Result<(), Failure> {
        let mut seen = (0, Instant::now());
        while self.any_works()? {
            let written = std::fs::metadata(&self.log)?.len();
            if written != seen.0 {
                seen = (written, Instant::now());
            }
            if seen.1.elapsed() > STUCK {
                return Err(format!("no call for {STUCK:?}").into());
            }
            thread::sleep(Duration::from_millis(self.random.between(5, 150)));
            self.disturb()?;
        }
        Ok(())
    }

    fn any_works(&mut self) -> Result<bool, Failure> {
        let mut any = false;
        for client in &mut self.clients {
            any |= !client.process.has_ended()?;
        }
        Ok(any)
    }

    /// Stops a client, mostly for longer than its leases are kept without a connection, and mostly without one.
    fn disturb(&mut self) -> Result<(), Failure> {
        let at = usize::try_from(self.random.below(WORKERS))?;
        let (is_cut, with_reset) = (self.random.chance(70), self.random.chance(50));
        let stopped = self.random.between(MOST_GRACE / 2, 3 * MOST_GRACE);
        let stopped = Duration::from_millis(stopped);
        let Some(client) = self.clients.get_mut(at) else {
            return Ok(());
        };
        if client.process.has_ended()? {
            return Ok(());
        }
        self.stops += 1;
        client.process.while_stopped(|| {
            if is_cut {
                client.proxy.strike(with_reset);
            }
            thread::sleep(stopped);
        })?;
        Ok(())
    }
}

/// How long no call may begin or end before the run counts as stuck.
const STUCK: Duration = Duration::from_secs(90);
