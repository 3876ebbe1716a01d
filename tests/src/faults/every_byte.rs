//! One request and one reply, cut at every byte.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use ipc_client::Client;

use super::device::{BenchProxy, answer};
use super::ledger::{Log, read_ledger, read_log};
use super::proxy::{Fault, Mishap, Proxy, Way, calm, once};
use super::supervisor::{ServerSetup, Supervisor};
use super::verdict::Verdict;
use super::worker::{Reach, outcome};
use super::{Failure, Scratch};

/// What came of it.
#[derive(Clone, Debug)]
pub struct Report {
    /// What ledger and log say.
    pub verdict: Verdict,
    /// The places of the cuts: bytes of the way up, and of the way down, each from the first of the connection.
    pub places: (u64, u64),
    /// How often the connection was cut.
    pub cuts: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (up, down) = self.places;
        write!(
            f,
            "{} cuts at {up} places on the way up and {down} on the way down\n{}",
            self.cuts, self.verdict
        )
    }
}

/// Cuts a connection with one call in each way at every byte of it, handshake, request, reply and all.
///
/// # Errors
///
/// If the parts do not start.
pub fn run(program: &Path, secret: Option<&str>, faults: &[Fault]) -> Result<Report, Failure> {
    let scratch = Scratch::new()?;
    let setup = ServerSetup {
        ledger: scratch.file("ledger"),
        secret: secret.map(Into::into),
        ..ServerSetup::default()
    };
    let trial = Trial {
        program,
        setup: &setup,
        log: Log::open(&scratch.file("log"))?,
        tokens: AtomicU64::new(1),
        cuts: AtomicU64::new(0),
    };
    let mut places = (0, 0);
    for fault in faults {
        places = (
            trial.cut_all(Way::Up, *fault)?,
            trial.cut_all(Way::Down, *fault)?,
        );
    }
    let book = read_log(&scratch.file("log"))?;
    let verdict = Verdict::of(&read_ledger(&setup.ledger)?, &book, &[]);
    let cuts = trial.cuts.into_inner();
    Ok(Report {
        verdict,
        places,
        cuts,
    })
}

struct Trial<'a> {
    program: &'a Path,
    setup: &'a ServerSetup,
    log: Log,
    tokens: AtomicU64,
    cuts: AtomicU64,
}

impl Trial<'_> {
    /// Goes on until a cut comes too late to happen, at many places at once: most of the time is spent in pauses
    /// before the next try. Each place is tried at a server that nobody else talks to, so that a connection is the same
    /// bytes each time. Returns how many places there were.
    fn cut_all(&self, way: Way, fault: Fault) -> Result<u64, Failure> {
        let (next, end) = (AtomicU64::new(0), AtomicU64::new(MOST_PLACES));
        thread::scope(|scope| {
            let work = || -> Result<(), Failure> {
                let server = Supervisor::start(self.program, self.setup)?;
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    if at >= end.load(Ordering::SeqCst) {
                        return server.stop().map(drop);
                    }
                    if !self.cut_one(server.address(), way, Mishap { at, fault })? {
                        end.fetch_min(at, Ordering::SeqCst);
                    }
                }
            };
            let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            for thread in threads {
                thread.join().map_err(|_| "a thread has panicked")??;
            }
            match end.load(Ordering::SeqCst) {
                MOST_PLACES => Err("a connection with two calls is longer than expected".into()),
                end => Ok(end),
            }
        })
    }

    /// Two calls, and one cut; false if it came too late.
    fn cut_one(&self, server: SocketAddr, way: Way, mishap: Mishap) -> Result<bool, Failure> {
        let proxy = Proxy::start(server, mishap.at, once(way, mishap))?;
        let reach = Reach {
            address: proxy.address().to_string(),
            secret: self.setup.secret.clone(),
            liveness: Duration::from_secs(3),
        };
        let client = reach.client("cut", &self.log);
        self.call(&client)?;
        self.call(&client)?;
        let happened = proxy.counts().total();
        // What the goodbye may still meet does not count.
        proxy.set_script(calm());
        client.close();
        self.cuts.fetch_add(happened, Ordering::SeqCst);
        Ok(happened > 0)
    }

    fn call(&self, client: &Client) -> Result<(), Failure> {
        let token = self.tokens.fetch_add(1, Ordering::SeqCst);
        self.log.begin(token, false)?;
        let result = BenchProxy::new(client).step(token);
        Ok(self.log.end(token, outcome(result, &answer(token)))?)
    }
}

const MOST_PLACES: u64 = 2000;
const AT_ONCE: usize = 16;
