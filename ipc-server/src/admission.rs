//! Who holds the server, and who is next. One control session at a time, first come, first served.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::wire::ctrl::{QueueStatus, SessionKey};

use crate::activity::Activity;

/// The order of clients at one server. Knows nothing of sockets or sessions.
#[derive(Debug)]
pub(crate) struct Admission {
    queue: VecDeque<Ticket>,
    holder: Option<Holder>,
    last_session: Option<SessionKey>,
    lease_epoch: u64,
    next_ticket: u64,
    limit: usize,
}

/// A place in the order of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Holder {
    ticket: Ticket,
    activity: Arc<Activity>,
}

/// There is no room in the queue.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Admission {
    /// At most `limit` clients may wait.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            holder: None,
            last_session: None,
            lease_epoch: 0,
            next_ticket: 0,
            limit,
        }
    }

    /// Joins the end of the queue.
    pub(crate) fn enter(&mut self) -> Result<Ticket, QueueFull> {
        let is_free = self.holder.is_none() && self.queue.is_empty();
        if !is_free && self.queue.len() >= self.limit {
            return Err(QueueFull);
        }
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.queue.push_back(ticket);
        Ok(ticket)
    }

    /// Makes `ticket` the holder if it is its turn.
    pub(crate) fn try_take(&mut self, ticket: Ticket, activity: &Arc<Activity>) -> bool {
        let is_next = self.holder.is_none() && self.queue.front() == Some(&ticket);
        if is_next {
            self.queue.pop_front();
            self.holder = Some(Holder {
                ticket,
                activity: Arc::clone(activity),
            });
        }
        is_next
    }

    /// The holder begins or goes on with `session`. Returns the lease epoch, which rises whenever the server has
    /// changed hands.
    pub(crate) fn begin(&mut self, session: SessionKey) -> u64 {
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.lease_epoch += 1;
        }
        self.lease_epoch
    }

    /// The devices were put into a safe state: whoever comes next finds them changed, the same session included.
    pub(crate) fn forget_last_session(&mut self) {
        self.last_session = None;
    }

    /// Gives up a place, waiting or held. Returns true if it was there.
    pub(crate) fn leave(&mut self, ticket: Ticket) -> bool {
        let waiting = self.queue.len();
        self.queue.retain(|other| *other != ticket);
        let held = self
            .holder
            .take_if(|holder| holder.ticket == ticket)
            .is_some();
        held || self.queue.len() != waiting
    }

    /// Who holds the server.
    pub(crate) fn holder(&self) -> Option<&Arc<Activity>> {
        self.holder.as_ref().map(|holder| &holder.activity)
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What somebody who waits is told; `None` without a place in the queue.
    pub(crate) fn status(&self, ticket: Ticket, now: Instant) -> Option<QueueStatus> {
        let place = self.queue.iter().position(|other| *other == ticket)? + 1;
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let seen = self
            .holder()
            .map(|holder| holder.seen(now))
            .unwrap_or_default();
        Some(QueueStatus {
            place: to_u32(place),
            waiting: to_u32(self.queue.len()),
            holder: seen.name,
            holder_address: seen.address,
            held_ms: seen.held_ms,
            idle_ms: seen.idle_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(name: &str) -> Arc<Activity> {
        let address = "127.0.0.1:1".parse().unwrap();
        Arc::new(Activity::new(name.into(), address, Instant::now()))
    }

    #[test]
    fn first_come_first_served_whoever_leaves() {
        let mut admission = Admission::new(10);
        let tickets: Vec<Ticket> = (0..5).map(|_| admission.enter().unwrap()).collect();
        let someone = activity("someone");
        assert!(!admission.try_take(tickets[1], &someone));
        assert!(admission.try_take(tickets[0], &someone));
        assert!(
            !admission.try_take(tickets[1], &someone),
            "the server is held"
        );

        assert!(admission.leave(tickets[2]));
        assert!(!admission.leave(tickets[2]), "gone already");
        assert!(admission.leave(tickets[0]));
        let order: Vec<bool> = [4, 3, 1]
            .map(|i| admission.try_take(tickets[i], &someone))
            .to_vec();
        assert_eq!(order, [false, false, true]);
        assert!(admission.leave(tickets[1]));
        assert!(admission.try_take(tickets[3], &someone));
    }

    #[test]
    fn those_who_wait_know_their_place_and_the_holder() {
        let mut admission = Admission::new(10);
        let holder = admission.enter().unwrap();
        assert!(admission.try_take(holder, &activity("scan.rs")));
        let waiting: Vec<Ticket> = (0..3).map(|_| admission.enter().unwrap()).collect();
        let status = admission.status(waiting[2], Instant::now()).unwrap();
        assert_eq!(
            (status.place, status.waiting, status.holder.as_str()),
            (3, 3, "scan.rs")
        );
        assert_eq!(admission.status(holder, Instant::now()), None);
    }

    #[test]
    fn the_queue_is_bounded_but_a_free_server_always_has_room() {
        let mut admission = Admission::new(1);
        let first = admission.enter().unwrap();
        assert!(admission.try_take(first, &activity("first")));
        let second = admission.enter().unwrap();
        assert_eq!(admission.enter(), Err(QueueFull));
        admission.leave(second);
        admission.leave(first);
        assert!(Admission::new(0).enter().is_ok());
    }

    #[test]
    fn the_lease_epoch_rises_when_the_server_changes_hands() {
        let mut admission = Admission::new(1);
        let key = |session| SessionKey {
            incarnation: 1,
            session,
        };
        let epochs = [1, 1, 2, 1].map(|session| admission.begin(key(session)));
        assert_eq!(epochs, [1, 1, 2, 3]);
    }
}
