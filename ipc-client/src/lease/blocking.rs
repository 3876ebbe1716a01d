//! Leases of a blocking client.

use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::{ClaimState, LeaseInfo, name};
use ipc_core::{CallError, Caller};

use super::asking::{Asking, Verdict};
use super::{Lease, LeaseBuilder, LeaseError, Lessee, NotTransferred, about};
use crate::blocking::Client;

impl LeaseBuilder<Client> {
    /// Asks for the lease, and blocks until it is granted or the [`wait`](Self::wait) is over. All of the devices are
    /// granted, or none.
    ///
    /// The [`deadline`](Client::deadline) and the token of [`cancel_with`](Client::cancel_with) of the handle end the wait
    /// as well.
    ///
    /// # Errors
    ///
    /// Others have the devices, or the lease is refused, or there is no connection. The claim has then been withdrawn.
    pub fn acquire(self) -> Result<Lease<Client>, LeaseError> {
        let mut lease = self.into_lease()?;
        lease.ask()?;
        Ok(lease)
    }

    /// Asks for the lease without waiting for others, whatever [`wait`](Self::wait) says. Returns `None` if others have some
    /// of the devices.
    pub fn try_acquire(self) -> Result<Option<Lease<Client>>, LeaseError> {
        match self.wait(Duration::ZERO).acquire() {
            Ok(lease) => Ok(Some(lease)),
            Err(LeaseError::Timeout { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl Lease<Client> {
    fn ask(&mut self) -> Result<(), LeaseError> {
        let client = self.client().clone();
        self.claim.arm(self.request.claim);
        let on_waiting = self.on_waiting.as_ref();
        let mut asking = Asking::new(&self.request, self.wait, on_waiting, Instant::now());
        loop {
            let until = asking.call_until(Instant::now());
            let answer = Caller::call(&client.until(until), asking.call());
            match asking.answered(answer, Instant::now()) {
                Verdict::Held => return Ok(()),
                Verdict::Again(pause) => thread::sleep(pause),
                Verdict::WhoHolds => {
                    self.claim.is_over();
                    let leases = client.kept_to_session().server().leases();
                    return Err(asking.holders(leases.unwrap_or_default()));
                }
                Verdict::Over(error) => {
                    match error {
                        LeaseError::Ended { .. } => self.claim.is_over(),
                        _ => self.claim.withdraw(),
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Ends the lease, and returns when the server has said so. Blocks like any call. Does nothing if it has ended already.
    ///
    /// # Errors
    ///
    /// The server did not answer. The lease is then released like one that is dropped.
    pub fn release(mut self) -> Result<(), CallError> {
        let call = self.command(name::RELEASE);
        let _was_known: bool = Caller::call(self.client(), call)?;
        self.claim.is_over();
        Ok(())
    }

    /// Sets how long the lease still lasts at most, from now; `Duration::MAX` means without limit. Returns its state: a lease
    /// that has ended stays so.
    pub fn renew(&mut self, time: Duration) -> Result<ClaimState, CallError> {
        let call = self.renewal(time);
        Caller::call(self.client(), call)
    }

    /// Gives the lease to the client with the [`id`](crate::ClientSummary::id) `client`, without a release hook: the
    /// instruments stay as they are. Returns the lease as the server now knows it.
    ///
    /// # Errors
    ///
    /// The server did not transfer it, or did not answer; the error holds the lease.
    pub fn transfer(mut self, client: u64) -> Result<LeaseInfo, NotTransferred<Self>> {
        let call = self.transfer_to(client);
        match Caller::call(self.client(), call) {
            Ok(info) => {
                self.claim.is_over();
                Ok(info)
            }
            Err(error) => Err(NotTransferred {
                lease: Box::new(self),
                error: Box::new(error),
            }),
        }
    }

    /// Asks the server for the state of the lease, which is [`Unknown`](ClaimState::Unknown) to a server that was restarted.
    pub fn state(&self) -> Result<ClaimState, CallError> {
        Caller::call(self.client(), self.command(name::STATUS))
    }

    /// Asks for the same lease again, as [`acquire`](LeaseBuilder::acquire) did: does nothing if the client still has it.
    /// For a lease that was lost, for example because the server was restarted or the grace was over. Settings made
    /// earlier may have changed. If it fails, it can be called again.
    pub fn reacquire(&mut self) -> Result<(), LeaseError> {
        match self.state() {
            Ok(ClaimState::Held { .. }) => return Ok(()),
            Ok(ClaimState::Ended { .. }) => self.renumber()?,
            Ok(_) => {}
            Err(error) => return Err(LeaseError::of_call(self.devices(), error)),
        }
        self.ask()
    }
}

impl Client {
    /// Asks for devices that no other client may use for a while: `client.lease(["laser", "meter"])`. Nothing is sent before
    /// [`acquire`](LeaseBuilder::acquire).
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use ipc_client::Client;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::connect("192.168.1.10")?;
    /// let lease = client
    ///     .lease(["laser", "meter"])
    ///     .because("alignment")
    ///     .wait(Duration::from_secs(30))
    ///     .acquire()?;
    /// // .. use the devices ..
    /// lease.release()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn lease(
        &self,
        devices: impl IntoIterator<Item = impl Into<String>>,
    ) -> LeaseBuilder<Client> {
        LeaseBuilder::new(self.clone(), devices, Duration::ZERO)
    }

    /// The lease with the number `claim` that another client has [transferred](Lease::transfer) to this one, as a guard that
    /// ends it. The [`Notice`](crate::Notice) of the transfer tells the number. `None` if this client has no such lease. Blocks
    /// like a call.
    ///
    /// A client that does not ask for it has the devices all the same, until it closes.
    pub fn received_lease(&self, claim: u128) -> Result<Option<Lease<Client>>, CallError> {
        let own = self.kept_to_session();
        match Caller::call(&own, about(claim, name::STATUS))? {
            ClaimState::Held { .. } => Ok(Lease::received(self, claim, own.server().leases()?)),
            _ => Ok(None),
        }
    }

    /// Leases `devices`, runs `with`, and releases the devices, also if `with` panics. Waits for the devices for as long as
    /// the [`timeout`](Self::timeout) of this handle allows, or without limit.
    ///
    /// ```no_run
    /// # use ipc_client::{CallError, Client};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let client = Client::connect("192.168.1.10")?;
    /// let volts = client.with(["pump"], |client| {
    ///     client.call::<()>("pump_arm", ())?;
    ///     client.call::<f64>("pump_read_voltage", 20)
    /// })??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// There was no lease, and `with` did not run. What `with` returns is returned as it is. If the devices cannot be
    /// released because the connection is lost, they are released like those of a lease that is dropped.
    pub fn with<R>(
        &self,
        devices: impl IntoIterator<Item = impl Into<String>>,
        with: impl FnOnce(&Client) -> R,
    ) -> Result<R, LeaseError> {
        let wait = self.time_left(Instant::now());
        let lease = self.lease(devices).wait(wait).acquire()?;
        let result = with(self);
        if let Err(error) = lease.release() {
            tracing::debug!("the release of the devices has not been answered: {error}");
        }
        Ok(result)
    }
}

impl Lessee for Client {
    fn withdraw(&self, claim: u128) {
        self.end_claim(claim);
    }
}
