//! One client and one server, and the wires between them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use super::Random;
use super::server_end::ServerEnd;
use crate::session::client::{ClientConfig, ClientSession};
use crate::wire::preamble::Role;

pub(super) type WireId = u32;

/// One connection: bytes that have left one end and not arrived at the other.
#[derive(Default)]
pub(super) struct Wire {
    pub(super) to_server: VecDeque<u8>,
    pub(super) to_client: VecDeque<u8>,
    pub(super) client_closed: bool,
    pub(super) server_closed: bool,
}

pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) client: ClientSession,
    /// The wire the client uses.
    pub(super) wire: Option<WireId>,
    pub(super) wires: BTreeMap<WireId, Wire>,
    pub(super) server: ServerEnd,
    pub(super) dials: WireId,
    is_secret: bool,
}

impl Pair {
    pub(super) fn new(config: ClientConfig) -> Self {
        Self {
            now: super::epoch(),
            client: ClientSession::new(config),
            wire: None,
            wires: BTreeMap::new(),
            server: ServerEnd::new(1),
            dials: 0,
            is_secret: false,
        }
    }

    /// The same, under a secret.
    pub(super) fn secret(config: ClientConfig) -> Self {
        let mut pair = Self::new(config);
        pair.is_secret = true;
        pair.server.is_secret = true;
        pair
    }

    pub(super) fn dial(&mut self) {
        self.hang_up();
        self.dials += 1;
        self.wires.insert(self.dials, Wire::default());
        self.wire = Some(self.dials);
        self.server.accept(self.dials);
        let link = super::link(Role::Client, self.is_secret, 1 << 20);
        self.client.connect(link, self.now);
    }

    /// The client loses its connection; what it has sent may still arrive.
    pub(super) fn hang_up(&mut self) {
        if let Some(wire) = self.wire.take().and_then(|id| self.wires.get_mut(&id)) {
            wire.client_closed = true;
            wire.to_client.clear();
        }
        self.client.handle_eof(Some("cut".into()));
    }

    /// The server loses a connection; what it has sent may still arrive.
    pub(super) fn server_hangs_up(&mut self, id: WireId) {
        self.server.eof(id);
        if let Some(wire) = self.wires.get_mut(&id) {
            wire.server_closed = true;
            wire.to_server.clear();
        }
    }

    pub(super) fn crash(&mut self) {
        let incarnation = self.server.incarnation + 1;
        for wire in self.wires.values_mut() {
            wire.server_closed = true;
            wire.to_server.clear();
        }
        let knows_faults = self.server.knows_faults;
        self.server = ServerEnd::new(incarnation);
        self.server.is_secret = self.is_secret;
        self.server.knows_faults = knows_faults;
    }

    /// The client's network takes up to `count` bytes.
    pub(super) fn client_writes(&mut self, count: usize) {
        let bytes = self.client.transmit();
        let count = count.min(bytes.len());
        if let Some(wire) = self.wire.and_then(|id| self.wires.get_mut(&id))
            && count > 0
        {
            if !wire.server_closed {
                wire.to_server.extend(&bytes[..count]);
            }
            self.client.consume(count);
        }
    }

    pub(super) fn server_writes(&mut self, id: WireId, count: usize) {
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        let bytes = self.server.transmit(id);
        let count = count.min(bytes.len());
        if count > 0 {
            if !wire.client_closed {
                wire.to_client.extend(&bytes[..count]);
            }
            self.server.consume(id, count);
        }
    }

    /// Up to `count` bytes arrive at the server, or the end of the connection does.
    pub(super) fn arrive_at_server(&mut self, id: WireId, count: usize) {
        let Some(wire) = self.wires.get_mut(&id) else {
            return;
        };
        if wire.server_closed || !self.server.wants_input(id) {
            return;
        }
        let count = count.min(wire.to_server.len());
        let bytes: Vec<u8> = wire.to_server.drain(..count).collect();
        let ended = wire.client_closed && wire.to_server.is_empty();
        let goes_on = self.server.input(id, &bytes, self.now);
        if !goes_on {
            self.server_writes(id, usize::MAX);
        }
        if !goes_on || ended {
            self.server_hangs_up(id);
        }
    }

    /// Up to `count` bytes arrive at the client, or the end of the connection does.
    pub(super) fn arrive_at_client(&mut self, count: usize) {
        let Some(wire) = self.wire.and_then(|id| self.wires.get_mut(&id)) else {
            return;
        };
        let count = count.min(wire.to_client.len());
        let bytes: Vec<u8> = wire.to_client.drain(..count).collect();
        let ended = wire.server_closed && wire.to_client.is_empty();
        self.client.handle_input(&bytes, self.now);
        if self.client.is_disconnected() || ended {
            self.hang_up();
        }
    }

    pub(super) fn take_over(&mut self, id: WireId) {
        if let Some(fenced) = self.server.take_over(id) {
            self.server_hangs_up(fenced);
        }
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.client.handle_timeout(self.now);
        if self.client.is_disconnected() {
            self.hang_up();
        }
    }

    /// Forgets the wires that are of no more use.
    pub(super) fn sweep(&mut self) {
        self.wires
            .retain(|_, wire| !(wire.client_closed && wire.server_closed));
    }

    pub(super) fn any_wire(&self, random: &mut Random) -> Option<WireId> {
        let ids: Vec<_> = self.wires.keys().copied().collect();
        (!ids.is_empty()).then(|| ids[random.below(ids.len())])
    }
}
