//! The network: connections that can be held up, cut and lost, and a witness of what goes over each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

pub(super) type WireId = u32;

#[derive(Default)]
pub(super) struct Network {
    wires: BTreeMap<WireId, Wire>,
    last: WireId,
}

/// A connection: bytes that have left one end and not arrived at the other.
#[derive(Default)]
struct Wire {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    client_closed: bool,
    server_closed: bool,
    /// True once it is broken in the middle: both ends find it closed.
    is_cut: bool,
    /// Since when nothing gets through.
    held: Option<Instant>,
    witness: Witness,
}

/// What arrives at an end: bytes, and perhaps the end of the connection behind them.
pub(super) struct Arrived {
    pub(super) bytes: Vec<u8>,
    pub(super) has_ended: bool,
}

impl Network {
    pub(super) fn connect(&mut self) -> WireId {
        self.last += 1;
        self.wires.insert(self.last, Wire::default());
        self.last
    }

    /// The connections on which something can arrive at the server.
    pub(super) fn ready_at_server(&self) -> Vec<WireId> {
        let is_ready = |wire: &Wire| {
            let has_news = !wire.to_server.is_empty() || wire.client_closed || wire.is_cut;
            has_news && wire.held.is_none() && !wire.server_closed
        };
        let ready = self.wires.iter().filter(|(_, wire)| is_ready(wire));
        ready.map(|(id, _)| *id).collect()
    }

    pub(super) fn client_sends(&mut self, id: WireId, bytes: &[u8]) {
        let wire = self.wires.get_mut(&id).filter(|wire| !wire.is_cut);
        if let Some(wire) = wire {
            wire.to_server.extend_from_slice(bytes);
        }
    }

    /// Fails if the server says what it must not.
    pub(super) fn server_sends(&mut self, id: WireId, bytes: &[u8]) -> Result<(), String> {
        let Some(wire) = self.wires.get_mut(&id) else {
            return Ok(());
        };
        if !wire.is_cut {
            wire.to_client.extend_from_slice(bytes);
        }
        wire.witness.read_from_server(bytes)
    }

    pub(super) fn arrive_at_server(&mut self, id: WireId) -> Arrived {
        let Some(wire) = self.wires.get_mut(&id) else {
            return Arrived {
                bytes: Vec::new(),
                has_ended: true,
            };
        };
        let bytes = std::mem::take(&mut wire.to_server);
        wire.witness.read_from_client(&bytes);
        Arrived {
            bytes,
            has_ended: wire.client_closed || wire.is_cut,
        }
    }

    /// What has arrived at the client, if anything has.
    pub(super) fn arrive_at_client(&mut self, id: WireId) -> Option<Arrived> {
        let wire = self.wires.get_mut(&id)?;
        wire.has_news_for_client().then(|| Arrived {
            bytes: std::mem::take(&mut wire.to_client),
            has_ended: wire.server_closed || wire.is_cut,
        })
    }

    pub(super) fn has_news_for_client(&self, id: WireId) -> bool {
        let wire = self.wires.get(&id);
        wire.is_some_and(Wire::has_news_for_client)
    }

    /// The client closes its end. What it has sent arrives nevertheless.
    pub(super) fn client_closes(&mut self, id: WireId) {
        self.close(id, |wire| {
            wire.client_closed = true;
            wire.to_client.clear();
        });
    }

    /// The server closes its end. What it has sent arrives nevertheless.
    pub(super) fn server_closes(&mut self, id: WireId) {
        self.close(id, |wire| {
            wire.server_closed = true;
            wire.to_server.clear();
        });
    }

    fn close(&mut self, id: WireId, close: impl FnOnce(&mut Wire)) {
        if let Some(wire) = self.wires.get_mut(&id) {
            close(wire);
            if wire.client_closed && wire.server_closed {
                self.wires.remove(&id);
            }
        }
    }

    /// The server is gone, and closes all its ends.
    pub(super) fn server_is_gone(&mut self) {
        for id in self.wires.keys().copied().collect::<Vec<_>>() {
            self.server_closes(id);
        }
    }

    /// A connection breaks. What is under way to the ends named is lost.
    pub(super) fn cut(&mut self, id: WireId, to_server: bool, to_client: bool) {
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.cut(to_server, to_client);
        }
    }

    pub(super) fn hold(&mut self, id: WireId, now: Instant) {
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.held.get_or_insert(now);
        }
    }

    pub(super) fn release(&mut self) {
        self.wires.values_mut().for_each(|wire| wire.held = None);
    }

    pub(super) fn is_held(&self, id: WireId) -> bool {
        self.wires.get(&id).is_some_and(|wire| wire.held.is_some())
    }

    /// Connections over which nothing has come since `then` break.
    pub(super) fn expire(&mut self, then: Instant) {
        let is_dead = |wire: &&mut Wire| wire.held.is_some_and(|held| held < then);
        let dead = self.wires.values_mut().filter(is_dead);
        dead.for_each(|wire| wire.cut(true, true));
    }
}

impl Wire {
    fn has_news_for_client(&self) -> bool {
        let has_news = !self.to_client.is_empty() || self.server_closed || self.is_cut;
        has_news && self.held.is_none()
    }

    fn cut(&mut self, to_server: bool, to_client: bool) {
        (self.is_cut, self.held) = (true, None);
        if to_server {
            self.to_server.clear();
        }
        if to_client {
            self.to_client.clear();
        }
    }
}

/// Reads along, and knows which calls of a connection the server has taken and not answered.
#[derive(Default)]
struct Witness {
    client: Frames,
    server: Frames,
    open: BTreeSet<u64>,
    cancelled: BTreeSet<u64>,
    answered: BTreeSet<u64>,
    /// Calls that came again after their answers, and may be answered once more.
    repeated: BTreeSet<u64>,
}

/// Frames in the clear, put together again.
#[derive(Default)]
struct Frames {
    buffer: Vec<u8>,
    has_begun: bool,
}

impl Frames {
    fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        if !self.has_begun && self.buffer.len() >= PREAMBLE {
            self.buffer.drain(..PREAMBLE);
            self.has_begun = true;
        }
    }

    /// The control number and the first number of the next frame.
    fn next(&mut self) -> Option<(u16, u64)> {
        if !self.has_begun {
            return None;
        }
        let len = u32::from_le_bytes(self.buffer.get(..4)?.try_into().ok()?);
        let frame = self.buffer.get(4..4 + len as usize)?;
        let ctrl = u16::from_le_bytes(frame.get(..2)?.try_into().ok()?);
        let number = frame.get(2..10).and_then(|first| first.try_into().ok());
        let number = number.map_or(0, u64::from_le_bytes);
        self.buffer.drain(..4 + len as usize);
        Some((ctrl, number))
    }
}

impl Witness {
    fn read_from_client(&mut self, bytes: &[u8]) {
        self.client.push(bytes);
        while let Some((ctrl, number)) = self.client.next() {
            match ctrl {
                // It came over an earlier connection, too, and was answered before it came again.
                CALL | CALL_BY_NAME if self.answered.contains(&number) => {
                    self.repeated.insert(number);
                }
                CALL | CALL_BY_NAME => {
                    self.open.insert(number);
                }
                CANCEL => {
                    self.cancelled.insert(number);
                }
                _ => {}
            }
        }
    }

    fn read_from_server(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.server.push(bytes);
        while let Some((ctrl, number)) = self.server.next() {
            match ctrl {
                OK | ERROR | ERROR_FORWARDED => {
                    self.open.remove(&number);
                    if !self.answered.insert(number) && !self.repeated.remove(&number) {
                        return Err(format!("number {number} was answered twice"));
                    }
                }
                BYE => {
                    let mut open = self.open.difference(&self.cancelled);
                    if let Some(number) = open.next() {
                        return Err(format!("goodbye without an answer to number {number}"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

const PREAMBLE: usize = 8;
const BYE: u16 = 3;
const CALL: u16 = 10;
const CALL_BY_NAME: u16 = 11;
const CANCEL: u16 = 13;
const OK: u16 = 200;
const ERROR: u16 = 400;
const ERROR_FORWARDED: u16 = 500;
