//! What can happen next, and what then is.

use std::collections::VecDeque;

use bytes::Bytes;
use ipc_core::session::arrival::Arrival;
use ipc_core::session::client::{ClientSession, Event, GivenUp};
use ipc_core::session::link::Link;
use ipc_core::wire::preamble::Role;

mod driver;
mod server;

use super::Search;
use super::watch::{Broken, Outcome};
use super::world::{Connection, Part, Seat, Step, World};

const MAX_FRAME: usize = 1 << 20;
const IN_FLIGHT: usize = 2;

impl World {
    pub(super) fn steps(&self, steps: &mut Vec<Step>) {
        if self.broken != 0 {
            return;
        }
        let client = self.client.get();
        let made = |outcome| outcome != Outcome::NotMade;
        let is_over = self.open_calls() == 0 && self.records.iter().all(|r| made(r.outcome));
        if is_over && !self.has_more_to_watch() {
            return;
        }
        if self.open_calls() < IN_FLIGHT && self.records.iter().any(|r| !made(r.outcome)) {
            steps.push(Step::Call);
        }
        if !is_over && client.is_disconnected() && self.client_connection().is_none() {
            steps.push(Step::Dial);
        }
        if client.has_output() && self.client_connection().is_some() {
            steps.push(Step::Send);
        }
        for connection in &self.connections {
            self.network_steps(connection, steps);
        }
        for (index, held) in (0_u8..).zip(&self.held) {
            let session = held.session.get();
            let running = (0_u8..).take(held.running.len());
            steps.extend(running.map(|which| Step::Finish(index, which)));
            if session.has_waiting() && session.may_begin() {
                steps.push(Step::Start(index));
                if self.left.refusals > 0 {
                    steps.push(Step::Refuse(index));
                }
            }
            if session.has_waiting() && held.running.is_empty() && held.connection.is_none() {
                steps.push(Step::Park(index));
            }
        }
        let late = (0_u8..).take(self.left_behind.len());
        steps.extend(late.map(Step::FinishLate));
        if is_over {
            return;
        }
        // A dead end is one even if some further fault would lead out of it.
        if steps.is_empty() {
            return steps.push(Step::GetStuck);
        }
        self.faults(steps);
    }

    fn faults(&self, steps: &mut Vec<Step>) {
        if self.left.cancels > 0 {
            let open = (0_u8..)
                .zip(&self.records)
                .filter(|(_, r)| r.outcome == Outcome::Open);
            steps.extend(open.map(|(tag, _)| Step::GiveUp(tag)));
        }
        if self.left.drops > 0 {
            let whole = self
                .connections
                .iter()
                .filter(|c| c.client_open && c.server_open);
            for connection in whole {
                steps.extend([Step::DropAtClient, Step::DropAtServer(connection.id)]);
            }
        }
        if self.left.goodbyes > 0 {
            let connected = (0_u8..)
                .zip(&self.held)
                .filter(|(_, held)| held.connection.is_some());
            for (index, _) in connected {
                steps.extend([Step::SayBye(index, false), Step::SayBye(index, true)]);
            }
        }
        if self.left.lates > 0 {
            steps.push(Step::BeLate);
        }
        if self.left.evictions > 0 {
            let parked = self.table.get().parked().len();
            steps.extend((0_u8..).take(parked).map(Step::Evict));
        }
        if self.left.crashes > 0 {
            steps.push(Step::Crash);
        }
    }

    /// Once all calls have ended, what is still under way may break a promise, but only by running.
    fn has_more_to_watch(&self) -> bool {
        self.held
            .iter()
            .any(|held| !held.running.is_empty() || held.session.get().has_waiting())
            || self.connections.iter().any(|c| !c.to_server.is_empty())
    }

    fn network_steps(&self, connection: &Connection, steps: &mut Vec<Step>) {
        let id = connection.id;
        if connection.server_open {
            if !connection.to_server.is_empty() || !connection.client_open {
                steps.push(Step::ArriveAtServer(id));
            }
            if !connection.client_open && !connection.to_server.is_empty() {
                steps.push(Step::LoseToServer(id));
            }
        }
        if connection.client_open {
            if !connection.to_client.is_empty() || !connection.server_open {
                steps.push(Step::ArriveAtClient(id));
            }
            if !connection.server_open && !connection.to_client.is_empty() {
                steps.push(Step::LoseToClient(id));
            }
        }
        if let Seat::Fencing(..) = connection.seat {
            steps.push(Step::Fence(id));
        }
    }

    pub(super) fn take(&mut self, search: &Search, step: Step) {
        match step {
            Step::Call => self.call(search),
            Step::GiveUp(tag) => self.give_up(tag),
            Step::Dial => self.dial(search),
            Step::Send => self.send(),
            Step::ArriveAtServer(id) => self.arrive_at_server(search, id),
            Step::ArriveAtClient(id) => self.arrive_at_client(search, id),
            Step::LoseToServer(id) => self.server_hangs_up(search, id),
            Step::LoseToClient(_) => self.client_hangs_up(),
            Step::DropAtClient => {
                self.left.drops -= 1;
                self.client_hangs_up();
            }
            Step::DropAtServer(id) => {
                self.left.drops -= 1;
                self.server_hangs_up(search, id);
            }
            Step::Fence(id) => self.fence(search, id),
            Step::Start(index) => self.start(search, index),
            Step::Finish(index, which) => self.finish(search, index, which),
            Step::FinishLate(which) => self.finish_late(which),
            Step::Refuse(index) => self.refuse(search, index),
            Step::SayBye(index, for_good) => self.say_bye(search, index, for_good),
            Step::BeLate => {
                self.left.lates -= 1;
                self.is_late = true;
            }
            Step::Park(index) => self.park(search, index),
            Step::Evict(index) => self.evict(index),
            Step::Crash => self.crash(search),
            Step::GetStuck => self.break_promise(Broken::Stuck),
        }
        self.connections.retain(|c| c.client_open || c.server_open);
        self.connections.sort_by_key(|connection| connection.id);
    }

    fn call(&mut self, search: &Search) {
        let next = (0..)
            .zip(&mut self.records)
            .find(|(_, r)| r.outcome == Outcome::NotMade);
        if let Some((tag, record)) = next {
            let (frame, idempotent) = (search.frame(tag), record.idempotent);
            let timeout = search.timeout();
            let call =
                |client: &mut ClientSession| client.call(frame, idempotent, timeout, search.start);
            record.number = self.client.change(call);
            record.outcome = Outcome::Open;
        }
    }

    fn give_up(&mut self, tag: u8) {
        self.left.cancels -= 1;
        if let Some(record) = self.records.get_mut(usize::from(tag)) {
            let number = record.number;
            record.outcome = match self.client.change(|client| client.give_up(number)) {
                GivenUp::Ended => return self.break_promise(Broken::EndedTwice),
                GivenUp::Sent => Outcome::GivenUp,
                GivenUp::NotSent if record.runs > 0 => {
                    return self.break_promise(Broken::RanAfterAll);
                }
                GivenUp::NotSent => Outcome::NeverRuns,
            };
        }
    }

    fn dial(&mut self, search: &Search) {
        self.dials += 1;
        let link = Link::plain(Role::Client, MAX_FRAME);
        self.client
            .change(|client| client.connect(link, search.start));
        let arrival = Arrival::new(Link::plain(Role::Server, MAX_FRAME));
        self.connections.push(Connection {
            id: self.dials,
            client_open: true,
            server_open: true,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            seat: Seat::Arriving(Part::new(arrival)),
        });
    }

    fn send(&mut self) {
        let frame = self.client.change(|client| {
            let frame = Bytes::copy_from_slice(client.transmit());
            client.consume(frame.len());
            frame
        });
        if let Some(connection) = self.connections.iter_mut().find(|c| c.client_open)
            && connection.server_open
        {
            connection.to_server.push_back(frame);
        }
    }

    fn connection_mut(&mut self, id: u8) -> Option<&mut Connection> {
        self.connections
            .iter_mut()
            .find(|connection| connection.id == id)
    }

    fn arrive_at_client(&mut self, search: &Search, id: u8) {
        let frame = self
            .connection_mut(id)
            .and_then(|c| c.to_client.pop_front());
        match frame {
            Some(frame) => self
                .client
                .change(|client| client.handle_input(&frame, search.start)),
            None => return self.client_hangs_up(),
        }
        self.read_events();
        if self.client.get().is_disconnected() {
            self.client_hangs_up();
        }
    }

    fn client_hangs_up(&mut self) {
        if let Some(connection) = self.connections.iter_mut().find(|c| c.client_open) {
            connection.client_open = false;
            connection.to_client.clear();
        }
        self.client.change(|client| client.handle_eof(None));
        self.read_events();
    }

    fn read_events(&mut self) {
        let mut events = Vec::new();
        self.client
            .change(|client| events.extend(std::iter::from_fn(|| client.poll_event())));
        for event in events {
            match event {
                Event::Connected { resumed, .. } => self.reconnected |= resumed,
                Event::Ended { call, outcome } => {
                    let mut broken = 0;
                    let mut records = (0..).zip(&mut self.records);
                    let open = |record: &super::watch::Record| record.outcome == Outcome::Open;
                    match records.find(|(_, r)| r.number == call && open(r)) {
                        Some((tag, record)) => {
                            let had_disaster = self.had_disaster;
                            record.end(tag, &outcome, had_disaster, &mut |promise| {
                                broken |= 1 << promise as u16;
                            });
                        }
                        None => broken |= 1 << Broken::EndedTwice as u16,
                    }
                    self.broken |= broken;
                }
                _ => {}
            }
        }
    }
}
