//! One long call, and a link that is lost in the middle of it.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::device::{BenchProxy, answer};
use super::ledger::{Log, Outcome, read_ledger, read_log};
use super::proxy::{Proxy, calm};
use super::random::Random;
use super::supervisor::{ServerSetup, Supervisor};
use super::verdict::Verdict;
use super::worker::{Reach, outcome};
use super::{Failure, Scratch};

/// Makes a call of so many seconds and ends its connection again and again, at each `cut_every`. The driver looks up
/// from its work or not. Returns how long it took, the number of connections, and the verdict.
///
/// # Errors
///
/// If the call does not end with its result, in time.
pub fn run(
    program: &Path,
    length: Duration,
    cut_every: Duration,
    deaf: bool,
    secret: Option<&str>,
) -> Result<(Duration, u64, Verdict), Failure> {
    let scratch = Scratch::new()?;
    let setup = ServerSetup {
        ledger: scratch.file("ledger"),
        secret: secret.map(Into::into),
        ..ServerSetup::default()
    };
    let supervisor = Supervisor::start(program, &setup)?;
    let proxy = Proxy::start(supervisor.address(), 1, calm())?;
    let log = Log::open(&scratch.file("log"))?;
    let reach = Reach {
        address: proxy.address().to_string(),
        secret: secret.map(Into::into),
        liveness: Duration::from_secs(3),
    };
    let client = reach.client("patient", &log);
    let mut random = Random::new(1);
    let began = Instant::now();
    let result = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            log.begin(1, false)?;
            let millis = u32::try_from(length.as_millis()).unwrap_or(u32::MAX);
            let proxy = BenchProxy::new(&client);
            let result = match deaf {
                true => proxy.deaf(1, millis),
                false => proxy.slow(1, millis),
            };
            let outcome = outcome(result, &answer(1));
            log.end(1, outcome).map(|()| outcome)
        });
        let mut next = cut_every;
        while !calling.is_finished() {
            thread::sleep(TICK);
            if began.elapsed() >= next && began.elapsed() + cut_every / 2 < length {
                proxy.strike(random.chance(50));
                next += cut_every;
            }
        }
        calling
            .join()
            .map_err(|_| Failure::from("the caller has panicked"))
    });
    let outcome: Outcome = result?.map_err(|error: std::io::Error| Failure::from(error))?;
    let elapsed = began.elapsed();
    client.close();
    let connections = proxy.connections();
    let restarts = supervisor.stop()?;
    let book = read_log(&scratch.file("log"))?;
    let verdict = Verdict::of(&read_ledger(&setup.ledger)?, &book, &restarts);
    if outcome != Outcome::Right || elapsed < length {
        return Err(format!("the call ended as {outcome:?} after {elapsed:?}: {verdict}").into());
    }
    Ok((elapsed, connections, verdict))
}

const TICK: Duration = Duration::from_millis(20);
