//! The order of clients: one holds the server, the others wait, first come, first served.

use std::collections::VecDeque;

/// The holder of the server and the queue behind it. Does no I/O and looks at no clock.
///
/// `C` is what a front end knows of a client, and `S` tells its sessions apart.
#[derive(Debug)]
pub struct Admission<C, S> {
    queue: VecDeque<Entry<C>>,
    holder: Option<Entry<C>>,
    last_session: Option<S>,
    lease_epoch: u64,
    limit: usize,
}

/// The number of a client, unique while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientId(pub u64);

#[derive(Debug)]
struct Entry<C> {
    id: ClientId,
    client: C,
}

/// The error for a client that finds the queue full.
#[derive(Debug, PartialEq, Eq)]
pub struct QueueFull;

impl<C, S: Copy + PartialEq> Admission<C, S> {
    /// Creates an empty order of clients. At most `limit` of them may wait.
    pub fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            holder: None,
            last_session: None,
            lease_epoch: 0,
            limit,
        }
    }

    /// Adds a client at the end of the queue. If the server is free, there is always room.
    pub fn enter(&mut self, id: ClientId, client: C) -> Result<(), QueueFull> {
        let is_free = self.holder.is_none() && self.queue.is_empty();
        if !is_free && self.queue.len() >= self.limit {
            return Err(QueueFull);
        }
        self.queue.push_back(Entry { id, client });
        Ok(())
    }

    /// Makes a client the holder and returns it, if it is its turn.
    pub fn try_take(&mut self, id: ClientId) -> Option<&C> {
        let is_free = self.holder.is_none();
        let next = self.queue.pop_front_if(|next| is_free && next.id == id)?;
        Some(&self.holder.insert(next).client)
    }

    /// Notes that the holder starts or resumes `session`. Returns the lease epoch, which rises whenever another session
    /// takes over.
    pub fn begin(&mut self, session: S) -> u64 {
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.lease_epoch += 1;
        }
        self.lease_epoch
    }

    /// Notes that release hooks have changed the devices, which starts a new lease epoch even for the same session.
    pub fn forget_last_session(&mut self) {
        self.last_session = None;
    }

    /// Removes a client, whether it waits or holds the server. Returns false if it was not there.
    pub fn leave(&mut self, id: ClientId) -> bool {
        let waiting = self.queue.len();
        self.queue.retain(|other| other.id != id);
        let held = self.holder.take_if(|holder| holder.id == id).is_some();
        held || self.queue.len() != waiting
    }

    /// Returns the client that holds the server.
    pub fn holder(&self) -> Option<&C> {
        self.holder.as_ref().map(|holder| &holder.client)
    }

    /// Returns all clients in order with their places: 0 for the holder, from 1 for the queue.
    pub fn clients(&self) -> impl Iterator<Item = (usize, &C)> {
        let holder = self.holder.iter().map(|holder| (0, &holder.client));
        holder.chain((1..).zip(self.queue.iter().map(|entry| &entry.client)))
    }

    /// Returns the number of waiting clients.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Returns the place of a waiting client, from 1, or `None` if it is not in the queue.
    pub fn place(&self, id: ClientId) -> Option<usize> {
        let waits_before = self.queue.iter().position(|other| other.id == id)?;
        Some(waits_before + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(admission: &mut Admission<&'static str, u64>, id: u64) -> ClientId {
        let id = ClientId(id);
        admission.enter(id, "someone").unwrap();
        id
    }

    #[test]
    fn first_come_first_served_whoever_leaves() {
        let mut admission = Admission::new(10);
        let ids: Vec<ClientId> = (0..5).map(|id| enter(&mut admission, id)).collect();
        let takes = |admission: &mut Admission<_, u64>, id| admission.try_take(id).is_some();
        assert!(!takes(&mut admission, ids[1]));
        assert!(takes(&mut admission, ids[0]));
        assert!(!takes(&mut admission, ids[1]), "the server is held");

        assert!(admission.leave(ids[2]));
        assert!(!admission.leave(ids[2]), "gone already");
        assert!(admission.leave(ids[0]));
        let order = [4, 3, 1].map(|i| takes(&mut admission, ids[i]));
        assert_eq!(order, [false, false, true]);
        assert!(admission.leave(ids[1]));
        assert!(takes(&mut admission, ids[3]));
    }

    #[test]
    fn waiting_clients_know_their_place_and_the_holder() {
        let mut admission = Admission::new(10);
        let holder = ClientId(0);
        admission.enter(holder, "scan.rs").unwrap();
        assert_eq!(admission.try_take(holder), Some(&"scan.rs"));
        let waiting: Vec<ClientId> = (1..4).map(|id| enter(&mut admission, id)).collect();
        let places = [holder, waiting[0], waiting[2]].map(|id| admission.place(id));
        assert_eq!(places, [None, Some(1), Some(3)]);
        assert_eq!(admission.holder(), Some(&"scan.rs"));
        assert_eq!(admission.waiting(), 3);
        let clients: Vec<_> = admission.clients().map(|(place, _)| place).collect();
        assert_eq!(clients, [0, 1, 2, 3]);
    }

    #[test]
    fn the_queue_is_bounded_but_a_free_server_always_has_room() {
        let mut admission = Admission::new(1);
        let first = enter(&mut admission, 1);
        assert!(admission.try_take(first).is_some());
        let second = enter(&mut admission, 2);
        assert_eq!(admission.enter(ClientId(3), "late"), Err(QueueFull));
        admission.leave(second);
        admission.leave(first);
        assert!(
            Admission::<_, u64>::new(0)
                .enter(ClientId(4), "only")
                .is_ok()
        );
    }

    #[test]
    fn the_lease_epoch_rises_when_the_server_changes_hands() {
        let mut admission = Admission::<(), _>::new(1);
        let epochs = [1, 1, 2, 1].map(|session| admission.begin(session));
        assert_eq!(epochs, [1, 1, 2, 3]);
    }
}
