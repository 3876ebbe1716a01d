//! What the driver does next: calls that begin, are refused, and end.

use ipc_core::Refusal;
use ipc_core::session::server::ServerSession;
use ipc_core::wire::ctrl::SessionKey;

use crate::model::watch::{Broken, Outcome};
use crate::model::world::{LeftBehind, World};
use crate::model::{Search, reply_frame};

impl World {
    /// The next call of a session: its number, and which of the calls it is.
    fn next_call(&mut self, search: &Search, index: u8) -> Option<(SessionKey, u64, u8)> {
        let now = search.server_time(self);
        let held = self.held.get_mut(usize::from(index))?;
        let key = held.key;
        let next = held.session.change(|session| session.next_call(now));
        // Calls that waited beyond their deadlines have been refused.
        self.flush(key);
        let (call, _) = next?;
        let name = call.method().bytes().next().unwrap_or(0);
        Some((key, call.number, name.wrapping_sub(b'a')))
    }

    pub(super) fn start(&mut self, search: &Search, index: u8) {
        let Some((_, number, tag)) = self.next_call(search, index) else {
            return self.park_if_idle(search, index);
        };
        let Some(held) = self.held.get_mut(usize::from(index)) else {
            return;
        };
        let mut broken = 0;
        for (_, earlier) in &held.running {
            let earlier = self.records.get(usize::from(*earlier));
            if earlier.is_some_and(|earlier| earlier.outcome == Outcome::Open) {
                broken |= 1 << Broken::Overtook as u16;
            }
        }
        held.running.push((number, tag));
        if let Some(record) = self.records.get_mut(usize::from(tag)) {
            record.run(&mut |promise| broken |= 1 << promise as u16);
        }
        self.broken |= broken;
    }

    pub(super) fn refuse(&mut self, search: &Search, index: u8) {
        self.left.refusals -= 1;
        if let Some((key, number, _)) = self.next_call(search, index)
            && let Some(held) = self.held.get_mut(usize::from(index))
        {
            let refusal = Refusal::Stopping {
                method: String::new(),
            };
            held.session
                .change(|session| session.refuse(number, refusal));
            self.flush(key);
        }
        self.park_if_idle(search, index);
    }

    pub(super) fn finish(&mut self, search: &Search, index: u8, which: u8) {
        let Some(held) = self.held.get_mut(usize::from(index)) else {
            return;
        };
        let key = held.key;
        let (number, tag) = held.running.remove(usize::from(which));
        let keeps = held.session.change(|session| {
            session.reply(number, reply_frame(number, tag));
            session.keeps_confirmed()
        });
        self.broken |= u16::from(keeps) << Broken::KeptConfirmed as u16;
        self.flush(key);
        self.park_if_idle(search, index);
    }

    /// The answer meets its session wherever that is: in use again, parked, or gone.
    pub(super) fn finish_late(&mut self, which: u8) {
        let LeftBehind { key, number, tag } = self.left_behind.remove(usize::from(which));
        let reply = |session: &mut ServerSession| {
            session.reply(number, reply_frame(number, tag));
            session.keeps_confirmed()
        };
        let keeps = match self.held.iter_mut().find(|held| held.key == key) {
            Some(held) => held.session.change(reply),
            None => self
                .table
                .change(|table| table.parked_session(key).is_some_and(reply)),
        };
        self.broken |= u16::from(keeps) << Broken::KeptConfirmed as u16;
        self.flush(key);
    }

    fn park_if_idle(&mut self, search: &Search, index: u8) {
        let is_idle = self.held.get(usize::from(index)).is_some_and(|held| {
            let is_busy = !held.running.is_empty() || held.session.get().has_waiting();
            held.connection.is_none() && !is_busy
        });
        if is_idle {
            self.park(search, index);
        }
    }
}
