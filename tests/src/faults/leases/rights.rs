//! Whether each call had the right to enter its device.

use std::collections::HashSet;

use super::super::ledger::LogBook;
use super::record::{Call, Entry, Holder};
use super::{DEVICES, worker_of};
use crate::tenure::Tenure;

/// Number of calls that must not have entered a device, and of leases that were not what their clients were told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Breaches {
    /// Calls under a lease that had ended, or that somebody else had been given.
    pub fenced: u64,
    /// Calls without a lease into a device that another client had leased.
    pub intruders: u64,
    /// Calls that the server took for those of another client.
    pub strangers: u64,
    /// Leases that clients were told of, and that the server has not granted.
    pub false_grants: u64,
}

impl Breaches {
    /// Finds all breaches in the record of the devices. In these runs, the calls that may be repeated are those that only
    /// read.
    pub fn of(record: &[Entry], book: &LogBook) -> Self {
        let mut breaches = Self::default();
        let mut devices = DEVICES.map(Device::new);
        let mut granted = HashSet::new();
        for entry in record {
            match entry {
                Entry::Call(call) => {
                    let device = devices.iter_mut().find(|device| device.name == call.device);
                    if let Some(device) = device {
                        device.enter(call, book, &mut breaches);
                    }
                }
                Entry::Released(name) => {
                    let device = devices.iter_mut().find(|device| device.name == *name);
                    device.into_iter().for_each(|device| device.tenure.end());
                }
                Entry::Leased(lease) => drop(granted.insert(*lease)),
            }
        }
        breaches.false_grants = book.granted.difference(&granted).count() as u64;
        breaches
    }

    /// Returns what is wrong; empty if nothing is.
    pub fn complaints(&self) -> Vec<String> {
        let counts = [
            (self.fenced, "calls by a fenced client"),
            (self.intruders, "calls into the lease of another client"),
            (self.strangers, "calls taken for those of another client"),
            (self.false_grants, "leases told, but not granted"),
        ];
        let broken = counts.iter().filter(|(count, _)| *count > 0);
        broken
            .map(|(count, what)| format!("{count} {what}"))
            .collect()
    }
}

/// What is known of a device from its record so far.
struct Device {
    name: &'static str,
    has_hook: bool,
    tenure: Tenure,
    /// Who had the lease when the latest call was inside.
    holder: Option<Holder>,
}

impl Device {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            has_hook: name == DEVICES[0],
            tenure: Tenure::default(),
            holder: None,
        }
    }

    fn enter(&mut self, call: &Call, book: &LogBook, breaches: &mut Breaches) {
        let worker = worker_of(call.token);
        breaches.strangers += u64::from(![0, worker].contains(&call.inside));
        let told = book.calls.get(&call.token);
        if !told.is_some_and(|told| told.idempotent) {
            self.write(call, worker, book, breaches);
        }
        self.holder = call.holder;
        // What the server says is true from then on: the next call passes the gate later.
        let is_over = |lease| call.holder.is_none_or(|holder| holder.lease != lease);
        if self.tenure.lease().is_some_and(is_over) {
            self.tenure.end();
        }
    }

    fn write(&mut self, call: &Call, worker: u64, book: &LogBook, breaches: &mut Breaches) {
        let others = call.holder.filter(|holder| holder.worker != worker);
        let own = call.holder.filter(|holder| holder.worker == worker);
        let given = own.filter(|holder| worker_of(holder.lease) != worker);
        let is_given = |holder: Holder| book.given.get(&holder.lease) == Some(&worker);
        let lease = match given {
            Some(given) => Some(given.lease),
            None => book.under.get(&call.token).copied(),
        };
        let has_right = match (lease, others) {
            (Some(lease), _) => {
                // Without a hook, nothing else shows that the lease before is over.
                if !self.has_hook && self.tenure.lease() != Some(lease) {
                    self.tenure.end();
                }
                self.tenure.enter(lease) && others.is_none() && given.is_none_or(is_given)
            }
            // The lease may have been granted since the call passed the gate, unless an earlier call has seen it.
            (None, Some(others)) => self.holder != Some(others),
            (None, None) => true,
        };
        match lease {
            Some(_) => breaches.fenced += u64::from(!has_right),
            None => breaches.intruders += u64::from(!has_right),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::ledger::Told;

    const A: u64 = 1 << 32;
    const B: u64 = 2 << 32;

    /// A record in the making, and what the callers have on theirs.
    #[derive(Default)]
    struct Story {
        record: Vec<Entry>,
        book: LogBook,
        calls: u64,
    }

    impl Story {
        /// Someone calls under a lease or none, while a worker has some lease.
        fn call(mut self, worker: u64, lease: Option<u64>, holder: Option<(u64, u64)>) -> Self {
            self.calls += 1;
            let token = worker + self.calls;
            let told = Told {
                idempotent: false,
                began_us: 0,
                end: None,
                ends: 0,
            };
            self.book.calls.insert(token, told);
            self.book.under.extend(lease.map(|lease| (token, lease)));
            let holder = holder.map(|(worker, lease)| Holder {
                worker: worker_of(worker),
                lease,
            });
            self.record.push(Entry::Call(Call {
                token,
                device: "laser",
                inside: worker_of(worker),
                holder,
            }));
            self
        }

        fn read(mut self, worker: u64, holder: Option<(u64, u64)>) -> Self {
            self = self.call(worker, None, holder);
            if let Some(told) = self.book.calls.get_mut(&(worker + self.calls)) {
                told.idempotent = true;
            }
            self
        }

        fn released(mut self) -> Self {
            self.record.push(Entry::Released("laser"));
            self
        }

        fn on_the_meter(mut self) -> Self {
            for entry in &mut self.record {
                if let Entry::Call(call) = entry {
                    call.device = "meter";
                }
            }
            self
        }

        /// Returns the number of calls under a lease that is over, and of those into the lease of another client.
        fn breaches(&self) -> (u64, u64) {
            let found = Breaches::of(&self.record, &self.book);
            assert_eq!((found.strangers, found.false_grants), (0, 0));
            (found.fenced, found.intruders)
        }
    }

    const BY_A: Option<(u64, u64)> = Some((A, A + 1));
    const BY_B: Option<(u64, u64)> = Some((B, B + 1));
    const OF_A: Option<u64> = Some(A + 1);
    const OF_B: Option<u64> = Some(B + 1);

    #[test]
    fn leases_one_after_the_other_are_in_order() {
        let story = Story::default().call(A, OF_A, BY_A).call(A, OF_A, None);
        assert_eq!(story.released().call(B, OF_B, BY_B).breaches(), (0, 0));
        let story = Story::default().call(A, OF_A, BY_A).call(B, OF_B, BY_B);
        assert_eq!(story.on_the_meter().breaches(), (0, 0));
    }

    #[test]
    fn a_call_under_a_lease_that_is_over_is_found() {
        for others in [BY_B, None] {
            let story = Story::default().call(A, OF_A, BY_A).released();
            let story = story.call(B, others.and(OF_B), others);
            assert_eq!(story.call(A, OF_A, None).breaches(), (1, 0));
        }
        let without_hook = Story::default().call(A, OF_A, BY_A).call(B, OF_B, BY_B);
        assert_eq!(without_hook.breaches(), (1, 0));
        let story = Story::default().call(A, OF_A, BY_B);
        assert_eq!(story.breaches(), (1, 0), "at once");
        let story = Story::default().call(A, OF_A, BY_A).read(B, None);
        assert_eq!(story.call(A, OF_A, BY_A).breaches(), (1, 0), "it was free");
        let story = Story::default().call(A, OF_A, None).call(A, OF_A, None);
        assert_eq!(story.breaches(), (1, 0), "only one was inside");
    }

    #[test]
    fn a_call_into_the_lease_of_another_client_is_found() {
        let granted_meanwhile = Story::default().call(A, None, BY_B);
        assert_eq!(granted_meanwhile.breaches(), (0, 0));
        assert_eq!(granted_meanwhile.call(A, None, BY_B).breaches(), (0, 1));
        let story = Story::default().call(B, OF_B, BY_B);
        assert_eq!(story.call(A, None, BY_B).breaches(), (0, 1));
        let story = Story::default().call(B, OF_B, BY_B).read(A, BY_B);
        assert_eq!(story.call(B, OF_B, BY_B).breaches(), (0, 0), "reads pass");
    }

    #[test]
    fn a_lease_that_was_given_away_is_that_of_the_other_client() {
        let given = Some((B, A + 1));
        let mut story = Story::default().call(A, OF_A, BY_A).call(B, None, given);
        assert_eq!(story.breaches(), (1, 0), "nobody has given it");
        story.book.given.insert(A + 1, worker_of(B));
        assert_eq!(story.breaches(), (0, 0));
        // A lease of its own that it does not know to be over yet.
        let story = story.call(B, OF_B, given);
        assert_eq!(story.breaches(), (0, 0));
        assert_eq!(story.call(A, OF_A, given).breaches(), (1, 0));
    }

    #[test]
    fn leases_that_nobody_granted_and_callers_that_were_mistaken_are_found() {
        let mut story = Story::default().call(A, None, None);
        story.book.granted = [A + 1, A + 2].into();
        story.record.push(Entry::Leased(A + 1));
        if let Some(Entry::Call(call)) = story.record.first_mut() {
            call.inside = worker_of(B);
        }
        let found = Breaches::of(&story.record, &story.book);
        let expected = [
            "1 calls taken for those of another client",
            "1 leases told, but not granted",
        ];
        assert_eq!(found.complaints(), expected);
    }
}
