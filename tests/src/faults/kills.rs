//! Clients that are killed while they hold the server or wait for it: how soon are the others served?

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::ledger::{read_ledger, read_log};
use super::random::Random;
use super::supervisor::{Process, ServerSetup, Supervisor};
use super::verdict::Verdict;
use super::{Failure, Scratch, percentile};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What ledger and log say.
    pub verdict: Verdict,
    /// From the death of each holder to the next execution for somebody else, in microseconds.
    pub grants_us: Vec<u64>,
    /// From the death of each one who waited to the next execution, in microseconds.
    pub undisturbed_us: Vec<u64>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, times) in [
            ("holder killed, next one served", &self.grants_us),
            ("waiter killed, holder served", &self.undisturbed_us),
        ] {
            let mut times = times.clone();
            let count = times.len();
            let mut ms = |percent| percentile(&mut times, percent) as f64 / 1000.0;
            let (p50, p99, longest) = (ms(50), ms(99), ms(100));
            writeln!(
                f,
                "{what}: {count} times, p50 {p50:.1} ms, p99 {p99:.1} ms, longest {longest:.1} ms"
            )?;
        }
        write!(f, "{}", self.verdict)
    }
}

/// Kills clients of a server, so many times, of which there are always three.
///
/// # Errors
///
/// If nobody is served any more, or the parts do not start.
pub fn run(program: &Path, kills: u32, secret: Option<&str>, seed: u64) -> Result<Report, Failure> {
    let scratch = Scratch::new()?;
    let setup = ServerSetup {
        ledger: scratch.file("ledger"),
        secret: secret.map(Into::into),
        ..ServerSetup::default()
    };
    let supervisor = Supervisor::start(program, &setup)?;
    let mut crowd = Crowd {
        program,
        secret,
        server: supervisor.address().to_string(),
        scratch: &scratch,
        next: 1,
        clients: HashMap::new(),
        tail: Tail::new(&setup.ledger)?,
    };
    let mut report = Report {
        verdict: Verdict::default(),
        grants_us: vec![],
        undisturbed_us: vec![],
    };
    let mut random = Random::new(seed);
    crowd.fill()?;
    crowd.next_execution(|_| true)?;
    for _ in 0..kills {
        crowd.kill_one(&mut random, &mut report)?;
    }
    drop(crowd);
    let restarts = supervisor.stop()?;
    let book = read_log(&scratch.file("log"))?;
    report.verdict = Verdict::of(&read_ledger(&setup.ledger)?, &book, &restarts);
    Ok(report)
}

struct Crowd<'a> {
    program: &'a Path,
    secret: Option<&'a str>,
    server: String,
    scratch: &'a Scratch,
    next: u32,
    clients: HashMap<u32, Process>,
    tail: Tail,
}

impl Crowd<'_> {
    fn fill(&mut self) -> Result<(), Failure> {
        while self.clients.len() < 3 {
            let id = self.next;
            self.next += 1;
            let log = self.scratch.file("log");
            let mut arguments = vec!["client".into(), "--log".into(), log.into()];
            let id_text = id.to_string();
            let options = ["--server", &self.server, "--id", &id_text, "--steps-only"];
            arguments.extend(options.iter().map(Into::into));
            let client = Process::start(self.program, &arguments, self.secret)?;
            self.clients.insert(id, client);
        }
        Ok(())
    }

    fn kill_one(&mut self, random: &mut Random, report: &mut Report) -> Result<(), Failure> {
        thread::sleep(Duration::from_micros(random.between(1000, 30_000)));
        let holder = self.next_execution(|_| true)?;
        let waiter = self.clients.keys().copied().find(|id| *id != holder);
        let (victim, times) = match waiter.filter(|_| random.chance(30)) {
            Some(waiter) => (waiter, &mut report.undisturbed_us),
            None => (holder, &mut report.grants_us),
        };
        if let Some(mut client) = self.clients.remove(&victim) {
            client.kill()?;
        }
        let killed = Instant::now();
        self.next_execution(|id| id != victim)?;
        times.push(u64::try_from(killed.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.fill()
    }

    /// For whom the driver next does something, apart from those that are not wanted.
    fn next_execution(&mut self, wanted: impl Fn(u32) -> bool) -> Result<u32, Failure> {
        let end = Instant::now() + PATIENCE;
        self.tail.skip()?;
        while Instant::now() < end {
            if let Some(id) = self.tail.read()?.into_iter().find(|id| wanted(*id)) {
                return Ok(id);
            }
            thread::sleep(Duration::from_micros(300));
        }
        Err(format!("nobody was served for {PATIENCE:?}").into())
    }
}

/// The end of a ledger that grows.
struct Tail {
    file: File,
    rest: String,
}

impl Tail {
    fn new(path: &Path) -> std::io::Result<Self> {
        Ok(Self {
            file: File::open(path)?,
            rest: String::new(),
        })
    }

    fn skip(&mut self) -> std::io::Result<()> {
        self.rest.clear();
        // Every entry is as long as the others.
        let end = self.file.seek(SeekFrom::End(0))?;
        self.file.seek(SeekFrom::Start(end - end % ENTRY)).map(drop)
    }

    /// The workers of the entries that are new.
    fn read(&mut self) -> std::io::Result<Vec<u32>> {
        self.file.read_to_string(&mut self.rest)?;
        let complete = self.rest.rfind('\n').map_or(0, |at| at + 1);
        let lines: String = self.rest.drain(..complete).collect();
        let worker = |line: &str| u64::from_str_radix(line, 16).ok();
        let tokens = lines.lines().filter_map(worker);
        Ok(tokens
            .filter_map(|token| u32::try_from(token >> 32).ok())
            .collect())
    }
}

const ENTRY: u64 = 16;
const PATIENCE: Duration = Duration::from_secs(60);
