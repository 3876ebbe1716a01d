//! A client that is served, as the devices and the lease table see it.

use std::pin::Pin;
use std::time::{Duration, Instant};

use ipc_core::Refusal;
use ipc_core::interface::blocked::GateWait;
use ipc_core::interface::context::{CallHost, call_id, session_of};
use ipc_core::wire::ctrl::{Notice, WaitingStatus};
use ipc_hub::driver_call::DriverCall;
use ipc_hub::party::{PartyInfo, PartySession};

use super::serving::Serving;

impl Serving {
    /// Returns why the call that runs must not enter a device that its client has lost, unless the client knows.
    fn fenced(&self, call: u64, device: &str, method: &str) -> Option<Refusal> {
        let (refusal, lost) = self.state.hub.fenced(self.party.id(), device, method)?;
        let mut pump = self.pump();
        // Under the lock, under which the client gives up calls.
        let call = pump.awaited(call);
        let fences = &mut pump.fences;
        if fences.is_known(device, lost) {
            return None;
        }
        // The refusal of a call that was given up tells its client nothing.
        if let Some(call) = call {
            fences.tell(device, lost, call);
        }
        Some(refusal)
    }

    /// Notes what the client has leased: its calls before that have ended, so none of them can be one from before it lost these
    /// devices.
    pub(super) fn follow_leases(&self) {
        for (device, lost) in self.state.hub.regained(self.party.id()) {
            self.pump().fences.has_leased(&device, lost);
        }
    }
}

impl PartySession for Serving {
    fn info(&self) -> PartyInfo {
        let now = Instant::now();
        let seen = self.activity.seen(now);
        PartyInfo {
            client: self.activity.id(),
            name: seen.name,
            address: seen.address,
            idle: Duration::from_millis(self.activity.idle_ms(now)),
            held: Duration::from_millis(seen.held_ms),
            is_connected: self.activity.is_connected(),
        }
    }

    fn is_busy(&self) -> bool {
        self.activity.is_busy()
    }

    fn notify(&self, notice: &Notice) {
        self.keep_notice(notice);
        // A thread that writes to a slow client, and has the lock, must not hold up those who change leases.
        if let Some(mut pump) = self.session.try_lock() {
            self.tell_notices(&mut pump);
            pump.write_briefly(&self.activity);
        }
    }
}

impl CallHost for Serving {
    fn waits(&self, call: u64, wait: &GateWait<'_>) {
        self.tell_wait(call, wait);
    }

    fn first_use(&self, call: u64, device: &str, method: &str) -> Result<(), Refusal> {
        // Commands pass the gates of devices of the server itself.
        if self.state.hub.device(device).is_none() {
            return Ok(());
        }
        self.fenced(call, device, method).map_or(Ok(()), Err)?;
        let mut pump = self.pump();
        let call = pump.awaited(call);
        // The release hook may have run while the call waited for the device.
        let interrupted = pump
            .told
            .refusal_after_wait(&self.party, call, method, Instant::now());
        drop(pump);
        interrupted.map_or(Ok(()), Err)?;
        self.party.note_use(device);
        Ok(())
    }

    fn refusal_of_owner(&self, call: u64, method: &str, device: &str, owner: u64) -> Refusal {
        let fenced = self.fenced(call, device, method);
        fenced.unwrap_or_else(|| self.state.hub.held_by(owner, device, method))
    }

    fn is_cancelled(&self, call: u64) -> bool {
        let pump = self.pump();
        let running = pump.running.get(call);
        let is_given_up = running.is_none_or(|running| running.is_given_up());
        is_given_up || pump.session.is_cancelled(call) || self.state.asks_calls_to_end()
    }

    fn progress(&self, call: u64, fraction: f64, message: &str) {
        let mut pump = self.pump();
        let pump = &mut *pump;
        let Some(running) = pump.running.get_mut(call) else {
            return;
        };
        if running.report(fraction, message, Instant::now()) {
            pump.session.progress(call, fraction, message);
            pump.write_briefly(&self.activity);
        }
    }

    fn block_on(&self, future: Pin<&mut dyn Future<Output = ()>>) {
        self.state.hub.runtime().block_on(future);
    }

    fn run_elsewhere(&self, code: &mut dyn FnMut()) {
        self.state.hub.run_elsewhere(code);
    }

    fn is_revoked(&self, id: u64) -> bool {
        let pump = self.pump();
        let is_it = |call: &&DriverCall| call_id(self.activity.id(), call.number) == id;
        let running = pump.running.iter().find(is_it);
        !self.is_served(&pump) || running.is_some_and(DriverCall::is_stuck)
    }

    fn for_client(&self, refusal: Refusal) -> Refusal {
        self.pump().session.for_client(refusal)
    }

    fn now(&self) -> Option<Instant> {
        Some(Instant::now())
    }

    fn elapsed(&self, since: Instant) -> Duration {
        since.elapsed()
    }
}

impl Serving {
    /// Tells the client what its call waits for, unless it has just been told.
    pub(super) fn tell_wait(&self, call: u64, wait: &GateWait<'_>) {
        let now = Instant::now();
        if !self.told_wait().is_due(call, wait, now) {
            return;
        }
        let status = self.waiting_status(call, wait, now);
        let mut pump = self.pump();
        pump.session.tell_waiting(status);
        pump.write_briefly(&self.activity);
    }

    fn waiting_status(&self, call: u64, wait: &GateWait<'_>, now: Instant) -> WaitingStatus {
        let mut status = WaitingStatus {
            call,
            device: wait.device.to_string(),
            place: u32::try_from(wait.place).unwrap_or(u32::MAX),
            holder: String::new(),
            since_ms: 0,
            idle_ms: 0,
            reason: String::new(),
        };
        let Some(inside) = &wait.inside else {
            return status;
        };
        if let Some(name) = &inside.local {
            status.holder.clone_from(name);
        } else if let Some(client) = session_of(inside.id).and_then(|id| self.state.client(id)) {
            let seen = client.seen(now);
            status.since_ms = seen.running_ms();
            status.holder = format!("{} at {}", seen.name, seen.address);
        } else {
            status.holder = "the server, which puts it into its safe state,".into();
        }
        if let Some(method) = &inside.method {
            status.reason = format!("`{method}` runs");
        }
        status
    }
}
