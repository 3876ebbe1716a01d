//! Clients that take each other's devices, and a ledger in the devices of who was inside.

#![allow(unreachable_pub, reason = "`#[remote]` takes public methods")]

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use ipc_client::{CallError, Client, Refusal, Shared, remote};
use ipc_server::{Server, ServerHandle};

use crate::tenure::Tenure;

/// What came of the rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Number of leases that were granted.
    pub grants: u64,
    /// Number of leases that somebody ended while their clients used them.
    pub kicks: u64,
    /// Number of times when nothing went on for 30 s.
    pub deadlocks: u64,
    /// Number of calls that entered a driver after the lease that they were made under had ended.
    pub fenced: u64,
    /// Number of transactions and batches between whose calls another client's call ran.
    pub interleaved: u64,
    /// Number of transactions and batches.
    pub transactions: u64,
}

impl Counts {
    /// Returns true if every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.grants > 0 && (self.deadlocks, self.fenced, self.interleaved) == (0, 0, 0)
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            grants,
            kicks,
            deadlocks,
            fenced,
            interleaved,
            transactions,
        } = self;
        writeln!(
            f,
            "{kicks} of the leases were ended by others; {transactions} transactions"
        )?;
        write!(
            f,
            "leases: {grants} grants, {deadlocks} deadlocks, {fenced} calls by a fenced client, {interleaved} interleaved"
        )
    }
}

/// A device that notes who uses it.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    /// A lease is over when the hook runs.
    tenure: Tenure,
    /// The transaction that is under way.
    transaction: Option<u64>,
    fenced: u64,
    interleaved: u64,
}

impl Ledger {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn release(&self) {
        let mut entries = self.entries();
        entries.tenure.end();
        entries.transaction = None;
    }
}

#[remote(crate = ipc_client)]
impl Ledger {
    /// A call under the lease with this number.
    pub fn touch(&mut self, lease: u64) {
        let mut entries = self.entries();
        if !entries.tenure.enter(lease) {
            entries.fenced += 1;
        }
    }

    /// The first call of a transaction.
    pub fn begin(&mut self, transaction: u64) {
        let mut entries = self.entries();
        if entries.transaction.replace(transaction).is_some() {
            entries.interleaved += 1;
        }
    }

    /// Its last call.
    pub fn end(&mut self, transaction: u64) {
        let mut entries = self.entries();
        if entries.transaction.take() != Some(transaction) {
            entries.interleaved += 1;
        }
    }
}

/// A server with the devices `a` and `b`, and what they have noted.
struct Lab {
    server: ServerHandle,
    devices: [Ledger; 2],
    /// Rises with everything that goes on.
    steps: AtomicU64,
    grants: AtomicU64,
    kicks: AtomicU64,
    transactions: AtomicU64,
    is_over: AtomicBool,
}

/// Runs `rounds` rounds of leases, and then as many of transactions.
///
/// # Errors
///
/// The server cannot be started, or a client ends in an error that it must not meet.
pub fn run(rounds: u64) -> Result<Counts, Box<dyn Error + Send + Sync>> {
    let devices = [Ledger::default(), Ledger::default()];
    let mut server = Server::builder().port(0).shared();
    for (name, ledger) in ["a", "b"].into_iter().zip(&devices) {
        let (noting, driver) = (ledger.clone(), Shared::new(ledger.clone()));
        let device = driver.on_release(move |_, _| noting.release());
        server = server.device(device.name(name).prefix(format!("{name}_")));
    }
    let lab = Lab {
        server: server.spawn()?,
        devices,
        steps: AtomicU64::new(0),
        grants: AtomicU64::new(0),
        kicks: AtomicU64::new(0),
        transactions: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    };
    let deadlocks =
        watched(&lab, || contend(&lab, rounds))? + watched(&lab, || transact(&lab, rounds))?;
    let count = |of: fn(&Entries) -> u64| lab.devices.iter().map(|it| of(&it.entries())).sum();
    let counts = Counts {
        grants: lab.grants.load(Ordering::Relaxed),
        kicks: lab.kicks.load(Ordering::Relaxed),
        deadlocks,
        fenced: count(|entries| entries.fenced),
        interleaved: count(|entries| entries.interleaved),
        transactions: lab.transactions.load(Ordering::Relaxed),
    };
    lab.server.stop();
    Ok(counts)
}

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Runs `work`, and ends the process if nothing goes on for 30 s: threads that wait for each other cannot be ended.
fn watched(
    lab: &Lab,
    work: impl FnOnce() -> Outcome + Send,
) -> Result<u64, Box<dyn Error + Send + Sync>> {
    lab.is_over.store(false, Ordering::SeqCst);
    thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let (mut seen, mut since) = (0, Instant::now());
            while !lab.is_over.load(Ordering::SeqCst) {
                let steps = lab.steps.load(Ordering::Relaxed);
                if steps != seen {
                    (seen, since) = (steps, Instant::now());
                } else if since.elapsed() > STILL {
                    println!("leases: nothing goes on: {:#?}", lab.server.leases());
                    std::process::exit(1);
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let worked = work();
        lab.is_over.store(true, Ordering::SeqCst);
        watch.join().map_err(|_| "the watch panicked")?;
        worked.map(|()| 0)
    })
}

/// Four clients lease {a, b}, {b, a}, {a} and {b}, and one ends leases as it likes.
fn contend(lab: &Lab, rounds: u64) -> Outcome {
    let wanted: [&[&str]; 4] = [&["a", "b"], &["b", "a"], &["a"], &["b"]];
    let each = rounds.div_ceil(wanted.len() as u64);
    let working = AtomicU64::new(wanted.len() as u64);
    thread::scope(|scope| {
        let clients = wanted.map(|devices| {
            let working = &working;
            scope.spawn(move || {
                let worked = (0..each).try_for_each(|_| lease_once(lab, &connect(lab)?, devices));
                working.fetch_sub(1, Ordering::SeqCst);
                worked
            })
        });
        let kicker = scope.spawn(|| -> Outcome {
            let client = connect(lab)?;
            while working.load(Ordering::SeqCst) > 0 {
                let device = if lab.steps.load(Ordering::Relaxed).is_multiple_of(2) {
                    "a"
                } else {
                    "b"
                };
                // There may be nobody to kick.
                let kicked =
                    client
                        .server()
                        .kick_lease(device, "somebody else's turn", Duration::ZERO);
                lab.kicks
                    .fetch_add(u64::from(kicked.is_ok()), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(3));
            }
            Ok(())
        });
        for client in clients {
            client.join().map_err(|_| "a client panicked")??;
        }
        kicker.join().map_err(|_| "the operator panicked")?
    })
}

/// A client of its own for each thread, kept from one round to the next.
fn connect(lab: &Lab) -> Result<Client, Box<dyn Error + Send + Sync>> {
    thread_local! {
        static CLIENT: std::cell::RefCell<Option<(String, Client)>> = const { std::cell::RefCell::new(None) };
    }
    let address = lab.server.local_addr().to_string();
    CLIENT.with_borrow_mut(|known| match known {
        Some((at, client)) if *at == address => Ok(client.clone()),
        _ => {
            let client = Client::builder(&address).resume_silently().connect()?;
            *known = Some((address, client.clone()));
            Ok(client)
        }
    })
}

/// Leases `devices`, uses them, and gives them back, unless somebody ends the lease before.
fn lease_once(lab: &Lab, client: &Client, devices: &[&str]) -> Outcome {
    let lease = client
        .lease(devices.to_vec())
        .wait(Duration::MAX)
        .acquire()?;
    let number = lab.grants.fetch_add(1, Ordering::Relaxed) + 1;
    for _ in 0..3 {
        for device in devices {
            lab.steps.fetch_add(1, Ordering::Relaxed);
            let ledger = LedgerProxy::with_prefix(client, &format!("{device}_"));
            match ledger.touch(number) {
                Ok(()) => {}
                Err(CallError::Refused(Refusal::Fenced(_) | Refusal::Held(_))) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
    lease.release()?;
    Ok(())
}

/// Four clients: two make transactions under leases, two make batches.
fn transact(lab: &Lab, rounds: u64) -> Outcome {
    let each = rounds.div_ceil(4);
    thread::scope(|scope| {
        let clients = [false, false, true, true].map(|batches| {
            scope.spawn(move || -> Outcome {
                let client = connect(lab)?;
                let mut done = 0;
                while done < each {
                    let number = lab.transactions.fetch_add(1, Ordering::Relaxed) + 1;
                    lab.steps.fetch_add(1, Ordering::Relaxed);
                    done += u64::from(match batches {
                        true => batch(&client, number)?,
                        false => transaction(&client, number)?,
                    });
                }
                Ok(())
            })
        });
        clients
            .into_iter()
            .try_for_each(|client| client.join().map_err(|_| "a client panicked")?)
    })
}

fn transaction(client: &Client, number: u64) -> Result<bool, Box<dyn Error + Send + Sync>> {
    client.with(["a"], |client| {
        let ledger = LedgerProxy::with_prefix(client, "a_");
        ledger.begin(number)?;
        ledger.end(number)?;
        Ok(true)
    })?
}

/// Returns false if somebody has leased the device.
fn batch(client: &Client, number: u64) -> Result<bool, Box<dyn Error + Send + Sync>> {
    let batch = client.batch();
    let ledger = LedgerProxy::with_prefix(&batch, "a_");
    let (begun, ended) = (ledger.begin(number), ledger.end(number));
    let ran = batch
        .run()
        .and_then(|()| begun.get())
        .and_then(|()| ended.get());
    match ran {
        Ok(()) => Ok(true),
        Err(CallError::Refused(Refusal::Held(_))) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// How long nothing may go on.
const STILL: Duration = Duration::from_secs(30);
