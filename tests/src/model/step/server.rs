//! What the server does next: new connections, the client that is served, and the end of the server.

use bytes::Bytes;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::mutant::Mutant;
use ipc_core::session::server::{Farewell, ServerSession};
use ipc_core::session::table::Greeted;
use ipc_core::wire::ctrl::{ByeReason, Features, Hello, SessionKey};

use crate::model::Search;
use crate::model::watch::{Broken, Outcome};
use crate::model::world::{Held, LeftBehind, Part, Seat, World};

impl World {
    pub(super) fn arrive_at_server(&mut self, search: &Search, id: u8) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let Some(frame) = connection.to_server.pop_front() else {
            return self.server_hangs_up(search, id);
        };
        match &mut connection.seat {
            Seat::Arriving(arrival) => {
                let accepted = arrival.change(|arrival| arrival.handle_input(&frame).is_ok());
                match arrival.get().hello().cloned() {
                    Some(hello) if accepted => self.greet(search, id, &hello),
                    _ => self.server_hangs_up(search, id),
                }
            }
            Seat::Held(key) => {
                let (key, now) = (*key, search.server_time(self));
                let input = |session: &mut ServerSession| {
                    session.handle_input(&frame, now);
                    session.end().is_some()
                };
                let held = self.held.iter_mut().find(|held| held.key == key);
                let over = held.is_some_and(|held| held.session.change(input));
                self.flush(key);
                if over {
                    self.server_hangs_up(search, id);
                }
            }
            Seat::Fencing(..) | Seat::Nobody => {}
        }
    }

    fn greet(&mut self, search: &Search, id: u8, hello: &Hello) {
        self.sessions += 1;
        let run = match search.has(Mutant::NoIncarnation) {
            true => 0,
            false => u128::from(self.incarnation) * 1000,
        };
        let fresh = run + u128::from(self.sessions);
        let now = search.server_time(self);
        let greeted = self.table.change(|table| table.greet(hello, fresh, now));
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let Seat::Arriving(arrival) = std::mem::replace(&mut connection.seat, Seat::Nobody) else {
            return;
        };
        match greeted {
            Greeted::Session(session) => {
                let key = session.key();
                self.held.push(Held {
                    key,
                    session: Part::new(*session),
                    connection: None,
                    newest: 0,
                    running: Vec::new(),
                });
                self.seat(search, id, key, arrival.into_inner(), hello);
            }
            Greeted::Out(key) => connection.seat = Seat::Fencing(arrival, key),
            _ => self.server_hangs_up(search, id),
        }
    }

    pub(super) fn fence(&mut self, search: &Search, id: u8) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        let Seat::Fencing(arrival, key) = std::mem::replace(&mut connection.seat, Seat::Nobody)
        else {
            return;
        };
        let arrival = arrival.into_inner();
        let hello = arrival.hello().cloned();
        let Some(hello) = hello.filter(|hello| self.table.get().is_newest(key, hello.connection))
        else {
            return self.server_hangs_up(search, id);
        };
        if !self.held.iter().any(|held| held.key == key) {
            let reclaimed = self
                .table
                .change(|table| table.reclaim(key, hello.connection));
            let Some(session) = reclaimed else {
                return self.server_hangs_up(search, id);
            };
            self.held.push(Held {
                key,
                session: Part::new(*session),
                connection: None,
                newest: 0,
                running: Vec::new(),
            });
        }
        let old = self
            .held
            .iter()
            .find(|held| held.key == key)
            .and_then(|held| held.connection);
        if let Some(old) = old.filter(|_| search.fence)
            && let Some(connection) = self.connection_mut(old)
        {
            connection.server_open = false;
            connection.to_server.clear();
            connection.seat = Seat::Nobody;
        }
        self.seat(search, id, key, arrival, &hello);
    }

    /// Gives a session to a connection.
    fn seat(&mut self, search: &Search, id: u8, key: SessionKey, arrival: Arrival, hello: &Hello) {
        let Some(held) = self.held.iter_mut().find(|held| held.key == key) else {
            return;
        };
        if hello.connection < held.newest {
            self.broken |= 1 << Broken::YieldedToOlder as u16;
        }
        held.newest = hello.connection;
        held.connection = Some(id);
        let last = held.session.get().last_call();
        let mut hello = hello.clone();
        if !search.knows_faults {
            hello.features = Features::default();
        }
        held.session
            .change(|session| session.attach(arrival.into_link(), &hello, 1));
        if hello.resume == Some(key) {
            let gone = [Outcome::GivenUp, Outcome::Unknown, Outcome::NeverRuns];
            for record in &mut self.records {
                record.barred |= record.number > last && gone.contains(&record.outcome);
            }
        }
        if let Some(connection) = self.connection_mut(id) {
            connection.seat = Seat::Held(key);
        }
        self.flush(key);
    }

    /// What the server has to say is under way at once.
    pub(super) fn flush(&mut self, key: SessionKey) {
        let Some(held) = self.held.iter_mut().find(|held| held.key == key) else {
            return;
        };
        let Some(connection) = held.connection else {
            return;
        };
        let connection = self.connections.iter_mut().find(|c| c.id == connection);
        let mut frames = Vec::new();
        if held.session.get().has_output() {
            held.session.change(|session| {
                while let bytes @ [_, ..] = session.transmit() {
                    let frame = Bytes::copy_from_slice(bytes);
                    session.consume(frame.len());
                    frames.push(frame);
                }
            });
        }
        if let Some(connection) = connection.filter(|connection| connection.client_open) {
            connection.to_client.extend(frames);
        }
    }

    pub(super) fn server_hangs_up(&mut self, search: &Search, id: u8) {
        let Some(connection) = self.connection_mut(id) else {
            return;
        };
        connection.server_open = false;
        connection.to_server.clear();
        connection.seat = Seat::Nobody;
        let index = self
            .held
            .iter()
            .position(|held| held.connection == Some(id));
        if let Some(index) = index
            && let Some(held) = self.held.get_mut(index)
        {
            held.connection = None;
            held.session.change(|session| session.handle_eof(None));
            if held.running.is_empty() && !held.session.get().has_waiting() {
                self.park(search, u8::try_from(index).unwrap_or(u8::MAX));
            }
        }
    }

    pub(super) fn park(&mut self, search: &Search, index: u8) {
        let held = self.held.remove(usize::from(index));
        let session = Box::new(held.session.into_inner());
        let now = search.server_time(self);
        self.table.change(|table| table.park(session, now));
    }

    pub(super) fn evict(&mut self, index: u8) {
        self.left.evictions -= 1;
        self.had_disaster = true;
        if let Some(key) = self.table.get().parked().get(usize::from(index)).copied() {
            self.table.change(|table| table.remove(key));
        }
    }

    pub(super) fn crash(&mut self, search: &Search) {
        self.left.crashes -= 1;
        self.had_disaster = true;
        for connection in &mut self.connections {
            connection.server_open = false;
            connection.to_server.clear();
            connection.seat = Seat::Nobody;
        }
        self.restart(search);
    }

    /// The server leaves the client of a session, whatever runs.
    pub(super) fn say_bye(&mut self, search: &Search, index: u8, for_good: bool) {
        self.left.goodbyes -= 1;
        let Some(held) = self.held.get_mut(usize::from(index)) else {
            return;
        };
        let (key, connection) = (held.key, held.connection);
        let reason = match for_good {
            true => ByeReason::Disconnected,
            false => ByeReason::Stopping,
        };
        let farewell = held.session.change(|session| session.say_bye(reason, ""));
        let gives_up = farewell == Farewell::Said && !held.running.is_empty();
        // A client that hears of the goodbye too late finds its session gone.
        self.had_disaster |= for_good || gives_up;
        if for_good || gives_up {
            let left = held.running.drain(..);
            self.left_behind
                .extend(left.map(|(number, tag)| LeftBehind { key, number, tag }));
        }
        self.flush(key);
        if !for_good && farewell == Farewell::Said {
            // The client closes the connection. What it has sent before may still come.
            return;
        }
        if let Some(id) = connection {
            self.server_hangs_up(search, id);
        }
        if for_good {
            self.held.retain(|held| held.key != key);
            self.table.change(|table| table.remove(key));
        }
    }
}
