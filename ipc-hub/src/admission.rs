//! The order of clients: one or several hold the server, the others wait, first come, first served.

use std::collections::VecDeque;

/// The clients that hold the server, and the queue behind them. Does no I/O and looks at no clock.
///
/// A server has one seat, or more if it is shared. A client that holds the server has taken a seat.
///
/// `C` is what a front end knows of a client, and `S` tells its sessions apart.
#[derive(Debug)]
pub struct Admission<C, S> {
    queue: VecDeque<Entry<C>>,
    holders: Vec<Entry<C>>,
    /// Clients that take no seat: lanes and observers.
    beside: Vec<Entry<C>>,
    seats: usize,
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
    /// Creates an empty order of clients, of which one at a time holds the server. At most `limit` of them may wait.
    pub fn new(limit: usize) -> Self {
        Self::with_seats(1, limit)
    }

    /// Creates an empty order of clients, of which up to `seats` hold the server at the same time.
    pub fn with_seats(seats: usize, limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            holders: Vec::new(),
            beside: Vec::new(),
            seats,
            last_session: None,
            lease_epoch: 0,
            limit,
        }
    }

    /// Adds a client at the end of the queue. If a seat is free, there is always room.
    pub fn enter(&mut self, id: ClientId, client: C) -> Result<(), QueueFull> {
        let is_free = self.has_free_seat() && self.queue.is_empty();
        if !is_free && self.queue.len() >= self.limit {
            return Err(QueueFull);
        }
        self.queue.push_back(Entry { id, client });
        Ok(())
    }

    /// Adds a client that takes no seat and does not wait. There are at most `limit` of them.
    pub fn enter_beside(&mut self, id: ClientId, client: C, limit: usize) -> Result<(), QueueFull> {
        if self.beside.len() >= limit {
            return Err(QueueFull);
        }
        self.beside.push(Entry { id, client });
        Ok(())
    }

    /// Makes a client the holder and returns it, if it is its turn.
    pub fn try_take(&mut self, id: ClientId) -> Option<&C> {
        let is_free = self.has_free_seat();
        let next = self.queue.pop_front_if(|next| is_free && next.id == id)?;
        self.holders.push(next);
        self.holders.last().map(|holder| &holder.client)
    }

    fn has_free_seat(&self) -> bool {
        self.holders.len() < self.seats
    }

    /// Notes that a holder starts or resumes `session`. Returns the lease epoch, which rises whenever another session
    /// takes over.
    pub fn begin(&mut self, session: S) -> u64 {
        if self.last_session != Some(session) {
            self.last_session = Some(session);
            self.lease_epoch += 1;
        }
        self.lease_epoch
    }

    /// Returns the lease epoch.
    pub fn lease_epoch(&self) -> u64 {
        self.lease_epoch
    }

    /// Notes that release hooks have changed the devices, which starts a new lease epoch even for the same session.
    pub fn forget_last_session(&mut self) {
        self.last_session = None;
    }

    /// Removes a client, whether it waits or holds the server. Returns false if it was not there.
    pub fn leave(&mut self, id: ClientId) -> bool {
        let count = |this: &Self| this.queue.len() + this.holders.len() + this.beside.len();
        let before = count(self);
        self.queue.retain(|other| other.id != id);
        self.holders.retain(|other| other.id != id);
        self.beside.retain(|other| other.id != id);
        count(self) != before
    }

    /// Returns the clients that hold the server, the first one first.
    pub fn holders(&self) -> impl Iterator<Item = &C> {
        self.holders.iter().map(|holder| &holder.client)
    }

    /// Returns all clients in order with their places: 0 for those that hold the server and those beside them, from 1 for the
    /// queue.
    pub fn clients(&self) -> impl Iterator<Item = (usize, &C)> {
        let beside = self.beside.iter().map(|entry| (0, &entry.client));
        let holders = self.holders().map(|client| (0, client)).chain(beside);
        holders.chain((1..).zip(self.queue.iter().map(|entry| &entry.client)))
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
        assert_eq!(admission.holders().collect::<Vec<_>>(), [&"scan.rs"]);
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
    fn several_seats_are_taken_in_order_and_the_next_client_waits_for_any_of_them() {
        let mut admission = Admission::<_, u64>::with_seats(2, 10);
        let ids: Vec<ClientId> = (0..4).map(|id| enter(&mut admission, id)).collect();
        let takes =
            |admission: &mut Admission<_, u64>, i: usize| admission.try_take(ids[i]).is_some();
        assert!(!takes(&mut admission, 1), "it is not the next one");
        assert!(takes(&mut admission, 0) && takes(&mut admission, 1));
        assert!(!takes(&mut admission, 2), "both seats are taken");
        assert_eq!(
            admission
                .clients()
                .map(|(place, _)| place)
                .collect::<Vec<_>>(),
            [0, 0, 1, 2]
        );
        assert!(admission.leave(ids[1]));
        assert!(!takes(&mut admission, 3) && takes(&mut admission, 2));
        assert_eq!(admission.place(ids[3]), Some(1));
    }

    /// Regression model: with one seat, everything is as it was when there was one holder and no seats.
    #[test]
    fn one_seat_behaves_as_one_holder_did() {
        let mut random = 1_u64;
        let mut next = move |below: u64| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) % below
        };
        for _ in 0..200 {
            let mut admission = Admission::<_, u64>::new(3);
            let (mut holder, mut queue, mut epoch, mut last) = (None, VecDeque::new(), 0, None);
            for id in 0..100 {
                let other = ClientId(next(id + 1));
                match next(5) {
                    0 | 1 => {
                        let has_room = queue.len() < 3 || holder.is_none() && queue.is_empty();
                        assert_eq!(admission.enter(ClientId(id), id).is_ok(), has_room);
                        queue.extend(has_room.then_some(ClientId(id)));
                    }
                    2 => {
                        let takes = holder.is_none() && queue.front() == Some(&other);
                        assert_eq!(admission.try_take(other).is_some(), takes);
                        if takes {
                            holder = queue.pop_front();
                        }
                    }
                    3 => {
                        let was_here = holder == Some(other) || queue.contains(&other);
                        assert_eq!(admission.leave(other), was_here);
                        holder = holder.filter(|holder| *holder != other);
                        queue.retain(|id| *id != other);
                    }
                    _ => {
                        let session = next(3);
                        epoch += u64::from(last.replace(session) != Some(session));
                        assert_eq!(admission.begin(session), epoch);
                    }
                }
                let ids: Vec<_> = admission.clients().map(|(_, id)| ClientId(*id)).collect();
                let expected: Vec<_> = holder.into_iter().chain(queue.iter().copied()).collect();
                assert_eq!((ids, admission.waiting()), (expected, queue.len()));
                assert_eq!(admission.holders().count(), usize::from(holder.is_some()));
            }
        }
    }

    #[test]
    fn the_lease_epoch_rises_when_the_server_changes_hands() {
        let mut admission = Admission::<(), _>::new(1);
        let epochs = [1, 1, 2, 1].map(|session| admission.begin(session));
        assert_eq!(epochs, [1, 1, 2, 3]);
    }
}
