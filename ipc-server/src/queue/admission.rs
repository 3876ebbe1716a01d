//! The order of clients: one holds the server, the others wait, first come, first served.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use ipc_core::wire::ctrl::{QueueStatus, SessionKey};

use crate::session::activity::Activity;

/// The holder of the server and the queue behind it. Does no I/O, and takes the time as an argument.
#[derive(Debug)]
pub(crate) struct Admission {
    queue: VecDeque<QueueEntry>,
    holder: Option<QueueEntry>,
    last_session: Option<SessionKey>,
    lease_epoch: u64,
    limit: usize,
}

/// The number of a client, unique while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientId(pub(crate) u64);

#[derive(Debug)]
struct QueueEntry {
    id: ClientId,
    activity: Arc<Activity>,
}

/// The error for a client that finds the queue full.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl Admission {
    /// Creates an empty order of clients. At most `limit` of them may wait.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            holder: None,
            last_session: None,
            lease_epoch: 0,
            limit,
        }
    }

    /// Adds a client at the end of the queue. If the server is free, there is always room.
    pub(crate) fn enter(&mut self, activity: Arc<Activity>) -> Result<ClientId, QueueFull> {
        let is_free = self.holder.is_none() && self.queue.is_empty();
        if !is_free && self.queue.len() >= self.limit {
            return Err(QueueFull);
        }
        let id = ClientId(activity.id());
        self.queue.push_back(QueueEntry { id, activity });
        Ok(id)
    }

    /// Makes a client the holder if it is its turn, and returns whether it was.
    pub(crate) fn try_take(&mut self, id: ClientId, now: Instant) -> bool {
        let is_free = self.holder.is_none();
        let next = self.queue.pop_front_if(|next| is_free && next.id == id);
        let is_mine = next.is_some();
        if let Some(client) = next {
            client.activity.begins_to_hold(now);
            self.holder = Some(client);
        }
        is_mine
    }

    /// Notes that the holder starts or resumes `session`. Returns the lease epoch, which rises whenever another session
    /// takes over.
    pub(crate) fn begin(&mut self, session: SessionKey) -> u64 {
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.lease_epoch += 1;
        }
        self.lease_epoch
    }

    /// Notes that release hooks have changed the devices, which starts a new lease epoch even for the same session.
    pub(crate) fn forget_last_session(&mut self) {
        self.last_session = None;
    }

    /// Removes a client, whether it waits or holds the server. Returns false if it was not there.
    pub(crate) fn leave(&mut self, id: ClientId) -> bool {
        let waiting = self.queue.len();
        self.queue.retain(|other| other.id != id);
        let held = self.holder.take_if(|holder| holder.id == id).is_some();
        held || self.queue.len() != waiting
    }

    /// Returns the client that holds the server.
    pub(crate) fn holder(&self) -> Option<&Arc<Activity>> {
        self.holder.as_ref().map(|holder| &holder.activity)
    }

    /// Returns all clients in order with their places: 0 for the holder, from 1 for the queue.
    pub(crate) fn clients(&self) -> impl Iterator<Item = (usize, &Arc<Activity>)> {
        let holder = self.holder.iter().map(|holder| (0, &holder.activity));
        holder.chain(
            self.queue
                .iter()
                .zip(1..)
                .map(|(client, place)| (place, &client.activity)),
        )
    }

    /// Returns the number of waiting clients.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Returns what to tell a waiting client, or `None` if it is not in the queue.
    pub(crate) fn status(&self, id: ClientId, now: Instant) -> Option<QueueStatus> {
        let place = self.queue.iter().position(|other| other.id == id)? + 1;
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
            Default::default(),
            Instant::now(),
        ))
    }

    fn enter(admission: &mut Admission, id: u64) -> ClientId {
        admission.enter(activity(id, "someone")).unwrap()
    }

    #[test]
    fn first_come_first_served_whoever_leaves() {
        let (mut admission, now) = (Admission::new(10), Instant::now());
        let ids: Vec<ClientId> = (0..5).map(|id| enter(&mut admission, id)).collect();
        assert!(!admission.try_take(ids[1], now));
        assert!(admission.try_take(ids[0], now));
        assert!(!admission.try_take(ids[1], now), "the server is held");

        assert!(admission.leave(ids[2]));
        assert!(!admission.leave(ids[2]), "gone already");
        assert!(admission.leave(ids[0]));
        let order = [4, 3, 1].map(|i| admission.try_take(ids[i], now));
        assert_eq!(order, [false, false, true]);
        assert!(admission.leave(ids[1]));
        assert!(admission.try_take(ids[3], now));
    }

    #[test]
    fn waiting_clients_know_their_place_and_the_holder() {
        let (mut admission, now) = (Admission::new(10), Instant::now());
        let holder = admission.enter(activity(0, "scan.rs")).unwrap();
        assert!(admission.try_take(holder, now));
        let waiting: Vec<ClientId> = (1..4).map(|id| enter(&mut admission, id)).collect();
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
