//! Leases at work: carries out at the gates what the [lease table](crate::leases) decides.

use std::io;
use std::mem;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, Weak};
use std::thread;
use std::time::{Duration, Instant};

use ipc_core::Release;
use ipc_core::interface::registry::ServedDevice;
use ipc_core::wire::ctrl::{Notice, NoticeKind};

use crate::event::ServerEvent;
use crate::hub::Hub;
use crate::lease_state::LeasingState;
use crate::leases::{Change, LeaseTable};
use crate::log::{self, About};
use crate::party::Interruption;
use crate::saved_leases::LeaseFile;
use crate::time::millis;

/// The owner of a device that nobody has leased.
pub(crate) const FREE: u64 = 0;

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

    /// Breaks a rule about leases on purpose.
    #[cfg(feature = "proof")]
    pub fn plant(self: &Arc<Self>, mutant: crate::mutant::Mutant) {
        self.change_leases(|table| table.plant(Some(mutant)));
    }

    /// Notes that a device was removed.
    pub(crate) fn forget_lease(self: &Arc<Self>, device: &str) {
        self.change_known_leases(|table| table.device_removed(device, Instant::now()));
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
        if let Some((file, leases, number)) = save {
            file.save(&leases, number);
        }
        for (party, notice) in notices {
            self.notify(party, &notice);
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
        let mut leases = table.list(Instant::now()).into_iter();
        let Some(lease) = leases.find(|lease| lease.claim == claim) else {
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
        in_ms: millis(within),
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

/// How long the thread that looks at the clocks keeps a hub that is closed.
const LOOK_AGAIN: Duration = Duration::from_millis(500);
