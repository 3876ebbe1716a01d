//! Two scripts and a monitor that share two devices as in a week in a laboratory: random operations, lost connections, and a
//! ledger in the devices.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "tests"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::{CallError, Client, Lease, LeaseError, Refusal, Shared, remote};
use ipc_core::Release;
use ipc_server::ServerHandle;
use tests::middle::Middle;
use tests::random::Random;
use tests::{Way, both_ways};

both_ways!(nobody_uses_a_device_without_the_right_to);

const DEVICES: [&str; 2] = ["a", "b"];

/// What a device has noted.
#[derive(Default)]
struct Entries {
    /// The lease under which it is used, since its release hook ran last.
    lease: Option<u64>,
    /// Leases that have ended, and why the device was released.
    ended: HashMap<u64, Release>,
    calls: u64,
    mistakes: Vec<String>,
}

/// A device that notes under which lease it is used.
#[derive(Clone, Default)]
struct Ledger(Arc<Mutex<Entries>>);

#[remote(crate = ipc_client)]
impl Ledger {
    /// A call under the lease with this number, or under none for 0.
    pub fn touch(&mut self, lease: u64) {
        let mut entries = self.0.lock().unwrap();
        entries.calls += 1;
        let mistake = match (entries.lease, entries.ended.get(&lease)) {
            (Some(held), _) if held != lease => format!("{lease} while {held} has it"),
            (_, Some(why)) => format!("{lease} after its end: {why}"),
            _ => String::new(),
        };
        if !mistake.is_empty() {
            entries.mistakes.push(mistake);
        }
        if lease > 0 {
            entries.lease = Some(lease);
        }
    }

    /// Number of calls.
    #[remote(get)]
    pub fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }
}

impl Ledger {
    fn release(&self, why: Release) {
        let mut entries = self.0.lock().unwrap();
        let ended = entries.lease.take();
        entries.ended.extend(ended.map(|lease| (lease, why)));
    }
}

/// The laboratory.
struct Lab {
    way: Way,
    server: ServerHandle,
    leases: AtomicU64,
    held: AtomicU64,
    fenced: AtomicU64,
    interrupted: AtomicU64,
}

/// A client and its program.
struct Program<'a> {
    lab: &'a Lab,
    middle: Middle,
    client: Client,
    is_monitor: bool,
    /// Its lease, and the number under which the ledgers know it.
    lease: Option<(Lease, u64)>,
    random: Random,
}

impl<'a> Program<'a> {
    fn new(lab: &'a Lab, is_monitor: bool, seed: u64) -> Self {
        let middle = Middle::new(lab.server.local_addr());
        Self {
            client: connect(lab.way, &middle, is_monitor),
            lab,
            middle,
            is_monitor,
            lease: None,
            random: Random::new(seed),
        }
    }

    fn step(&mut self) {
        let device = DEVICES[usize::from(self.random.percent(50))];
        match self.random.below(100) {
            0..45 => self.touch(device),
            45..60 => self.read(device),
            60..75 => self.take(device),
            75..85 => self.give_back(),
            85..90 => {
                // There may be nobody to kick.
                let _ = self.client.server().kick_lease(device, "", Duration::ZERO);
            }
            90..96 => self.middle.cut(),
            _ => {
                self.lease = None;
                self.client = connect(self.lab.way, &self.middle, self.is_monitor);
            }
        }
    }

    fn touch(&mut self, device: &str) {
        let of = |(lease, number): &(Lease, u64)| {
            let is_in_it = lease.devices().iter().any(|it| it == device);
            is_in_it.then_some(*number)
        };
        let number = self.lease.as_ref().and_then(of).unwrap_or(0);
        match self.device(device).touch(number) {
            Ok(()) => {}
            Err(CallError::Refused(Refusal::Held(_))) if number == 0 => {
                self.lab.held.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => self.was_told(error),
        }
    }

    fn read(&mut self, device: &str) {
        if let Err(error) = self.device(device).calls() {
            self.was_told(error);
        }
    }

    /// Another client has its device, or had it since. Reads are refused for no other reason.
    fn was_told(&mut self, error: CallError) {
        match error {
            CallError::Refused(Refusal::Fenced(_)) => {
                self.lab.fenced.fetch_add(1, Ordering::Relaxed);
                self.lease = None;
            }
            error => self.was_interrupted(error),
        }
    }

    /// A script is told once that a device that it has used was released; a monitor is never stopped.
    fn was_interrupted(&self, error: CallError) {
        let is_interruption = matches!(error, CallError::Refused(Refusal::Interrupted { .. }));
        assert!(is_interruption && !self.is_monitor, "{error:?}");
        self.lab.interrupted.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&mut self, device: &'static str) {
        if self.lease.is_some() {
            return;
        }
        let mut devices = vec![device];
        if self.random.percent(50) {
            devices = DEVICES.to_vec();
        }
        let lease = self.client.lease(devices.clone());
        let lease = lease.grace(GRACE).wait(Duration::from_millis(100));
        match lease.acquire() {
            Ok(lease) => {
                let number = self.lab.leases.fetch_add(1, Ordering::Relaxed) + 1;
                self.lease = Some((lease, number));
                devices.into_iter().for_each(|device| self.touch(device));
            }
            Err(LeaseError::Timeout { .. } | LeaseError::Ended { .. }) => {}
            Err(error) => panic!("{error:?}"),
        }
    }

    fn give_back(&mut self) {
        if let Some((lease, _)) = self.lease.take() {
            lease.release().unwrap();
        }
    }

    fn device(&self, device: &str) -> LedgerProxy<Client> {
        LedgerProxy::with_prefix(&self.client, &format!("{device}_"))
    }
}

/// How long a lease is kept without a connection: long enough for some outages, and not for all.
const GRACE: Duration = Duration::from_millis(5);

fn connect(way: Way, middle: &Middle, is_monitor: bool) -> Client {
    let client = way.client_at(&middle.address().to_string());
    match is_monitor {
        true => client.name("monitor").resume_silently(),
        false => client.name("script"),
    }
    .connect()
    .unwrap()
}

/// `OPERATIONS=100000` for each program is the full count; `SEED=7` begins with other random numbers.
fn nobody_uses_a_device_without_the_right_to(way: Way) {
    let setting = |name, usual| std::env::var(name).map_or(usual, |it| it.parse().unwrap());
    let (operations, seed) = (setting("OPERATIONS", 300), setting("SEED", 1));
    let ledgers = DEVICES.map(|_| Ledger::default());
    let mut server = way.server().shared();
    for (name, ledger) in DEVICES.into_iter().zip(&ledgers) {
        let (noting, driver) = (ledger.clone(), Shared::new(ledger.clone()));
        let device = driver.on_release(move |_, why| noting.release(why));
        server = server.device(device.name(name).prefix(format!("{name}_")));
    }
    let lab = Lab {
        way,
        server: server.spawn().unwrap(),
        leases: AtomicU64::new(0),
        held: AtomicU64::new(0),
        fenced: AtomicU64::new(0),
        interrupted: AtomicU64::new(0),
    };
    thread::scope(|scope| {
        for (n, is_monitor) in [false, false, true].into_iter().enumerate() {
            let lab = &lab;
            scope.spawn(move || {
                let mut program = Program::new(lab, is_monitor, 3 * seed + n as u64);
                (0..operations).for_each(|_| program.step());
            });
        }
    });
    for ledger in &ledgers {
        let entries = ledger.0.lock().unwrap();
        assert!(
            entries.mistakes.is_empty(),
            "seed {seed}: {:?}",
            entries.mistakes
        );
        assert!(entries.calls > 0);
    }
    let counts = [&lab.leases, &lab.held, &lab.fenced, &lab.interrupted];
    let counts = counts.map(|count| count.load(Ordering::Relaxed));
    println!("{counts:?} leases, refused calls of others and of holders, interruptions");
    assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
}
