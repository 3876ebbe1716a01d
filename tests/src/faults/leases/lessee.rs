//! A client that leases devices, uses them, and gives them back in some way.

use std::time::Duration;

use ipc_client::{CallError, Client, Lease};

use super::super::Failure;
use super::super::device::{BenchProxy, answer};
use super::super::ledger::{Log, Outcome};
use super::super::random::Random;
use super::super::worker::outcome;
use super::{DEVICES, any_device, name_of};

/// A client, and what it does.
#[derive(Debug)]
pub struct Lessee {
    client: Client,
    log: Log,
    random: Random,
    worker: u64,
    calls: u64,
    leases: u64,
}

impl Lessee {
    /// Creates the worker number `worker`, which is not 0 and unique in the run. Its client has that [name](name_of), and
    /// goes on silently after interruptions.
    pub fn new(client: Client, log: Log, worker: u64, seed: u64) -> Self {
        Self {
            client,
            log,
            random: Random::part(seed, worker | 1 << 42),
            worker,
            calls: 0,
            leases: 0,
        }
    }

    /// Makes at least so many calls of devices.
    ///
    /// # Errors
    ///
    /// The log cannot be written, or a call ended in a way that it must not.
    pub fn work(&mut self, calls: u64) -> Result<(), Failure> {
        while self.calls < calls {
            match self.random.below(100) {
                0..55 => self.lease()?,
                55..75 => {
                    let device = any_device(&mut self.random);
                    self.write(device, None)?;
                }
                75..88 => self.read()?,
                _ => self.kick(),
            }
        }
        Ok(())
    }

    /// Leases a device or both, if it gets them.
    fn lease(&mut self) -> Result<(), Failure> {
        let devices = match self.random.below(4) {
            0 => vec![DEVICES[0]],
            1 => vec![DEVICES[1]],
            2 => vec![DEVICES[0], DEVICES[1]],
            _ => vec![DEVICES[1], DEVICES[0]],
        };
        self.leases += 1;
        let number = self.worker << 32 | self.leases;
        let wanted = self.client.lease(devices.clone());
        let wanted = wanted
            .because(format!("{number:x}"))
            .grace(self.millis(10, MOST_GRACE))
            .wait(self.millis(0, 60));
        match wanted.acquire() {
            Ok(lease) => {
                self.log.granted(number)?;
                self.use_lease(lease, number, &devices)
            }
            // Others have the devices, and it is refused; or it has them itself, because somebody has given them to it.
            Err(_) => self.write(devices[0], None).map(drop),
        }
    }

    fn use_lease(
        &mut self,
        lease: Lease,
        number: u64,
        devices: &[&'static str],
    ) -> Result<(), Failure> {
        let mut is_given_up = false;
        for _ in 0..self.random.between(1, 6) {
            let device = devices[usize::from(self.random.chance(50)) % devices.len()];
            match self.write(device, Some(number))? {
                // The lease is over for this device, and so it is over.
                Outcome::Held | Outcome::Fenced => return Ok(()),
                Outcome::TimedOut => is_given_up = true,
                _ => {}
            }
        }
        match self.random.below(100) {
            // If the answer is lost, the lease is released like one that is dropped.
            0..45 => drop(lease.release()),
            // A call that was given up may still be inside, where it may stay when the lease is given away.
            45..65 if !is_given_up => self.give(lease, number)?,
            _ => drop(lease),
        }
        Ok(())
    }

    /// Gives its lease to another client, which does not learn of it until it uses the devices.
    fn give(&mut self, lease: Lease, number: u64) -> Result<(), Failure> {
        let to = self.worker % super::WORKERS + 1;
        let clients = self.client.server().clients().unwrap_or_default();
        let Some(client) = clients.iter().find(|client| client.name == name_of(to)) else {
            return Ok(());
        };
        self.log.given(number, to)?;
        // If it cannot be given, it is released.
        drop(lease.transfer(client.id));
        Ok(())
    }

    /// Ends whatever lease there is of a device, perhaps one that was given to it.
    fn kick(&mut self) {
        let device = any_device(&mut self.random);
        let notice = match self.random.chance(70) {
            true => Duration::ZERO,
            false => self.millis(1, 20),
        };
        let commands = self.client.timeout(COMMAND);
        // There may be none.
        let _ = commands
            .server()
            .kick_lease(device, "somebody else's turn", notice);
    }

    fn write(&mut self, device: &str, lease: Option<u64>) -> Result<Outcome, Failure> {
        let token = self.next();
        if let Some(lease) = lease {
            self.log.under(token, lease)?;
        }
        self.log.begin(token, false)?;
        let result = match self.random.below(100) {
            0..70 => self.of(device).step(token),
            70..75 => self.of(device).fail(token),
            _ => {
                let (timeout, millis) = (self.millis(1, 8), self.random.below(6));
                let client = self.client.timeout(timeout);
                let bench = BenchProxy::with_prefix(&client, &format!("{device}_"));
                bench.slow(token, u32::try_from(millis).unwrap_or(0))
            }
        };
        self.end(token, result)
    }

    /// A lease of another client is no reason to refuse it a call that only reads.
    fn read(&mut self) -> Result<(), Failure> {
        let (token, device) = (self.next(), any_device(&mut self.random));
        self.log.begin(token, true)?;
        let result = self.of(device).look(token);
        match self.end(token, result)? {
            Outcome::Held => {
                Err(format!("a read of `{device}` was refused because of a lease").into())
            }
            _ => Ok(()),
        }
    }

    fn end(&self, token: u64, result: Result<u64, CallError>) -> Result<Outcome, Failure> {
        let told = result.as_ref().err().map(CallError::to_string);
        let outcome = outcome(result, &answer(token));
        self.log.end(token, outcome)?;
        match outcome {
            Outcome::Refused => Err(format!("refused: {}", told.unwrap_or_default()).into()),
            outcome => Ok(outcome),
        }
    }

    fn next(&mut self) -> u64 {
        self.calls += 1;
        self.worker << 32 | self.calls
    }

    fn of(&self, device: &str) -> BenchProxy<Client> {
        BenchProxy::with_prefix(&self.client, &format!("{device}_"))
    }

    fn millis(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_millis(self.random.between(low, high))
    }
}

/// Maximum time for which a lease is kept without a connection, in milliseconds.
pub const MOST_GRACE: u64 = 60;

/// How long the server has to answer a command that is not needed.
const COMMAND: Duration = Duration::from_secs(2);
