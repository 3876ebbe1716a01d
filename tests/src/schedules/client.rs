//! A client: the shipped session, and what a program does with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use ipc_core::Args;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::client::{ClientConfig, ClientSession, Event};
use ipc_core::session::link::Link;
use ipc_core::session::mutant::Mutant;
use ipc_core::wire::preamble::Role;

use super::lab::Lab;
use super::ledger::Call;
use super::network::WireId;

pub(super) struct Client {
    name: String,
    pub(super) session: ClientSession,
    pub(super) wire: Option<WireId>,
    /// The calls whose ends have not been told, by their numbers.
    pub(super) open: BTreeMap<u64, u64>,
    /// When the timeouts of calls pass by its clock, and the calls.
    due: BTreeSet<(Instant, u64)>,
    /// Not before this time it tries to connect again.
    next_dial: Instant,
    is_queued: bool,
    pub(super) is_closed: bool,
    /// Until when its computer is suspended, and for how long it will have been.
    asleep: Option<(Instant, Duration)>,
    /// How long its computer was suspended: its clock stood still.
    lag: Duration,
}

impl Client {
    pub(super) fn new(name: String, mutants: &[Mutant], now: Instant) -> Self {
        let mut session = ClientSession::new(ClientConfig {
            name: name.clone(),
            ..ClientConfig::default()
        });
        session.plant(mutants);
        Self {
            name,
            session,
            wire: None,
            open: BTreeMap::new(),
            due: BTreeSet::new(),
            next_dial: now,
            is_queued: false,
            is_closed: false,
            asleep: None,
            lag: Duration::ZERO,
        }
    }

    pub(super) fn is_awake(&self) -> bool {
        self.asleep.is_none()
    }

    pub(super) fn call(&mut self, lab: &mut Lab, call: Call) {
        let tag = lab.next_tag();
        let Call {
            device,
            idempotent,
            timeout,
            takes,
            ..
        } = call;
        lab.note(|| {
            let waits = timeout.map_or("patient".into(), |timeout| format!("within {timeout:?}"));
            let again = if idempotent { ", idempotent" } else { "" };
            let takes = takes.map_or("hangs".into(), |takes| format!("takes {takes:?}"));
            format!(
                "{} calls {tag} on device {device} ({waits}{again}), which {takes}",
                self.name
            )
        });
        lab.ledger.calls.insert(tag, call);
        let mut outgoing = OutgoingCall::by_name(&format!("call_{tag}"), &Args::default());
        let frame = outgoing.take_frame().unwrap_or_default();
        let now = lab.now - self.lag;
        let number = self.session.call(frame, idempotent, timeout, now);
        self.open.insert(number, tag);
        self.due.extend(timeout.map(|timeout| (now + timeout, tag)));
    }

    pub(super) fn cancel(&mut self, lab: &mut Lab, which: u64) {
        let which = which.checked_rem(self.open.len() as u64).unwrap_or(0);
        let Some((&number, &tag)) = self.open.iter().nth(usize::try_from(which).unwrap_or(0))
        else {
            return;
        };
        lab.note(|| format!("{} cancels {tag}", self.name));
        self.open.remove(&number);
        let given_up = self.session.give_up(number);
        lab.ledger.gave_up(tag, given_up, lab.clock);
    }

    /// Says goodbye for good.
    pub(super) fn close(&mut self, lab: &mut Lab) {
        lab.note(|| format!("{} closes", self.name));
        lab.ledger.disasters += 1;
        self.is_closed = true;
        self.session.close();
        self.read_events(lab);
        self.write(lab);
        if let Some(wire) = self.wire.take() {
            lab.network.client_closes(wire);
        }
    }

    pub(super) fn suspend(&mut self, lab: &mut Lab, pause: Duration) {
        lab.note(|| format!("{} is suspended for {pause:?}", self.name));
        self.asleep = Some((lab.now + pause, pause));
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, now: Instant) {
        if let Some((until, pause)) = self.asleep
            && until <= now
        {
            self.asleep = None;
            self.lag += pause;
        }
        let mine = now - self.lag;
        if self.is_awake() && self.session.poll_timeout().is_some_and(|at| at <= mine) {
            self.session.handle_timeout(mine);
        }
    }

    /// Loses its connection.
    fn hang_up(&mut self, lab: &mut Lab) {
        if let Some(wire) = self.wire.take() {
            lab.network.client_closes(wire);
        }
        self.session.handle_eof(Some("cut".into()));
        self.next_dial = lab.now + RETRY;
    }

    /// Reads, writes and connects, as far as it can now. Returns a new connection.
    pub(super) fn act(&mut self, lab: &mut Lab, is_served: bool) -> Option<WireId> {
        if !self.is_awake() || self.is_closed {
            return None;
        }
        let arrived = self
            .wire
            .and_then(|wire| lab.network.arrive_at_client(wire));
        if let Some(arrived) = arrived {
            let now = lab.now - self.lag;
            self.session.handle_input(&arrived.bytes, now);
            if arrived.has_ended {
                self.hang_up(lab);
            }
        }
        self.read_events(lab);
        if self.open.is_empty() && std::mem::take(&mut self.is_queued) {
            lab.note(|| format!("{} leaves the queue", self.name));
            self.session.disconnect();
        }
        if self.session.is_disconnected() && self.wire.is_some() {
            self.hang_up(lab);
        }
        let wants = self.wire.is_none() && !self.open.is_empty() && self.next_dial <= lab.now;
        if !wants {
            self.write(lab);
            return None;
        }
        self.next_dial = lab.now + RETRY;
        if !is_served {
            return None;
        }
        let wire = lab.network.connect();
        lab.note(|| format!("{} connects ({wire})", self.name));
        self.wire = Some(wire);
        let link = Link::plain(Role::Client, 1 << 20);
        self.session.connect(link, lab.now - self.lag);
        self.write(lab);
        Some(wire)
    }

    fn write(&mut self, lab: &mut Lab) {
        let Some(wire) = self.wire else { return };
        while let bytes @ [_, ..] = self.session.transmit() {
            let count = bytes.len();
            lab.network.client_sends(wire, bytes);
            self.session.consume(count);
        }
    }

    fn read_events(&mut self, lab: &mut Lab) {
        let mine = lab.now - self.lag;
        while self.is_awake()
            && let Some(&(at, tag)) = self.due.first()
            && at <= mine
        {
            self.due.pop_first();
            lab.ledger.times_out(tag, lab.clock);
        }
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Ended { call, outcome } => match self.open.remove(&call) {
                    Some(tag) => lab.ledger.ended(tag, &outcome, lab.now, lab.clock),
                    None => lab.break_promise(format!("number {call} ended again: {outcome:?}")),
                },
                Event::Connected { resumed, .. } => {
                    self.is_queued = false;
                    lab.count(if resumed { "resumed" } else { "new session" });
                    lab.note(|| format!("{} is served, resumed: {resumed}", self.name));
                }
                Event::Queued(status) => {
                    if !self.is_queued && status.place > 0 {
                        lab.note(|| format!("{} waits behind {}", self.name, status.holder));
                    }
                    self.is_queued = status.place > 0;
                }
                Event::Lost(error) => {
                    self.is_queued = false;
                    lab.note(|| format!("{}: {error}", self.name));
                }
                _ => {}
            }
        }
    }
}

/// How long a client waits between two attempts to connect.
const RETRY: Duration = Duration::from_millis(200);
