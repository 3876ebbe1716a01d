//! Leases at work: carries out at the gates what the [lease table](crate::leases) decides.

use std::collections::BTreeSet;
use std::io;
use std::mem;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::interface::commands::{HolderInfo, LeaseInfo};
use ipc_core::interface::context::session_of;
use ipc_core::interface::registry::ServedDevice;
use ipc_core::wire::ctrl::{Notice, NoticeKind};
use ipc_core::wire::failure::{Fenced, Held, Refusal};
use ipc_core::{CallContext, Release};

use crate::event::ServerEvent;
use crate::hub::Hub;
use crate::lease_state::LeasingState;
use crate::leases::{Change, LeaseTable};
use crate::log::{self, About};
use crate::party::Interruption;
use crate::saved_leases::LeaseFile;

/// The owner of a device that nobody has leased.
const FREE: u64 = 0;

/// What is to be done without the lock of the table.
#[derive(Default)]
struct FollowUp {
    taken: Vec<Taken>,
    /// By party.
    notices: Vec<(u64, Notice)>,
}

/// A device that was taken away from its holder.
struct Taken {
    device: Arc<ServedDevice>,
    turn: u64,
    party: u64,
    /// The client of the party, which may have left when the hook has run.
    by: String,
    why: Release,
}

impl Hub {
    /// Changes the lease table, and carries out what follows from that.
    pub(crate) fn change_leases<R>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut LeaseTable) -> R,
    ) -> R {
        let leasing = self.leasing();
        leasing.is_used.store(true, Ordering::SeqCst);
        let mut state = leasing.lock();
        let result = change(&mut state.table);
        self.settle_leases(state);
        result
    }

    /// Changes the lease table, unless nobody has asked for a lease yet.
    fn change_known_leases(self: &Arc<Self>, change: impl FnOnce(&mut LeaseTable)) {
        if self.leasing().is_used.load(Ordering::SeqCst) {
            self.change_leases(change);
        }
    }

    /// Reads the lease table. Returns `None` if nobody has asked for a lease yet.
    pub(crate) fn read_leases<R>(&self, read: impl FnOnce(&LeaseTable) -> R) -> Option<R> {
        let leasing = self.leasing();
        let is_used = leasing.is_used.load(Ordering::SeqCst);
        is_used.then(|| read(&leasing.lock().table))
    }

    /// Notes that a device was removed.
    pub(crate) fn forget_lease(self: &Arc<Self>, device: &str) {
        self.change_known_leases(|table| table.device_removed(device, Instant::now()));
    }

    /// Returns who is inside a device, for people; empty if nobody is.
    pub(crate) fn inside_of(&self, device: &ServedDevice) -> String {
        let Some(inside) = device.inside() else {
            return String::new();
        };
        let client = session_of(inside.id).and_then(|id| self.parties().of_client(id));
        match (inside.local, client) {
            (Some(name), _) => name,
            (None, Some(party)) => self.party_label(party.id()),
            (None, None) => "the server".into(),
        }
    }

    /// Notes that the client of a party has lost its connection.
    pub fn party_lost(self: &Arc<Self>, party: u64) {
        self.change_known_leases(|table| table.party_lost(party, Instant::now()));
    }

    /// Notes that the client of a party has a connection again.
    pub fn party_back(self: &Arc<Self>, party: u64) {
        self.change_known_leases(|table| table.party_back(party, Instant::now()));
    }

    /// Notes that the client of a party does not return.
    pub fn party_gone(self: &Arc<Self>, party: u64, why: Release) {
        self.change_known_leases(|table| table.party_gone(party, why, Instant::now()));
    }

    /// Looks at the clocks, and carries out all changes.
    fn settle_leases(self: &Arc<Self>, mut state: MutexGuard<'_, LeasingState>) {
        let parties = self.parties();
        let busy = |party| parties.get(party).is_some_and(|party| party.is_busy());
        state.next_look = state.table.look(Instant::now(), busy);
        state
            .table
            .forget_parties(|party| parties.get(party).is_some());
        let FollowUp { taken, notices } = self.carry_out(&mut state.table);
        if state.next_look.is_some() {
            self.watch_clocks(&mut state);
        }
        let save = state.take_unsaved();
        // What follows takes other locks, under which the table is asked.
        drop(state);
        for taken in taken {
            self.release_taken(taken);
        }
        for (party, notice) in notices {
            self.notify(party, &notice);
        }
        if let Some((file, leases, number)) = save {
            file.save(&leases, number);
        }
    }

    /// Saves leases of clients that have an identity in a directory, and reserves those that it has for their clients. To be called
    /// before there are clients.
    ///
    /// # Errors
    ///
    /// The directory cannot be used, or the file in it was not written by a server.
    pub fn keep_leases(self: &Arc<Self>, directory: &Path) -> io::Result<()> {
        let (file, leases) = LeaseFile::open(directory)?;
        let mut state = self.leasing().lock();
        state.file = Some(Arc::new(file));
        let has_any = !leases.is_empty();
        state.saved.clone_from(&leases);
        drop(state);
        if has_any {
            let known = |name: &str| self.device(name).is_some();
            self.change_leases(|table| table.restore(leases, known, Instant::now()));
        }
        Ok(())
    }

    /// Carries out all changes, and returns what is to be done without the lock of the table.
    fn carry_out(&self, table: &mut LeaseTable) -> FollowUp {
        let mut follow_up = FollowUp::default();
        while let Some(change) = table.next_change() {
            match change {
                Change::Close { device } => self.set_owner(&device, ServedDevice::CLOSED, true),
                Change::Give {
                    device,
                    party,
                    refuses_reads,
                } => self.set_owner(&device, party, refuses_reads),
                Change::Open { device } => self.set_owner(&device, FREE, false),
                Change::Release {
                    device,
                    turn,
                    party,
                    why,
                } => match self.device(&device) {
                    Some(device) if device.has_release_hook() || !device.is_free() => {
                        follow_up.taken.push(Taken {
                            device,
                            turn,
                            party,
                            by: self.party_label(party),
                            why,
                        });
                    }
                    _ => table.released(&device, turn),
                },
                Change::Granted { party, claim } => self.note_lease(table, party, claim),
                Change::Ended {
                    party,
                    claim,
                    devices,
                    was_held: true,
                    end,
                } => {
                    let text = format!("the lease of `{}` was {end}", devices.join("`, `"));
                    let notice = notice_of(claim, NoticeKind::Ended, text, Duration::ZERO);
                    follow_up.notices.push((party, notice));
                    let client = self.party_label(party);
                    let ended = ServerEvent::LeaseEnded {
                        client,
                        devices: devices.iter().map(|device| device.to_string()).collect(),
                        by: end.by,
                        why: end.why,
                    };
                    log::info(About::server(), &ended);
                    self.emit(ended);
                }
                _ => {}
            }
        }
        follow_up
    }

    /// Tells the client of a party something about its lease. Must not be called under the lock of the table.
    pub(crate) fn notify(&self, party: u64, notice: &Notice) {
        if let Some(party) = self.parties().get(party) {
            party.notify(notice);
        }
    }

    fn note_lease(&self, table: &LeaseTable, party: u64, claim: u128) {
        let leases = table.list(Instant::now()).into_iter();
        let is_it = |lease: &LeaseInfo| lease.claim == claim;
        let Some(lease) = leases.into_iter().find(is_it) else {
            return;
        };
        let granted = ServerEvent::Leased {
            client: self.party_label(party),
            devices: lease.devices,
            because: lease.because,
        };
        log::info(About::server(), &granted);
        self.emit(granted);
    }

    fn set_owner(&self, device: &str, owner: u64, refuses_reads: bool) {
        if let Some(device) = self.device(device) {
            device.set_owner(owner, refuses_reads);
        }
    }

    /// Runs the release hook of a device that was taken away from its holder, on a thread of its own, and lets the next one have
    /// the device.
    fn release_taken(self: &Arc<Self>, taken: Taken) {
        let (hub, work) = (Arc::clone(self), self.begin_work());
        let taken = Arc::new(taken);
        let release = {
            let taken = Arc::clone(&taken);
            move || {
                hub.finish_release(&taken);
                drop(work);
            }
        };
        let thread = thread::Builder::new().name("ipc release".into());
        if let Err(error) = thread.spawn(release) {
            log::error(
                About::server(),
                format_args!("no thread to release a device, which delays its client: {error}"),
            );
            self.finish_release(&taken);
        }
    }

    fn finish_release(self: &Arc<Self>, taken: &Taken) {
        let Taken {
            device,
            turn,
            party,
            by,
            why,
        } = taken;
        if device.has_release_hook() {
            let why = *why;
            self.release(&[Arc::downgrade(device)], move |device| device.release(why));
            let what = format!("`{}` was released, because {why}", device.name());
            let interruption = Interruption::new(by.as_str(), what, Instant::now());
            let is_own = matches!(why, Release::LeaseEnded | Release::Finished);
            let but = is_own.then_some(*party);
            self.parties().released(device.name(), &interruption, but);
            self.count_removal();
        }
        // The hook may still wait for a call that takes its time.
        device.wait_until_free();
        self.change_leases(|table| table.released(device.name(), *turn));
    }

    /// Has a thread look at the clocks when it is time.
    fn watch_clocks(self: &Arc<Self>, state: &mut LeasingState) {
        self.leasing().changed.notify_one();
        if mem::replace(&mut state.has_thread, true) {
            return;
        }
        let hub = Arc::downgrade(self);
        let thread = thread::Builder::new().name("ipc leases".into());
        if let Err(error) = thread.spawn(move || look_at_clocks(&hub)) {
            state.has_thread = false;
            log::error(
                About::server(),
                format_args!("no thread to end leases in time: {error}"),
            );
        }
    }
}

/// Something to tell to the holder of a lease, which comes true `within` this time.
pub(crate) fn notice_of(claim: u128, kind: NoticeKind, text: String, within: Duration) -> Notice {
    Notice {
        claim,
        device: String::new(),
        kind,
        text,
        in_ms: u64::try_from(within.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Looks at the clocks of the leases when it is time, until there are none.
fn look_at_clocks(hub: &Weak<Hub>) {
    while let Some(hub) = hub.upgrade() {
        let leasing = hub.leasing();
        let mut state = leasing.lock();
        let now = Instant::now();
        let Some(next) = state.next_look.filter(|_| !hub.is_closed()) else {
            state.has_thread = false;
            return;
        };
        if next <= now {
            hub.settle_leases(state);
            continue;
        }
        // A hub that closes is not kept from it for longer than this.
        let limit = (next - now).min(LOOK_AGAIN);
        drop(leasing.changed.wait_timeout(state, limit));
    }
}

/// What a client is called whose lease was saved, and that has not come back since.
const NOT_BACK: &str = "a client that has not returned since the server was restarted";
/// How long the thread that looks at the clocks keeps a hub that is closed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

impl Hub {
    /// Returns why a party must not enter a device that was taken away from it, and when it lost the device. Asked inside the gate,
    /// so that nothing can change between the question and the entry.
    pub fn fenced(&self, party: u64, device: &str, method: &str) -> Option<(Refusal, Instant)> {
        let fence = self.read_leases(|table| table.fence(party, device).cloned())??;
        let ago = Instant::now()
            .saturating_duration_since(fence.at)
            .as_millis();
        let refusal = Refusal::Fenced(Box::new(Fenced {
            method: method.to_string(),
            device: device.to_string(),
            by: fence.by,
            why: fence.why,
            ago_ms: u64::try_from(ago).unwrap_or(u64::MAX),
        }));
        Some((refusal, fence.at))
    }

    /// Returns when a device was taken away from a party, if it was.
    pub fn lost_at(&self, party: u64, device: &str) -> Option<Instant> {
        let fence = self.read_leases(|table| table.fence(party, device).map(|fence| fence.at));
        fence.flatten()
    }

    /// Runs the release hooks of devices whose holders have lost their connections, in a server that stops. Does not wait for
    /// them.
    pub fn release_doubtful(self: &Arc<Self>) {
        let leases = self.read_leases(|table| table.list(Instant::now()));
        let doubtful = leases
            .into_iter()
            .flatten()
            .filter(|lease| lease.is_doubtful && lease.place == 0);
        let devices = doubtful.flat_map(|lease| lease.devices);
        let devices: Vec<_> = devices.filter_map(|name| self.device(&name)).collect();
        let hooked = devices.iter().filter(|device| device.has_release_hook());
        let hooked: Vec<_> = hooked.map(Arc::downgrade).collect();
        if hooked.is_empty() {
            return;
        }
        let (hub, work) = (Arc::clone(self), self.begin_work());
        let thread = thread::Builder::new().name("ipc release".into());
        let spawned = thread.spawn(move || {
            hub.release(&hooked, |device| device.release(Release::Stopping));
            drop(work);
        });
        if let Err(error) = spawned {
            log::error(
                About::server(),
                format_args!("no thread to release devices whose holders are away: {error}"),
            );
        }
    }

    /// Returns the refusal of a call to a device that belonged to the party `owner` a moment ago.
    pub fn held_by(&self, owner: u64, device: &str, method: &str) -> Refusal {
        let holder = self
            .read_leases(|table| table.holder(device, Instant::now()))
            .flatten();
        let holder = holder.filter(|holder| holder.client == owner);
        // It may have released the device just now.
        let holder = self.named(holder.unwrap_or_else(|| HolderInfo {
            client: owner,
            ..HolderInfo::default()
        }));
        let (method, device) = (method.to_string(), device.to_string());
        Refusal::Held(Box::new(Held {
            method,
            device,
            holder: holder.name,
            address: holder.address,
            since_ms: holder.since_ms,
            idle_ms: holder.idle_ms,
            reason: holder.because,
            ends_ms: holder.ends_ms,
        }))
    }

    /// Returns the devices that the party has leased.
    pub fn leased_by(&self, party: u64) -> Vec<String> {
        let leases = self.read_leases(|table| table.list(Instant::now()));
        let leases = leases.into_iter().flatten();
        let held = leases.filter(|lease| lease.client == party && lease.place == 0);
        held.flat_map(|lease| lease.devices).collect()
    }

    /// Returns the devices that are leased, or on their way from one holder to the next.
    pub(crate) fn leased_devices(&self) -> BTreeSet<String> {
        let devices = self.devices().into_iter();
        let leased = devices.filter(|device| device.owner() != FREE);
        leased.map(|device| device.name().to_string()).collect()
    }

    /// Returns all leases, and the claims that wait, in the order in which they were asked for.
    pub fn leases(&self) -> Vec<LeaseInfo> {
        let leases = self.read_leases(|table| table.list(Instant::now()));
        let leases = leases.into_iter().flatten();
        leases.map(|lease| self.named_lease(lease)).collect()
    }

    /// Returns who has leased a device.
    pub(crate) fn lease_holder(&self, device: &str) -> Option<HolderInfo> {
        let holder = self.read_leases(|table| table.holder(device, Instant::now()))??;
        Some(self.named(holder))
    }

    /// Replaces the number of the party in `holder` by the id of its client, and adds what the table does not know.
    pub(crate) fn named(&self, mut holder: HolderInfo) -> HolderInfo {
        if let Some(party) = self.parties().get(holder.client) {
            let info = party.info();
            holder.client = info.client;
            holder.name = info.name;
            holder.address = info.address;
            holder.idle_ms = u64::try_from(info.idle.as_millis()).unwrap_or(u64::MAX);
        } else {
            holder.name = NOT_BACK.into();
        }
        holder
    }

    /// The same for a lease.
    pub(crate) fn named_lease(&self, mut lease: LeaseInfo) -> LeaseInfo {
        if let Some(party) = self.parties().get(lease.client) {
            let info = party.info();
            lease.client = info.client;
            lease.name = info.name;
            lease.address = info.address;
        } else {
            lease.name = NOT_BACK.into();
        }
        lease
    }

    /// Returns name and address of the client that calls, for people: an observer speaks for its client.
    pub(crate) fn caller(&self, ctx: &CallContext) -> String {
        match self.parties().get(ctx.party()).map(|party| party.info()) {
            Some(info) if info.client != 0 => format!("{} at {}", info.name, info.address),
            _ => ctx.client().to_string(),
        }
    }

    /// Returns name and address of the client of a party, for people.
    pub(crate) fn party_label(&self, party: u64) -> String {
        match self.parties().get(party).map(|party| party.info()) {
            Some(info) => format!("{} at {}", info.name, info.address),
            None => "a client that has left".into(),
        }
    }
}
