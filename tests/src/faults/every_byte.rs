//! One request and one reply, cut at every byte.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use ipc_client::Client;

use super::device::BenchProxy;
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
    let supervisor = Supervisor::start(program, &setup)?;
    let log = Log::open(&scratch.file("log"))?;
    let mut trial = Trial {
        supervisor,
        secret,
        log,
        next: 1,
        cuts: 0,
    };
    let mut places = (0, 0);
    for fault in faults {
        places = (
            trial.cut_all(Way::Up, *fault)?,
            trial.cut_all(Way::Down, *fault)?,
        );
    }
    let restarts = trial.supervisor.stop()?;
    let book = read_log(&scratch.file("log"))?;
    let verdict = Verdict::of(&read_ledger(&setup.ledger)?, &book, &restarts);
    Ok(Report {
        verdict,
        places,
        cuts: trial.cuts,
    })
}

struct Trial<'a> {
    supervisor: Supervisor,
    secret: Option<&'a str>,
    log: Log,
    next: u64,
    cuts: u64,
}

impl Trial<'_> {
    /// Goes on until a cut comes too late to happen. Returns how many places there were.
    fn cut_all(&mut self, way: Way, fault: Fault) -> Result<u64, Failure> {
        for at in 0..MOST_PLACES {
            let script = once(way, Mishap { at, fault });
            let proxy = Proxy::start(self.supervisor.address(), at, script)?;
            let reach = Reach {
                address: proxy.address().to_string(),
                secret: self.secret.map(Into::into),
                liveness: Duration::from_secs(3),
            };
            let client = reach.client("cut", &self.log);
            self.call(&client)?;
            self.call(&client)?;
            let happened = proxy.counts().total();
            // What the goodbye may still meet does not count.
            proxy.set_script(calm());
            client.close();
            self.cuts += happened;
            if happened == 0 {
                return Ok(at);
            }
        }
        Err("a connection with two calls is longer than expected".into())
    }

    fn call(&mut self, client: &Client) -> Result<(), Failure> {
        let token = self.next;
        self.next += 1;
        self.log.begin(token, false)?;
        let result = BenchProxy::new(client).step(token);
        Ok(self
            .log
            .end(token, outcome(result, &super::device::answer(token)))?)
    }
}

const MOST_PLACES: u64 = 2000;
