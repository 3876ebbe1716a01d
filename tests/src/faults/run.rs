//! The mixed run: many callers, a bad network, and kills of server and clients.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, ScopedJoinHandle};
use std::time::{Duration, Instant};

use super::ledger::{Log, Outcome, read_ledger, read_log};
use super::proxy::{Proxy, calm, stormy};
use super::random::Random;
use super::supervisor::{Process, ServerSetup, Supervisor};
use super::verdict::{Restart, Verdict};
use super::worker::{Budget, Mix, Reach, Worker, canceller};
use super::{Failure, Scratch, percentile};

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program that implements the roles.
    pub program: PathBuf,
    /// Minimum number of calls.
    pub calls: u64,
    /// Number of clients in this process.
    pub clients: u32,
    /// Number of threads that share each client.
    pub threads: u32,
    /// How often the server is killed.
    pub server_kills: u32,
    /// How often a client process is killed.
    pub client_kills: u32,
    /// The secret of both ends, if they have one.
    pub secret: Option<String>,
    /// Seed of all choices.
    pub seed: u64,
    /// Mean number of bytes between faults in each direction of a connection; 0 for no faults.
    pub mean: u64,
    /// Whether the ledger is flushed to disk at each entry.
    pub fsync: bool,
    /// What is called.
    pub mix: Mix,
}

impl Plan {
    /// A small run through a bad network, without kills.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            calls: 2000,
            clients: 4,
            threads: 3,
            server_kills: 0,
            client_kills: 0,
            secret: None,
            seed: 1,
            mean: 1500,
            fsync: false,
            mix: Mix::All,
        }
    }
}

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The verdict from ledger and log.
    pub verdict: Verdict,
    /// The deaths of the server.
    pub restarts: Vec<Restart>,
    /// How often clients were killed.
    pub client_kills: u32,
    /// Faults of the network, by name.
    pub faults: Vec<(&'static str, u64)>,
    /// Number of connections.
    pub connections: u64,
    /// Duration of the run.
    pub elapsed: Duration,
    /// How long it took to replace lost connections, including the turns of other clients, in microseconds.
    pub recoveries: Vec<u64>,
}

impl Report {
    /// Returns the summary in one line.
    pub fn last_line(&self) -> String {
        let Verdict {
            calls,
            executed,
            doubles,
            false_successes,
            unknown,
            ..
        } = self.verdict;
        format!(
            "calls {calls}, executed {executed}, doubles {doubles}, false successes {false_successes}, unknown {unknown} \
             (server restarts {})",
            self.restarts.len()
        )
    }
}

/// Prints the figures.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total: u64 = self.faults.iter().map(|(_, count)| count).sum();
        write!(f, "faults: {total} on {} connections:", self.connections)?;
        for (name, count) in &self.faults {
            write!(f, " {name} {count},")?;
        }
        writeln!(f, " client kills {}", self.client_kills)?;
        writeln!(f, "{}", self.verdict)?;
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.verdict.calls as f64 / seconds.max(0.001);
        writeln!(f, "time: {seconds:.1} s, {rate:.0} calls/s")?;
        let mut recoveries = self.recoveries.clone();
        let mut ms = |percent| percentile(&mut recoveries, percent) as f64 / 1000.0;
        write!(
            f,
            "recovery of a connection (turns of others included): p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
            ms(50),
            ms(99),
            ms(100)
        )?;
        if self.verdict.unknown > 0 {
            let latest = self.verdict.latest_us as f64 / 1000.0;
            write!(
                f,
                "\nunknown told at the latest {latest:.0} ms after the port was back; such a call began at the latest {:.1} ms \
                 after it, over a connection whose end had not arrived",
                self.verdict.unnoticed_us as f64 / 1000.0
            )?;
        }
        Ok(())
    }
}

/// Runs the calls and returns the verdict.
///
/// # Errors
///
/// There is no verdict: the processes do not start, or the calls do not end.
pub fn run(plan: &Plan) -> Result<Report, Failure> {
    let scratch = Scratch::new()?;
    let setup = ServerSetup {
        ledger: scratch.file("ledger"),
        fsync: plan.fsync,
        secret: plan.secret.clone(),
        more: vec![],
    };
    let supervisor = Supervisor::start(&plan.program, &setup)?;
    let script = if plan.mean == 0 {
        calm()
    } else {
        stormy(plan.mean)
    };
    let proxy = Proxy::start(supervisor.address(), plan.seed, script)?;
    let log = Log::open(&scratch.file("log"))?;
    let stage = Stage {
        plan,
        proxy: &proxy,
        log,
        budget: Budget::new(u64::MAX),
        ids: AtomicU32::new(1),
        over: AtomicBool::new(false),
    };
    let began = Instant::now();
    let (supervisor, client_kills) = stage.play(supervisor, &scratch)?;
    let elapsed = began.elapsed();
    proxy.set_script(calm());
    let restarts = supervisor.stop()?;
    let book = read_log(&scratch.file("log"))?;
    let verdict = Verdict::of(&read_ledger(&setup.ledger)?, &book, &restarts);
    Ok(Report {
        verdict,
        restarts,
        client_kills,
        faults: proxy.counts().by_name(),
        connections: proxy.connections(),
        elapsed,
        recoveries: book.recoveries,
    })
}

/// State shared by the threads of a run.
struct Stage<'a> {
    plan: &'a Plan,
    proxy: &'a Proxy,
    log: Log,
    budget: Arc<Budget>,
    ids: AtomicU32,
    over: AtomicBool,
}

impl Stage<'_> {
    fn play(
        &self,
        supervisor: Supervisor,
        scratch: &Scratch,
    ) -> Result<(Supervisor, u32), Failure> {
        thread::scope(|scope| {
            let killing_servers = scope.spawn(|| self.kill_servers(supervisor));
            let killing_clients = scope.spawn(|| self.kill_clients(scratch));
            let workers = self.workers()?;
            let working: Vec<_> = workers
                .into_iter()
                .map(|mut worker| {
                    scope.spawn(move || self.budget.spend(&mut worker).map_err(Failure::from))
                })
                .collect();
            let killers_done = || killing_servers.is_finished() && killing_clients.is_finished();
            let watched = self.watch(killers_done, &working);
            self.over.store(true, Ordering::SeqCst);
            watched?;
            for thread in working {
                joined(thread)?;
            }
            Ok((joined(killing_servers)?, joined(killing_clients)?))
        })
    }

    fn workers(&self) -> Result<Vec<Worker>, Failure> {
        let mut workers = Vec::new();
        let reach = self.reach();
        for number in 0..self.plan.clients {
            let client = reach.client(&format!("client {number}"), &self.log);
            let canceller = canceller()?;
            for _ in 0..self.plan.threads {
                let (client, log) = (client.clone(), self.log.clone());
                let id = self.ids.fetch_add(1, Ordering::SeqCst);
                let (seed, mix) = (self.plan.seed, self.plan.mix);
                workers.push(Worker::new(client, log, id, seed, mix, canceller.clone()));
            }
        }
        Ok(workers)
    }

    fn reach(&self) -> Reach {
        Reach {
            address: self.proxy.address().to_string(),
            secret: self.plan.secret.clone(),
            liveness: Duration::from_secs(3),
        }
    }

    /// Ends the calls once all are made, or returns an error if no call makes progress. A stuck thread cannot be joined, so
    /// the process ends then.
    fn watch<T>(
        &self,
        killers_done: impl Fn() -> bool,
        working: &[ScopedJoinHandle<'_, T>],
    ) -> Result<(), Failure> {
        let mut seen = (0, Instant::now());
        while !working.iter().all(ScopedJoinHandle::is_finished) {
            let ended = self.budget.ended();
            if ended != seen.0 {
                seen = (ended, Instant::now());
            }
            if ended >= self.plan.calls && killers_done() {
                self.budget.limit(0);
                // A call that does not end now is not delayed by the network.
                self.proxy.set_script(calm());
            }
            if seen.1.elapsed() > STUCK {
                let connections = self.proxy.connections();
                eprintln!("no call for {STUCK:?}; {ended} calls, {connections} connections so far");
                std::process::exit(3);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn kill_servers(&self, mut supervisor: Supervisor) -> Result<Supervisor, Failure> {
        let mut random = Random::part(self.plan.seed, 1 << 50);
        for _ in 0..self.plan.server_kills {
            thread::sleep(Duration::from_micros(random.between(10_000, 300_000)));
            supervisor.restart()?;
        }
        Ok(supervisor)
    }

    fn kill_clients(&self, scratch: &Scratch) -> Result<u32, Failure> {
        let mut random = Random::part(self.plan.seed, 1 << 51);
        for _ in 0..self.plan.client_kills {
            let id = self.ids.fetch_add(2, Ordering::SeqCst);
            let mut arguments = vec!["client".into(), "--log".into(), scratch.file("log").into()];
            let server = self.proxy.address().to_string();
            let (id, seed) = (id.to_string(), self.plan.seed.to_string());
            let options = [
                ["--server", &server],
                ["--id", &id],
                ["--threads", "2"],
                ["--seed", &seed],
            ];
            arguments.extend(options.as_flattened().iter().map(Into::into));
            let secret = self.plan.secret.as_deref();
            let mut client = Process::start(&self.plan.program, &arguments, secret)?;
            thread::sleep(Duration::from_micros(random.between(5000, 150_000)));
            client.kill()?;
        }
        Ok(self.plan.client_kills)
    }
}

fn joined<T>(thread: ScopedJoinHandle<'_, Result<T, Failure>>) -> Result<T, Failure> {
    thread
        .join()
        .unwrap_or_else(|_| Err("a thread has panicked".into()))
}

/// Returns the reasons why a run did not pass.
pub fn complaints(report: &Report) -> Vec<String> {
    let mut complaints = report.verdict.complaints();
    if report.client_kills == 0 && report.verdict.abandoned > 0 {
        complaints.push(format!("{} calls never ended", report.verdict.abandoned));
    }
    if report.verdict.ended(Outcome::Right) == 0 {
        complaints.push("no call has succeeded".into());
    }
    complaints
}

/// How long no call may end before the run counts as stuck.
const STUCK: Duration = Duration::from_secs(90);
