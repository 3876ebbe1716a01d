//! Who holds the server, and who is next. One control session at a time, first come, first served.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::wire::ctrl::{QueueStatus, SessionKey};

use crate::session::activity::Activity;

/// The order of clients at one server. Knows nothing of sockets.
#[derive(Debug)]
pub(crate) struct Admission {
    queue: VecDeque<Client>,
    holder: Option<Client>,
    last_session: Option<SessionKey>,
    lease_epoch: u64,
    limit: usize,
}

/// A place in the order of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Client {
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
            limit,
        }
    }

    /// Joins the end of the queue.
    pub(crate) fn enter(&mut self, activity: Arc<Activity>) -> Result<Ticket, QueueFull> {
        let is_free = self.holder.is_none() && self.queue.is_empty();
        if !is_free && self.queue.len() >= self.limit {
            return Err(QueueFull);
        }
        let ticket = Ticket(activity.id());
        self.queue.push_back(Client { ticket, activity });
        Ok(ticket)
    }

    /// Makes `ticket` the holder if it is its turn.
    pub(crate) fn try_take(&mut self, ticket: Ticket, now: Instant) -> bool {
        let is_free = self.holder.is_none();
        let next = self
            .queue
            .pop_front_if(|next| is_free && next.ticket == ticket);
        let is_mine = next.is_some();
        if let Some(client) = next {
            client.activity.begins_to_hold(now);
            self.holder = Some(client);
        }
        is_mine
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
        self.queue.retain(|other| other.ticket != ticket);
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

    /// The holder, if there is one, and those who wait, in order; each with its place, 0 for the holder.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (usize, &Arc<Activity>)> {
        let holder = self.holder.iter().map(|holder| (0, &holder.activity));
        holder.chain(
            self.queue
                .iter()
                .zip(1..)
                .map(|(client, place)| (place, &client.activity)),
        )
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// What somebody who waits is told; `None` without a place in the queue.
    pub(crate) fn status(&self, ticket: Ticket, now: Instant) -> Option<QueueStatus> {
        let place = self.queue.iter().position(|other| other.ticket == ticket)? + 1;
        let to_u32 = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let seen = self
            .holder()
            .map(|holder| holder.seen(now))
            .unwrap_or_default();
        Some(QueueStatus {
            place: to_u32(place),
            waiting: to_u32(self.queue.len()),
            running_ms: seen.running_ms(),
            holder: seen.name,
            holder_address: seen.address,
            held_ms: seen.held_ms,
            idle_ms: seen.idle_ms,
            running: seen.running_text,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(id: u64, name: &str) -> Arc<Activity> {
        let address = "127.0.0.1:1".parse().unwrap();
        Arc::new(Activity::new(
            id,
            name.into(),
            address,
            Arc::default(),
            Instant::now(),
        ))
    }

    fn enter(admission: &mut Admission, id: u64) -> Ticket {
        admission.enter(activity(id, "someone")).unwrap()
    }

    #[test]
    fn first_come_first_served_whoever_leaves() {
        let (mut admission, now) = (Admission::new(10), Instant::now());
        let tickets: Vec<Ticket> = (0..5).map(|id| enter(&mut admission, id)).collect();
        assert!(!admission.try_take(tickets[1], now));
        assert!(admission.try_take(tickets[0], now));
        assert!(!admission.try_take(tickets[1], now), "the server is held");

        assert!(admission.leave(tickets[2]));
        assert!(!admission.leave(tickets[2]), "gone already");
        assert!(admission.leave(tickets[0]));
        let order = [4, 3, 1].map(|i| admission.try_take(tickets[i], now));
        assert_eq!(order, [false, false, true]);
        assert!(admission.leave(tickets[1]));
        assert!(admission.try_take(tickets[3], now));
    }

    #[test]
    fn those_who_wait_know_their_place_and_the_holder() {
        let (mut admission, now) = (Admission::new(10), Instant::now());
        let holder = admission.enter(activity(0, "scan.rs")).unwrap();
        assert!(admission.try_take(holder, now));
        let waiting: Vec<Ticket> = (1..4).map(|id| enter(&mut admission, id)).collect();
        let status = admission.status(waiting[2], now).unwrap();
        assert_eq!(
            (status.place, status.waiting, status.holder.as_str()),
            (3, 3, "scan.rs")
        );
        assert_eq!(admission.status(holder, now), None);
        let places: Vec<_> = admission
            .clients()
            .map(|(place, who)| (place, who.id()))
            .collect();
        assert_eq!(places, [(0, 0), (1, 1), (2, 2), (3, 3)]);
    }

    #[test]
    fn the_queue_is_bounded_but_a_free_server_always_has_room() {
        let (mut admission, now) = (Admission::new(1), Instant::now());
        let first = enter(&mut admission, 1);
        assert!(admission.try_take(first, now));
        let second = enter(&mut admission, 2);
        assert_eq!(admission.enter(activity(3, "late")), Err(QueueFull));
        admission.leave(second);
        admission.leave(first);
        assert!(Admission::new(0).enter(activity(4, "only")).is_ok());
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
