//! Two clients, one server, and the time that passes for all of them.

use std::time::{Duration, Instant};

use ipc_hub::stay::LeaveReason;

use super::client::Client;
use super::lab::Lab;
use super::ledger::Tally;
use super::server::Server;
use super::steps::Steps;
use super::{PERIOD, Wrong};

pub(super) struct World {
    pub(super) lab: Lab,
    pub(super) clients: Vec<Client>,
    pub(super) server: Option<Server>,
    steps: Steps,
    wrong: Wrong,
    incarnations: u128,
    clients_made: u64,
}

impl World {
    pub(super) fn new(seed: u64, wrong: Wrong, is_written: bool) -> Self {
        let lab = Lab::new(Instant::now(), wrong.fault, is_written);
        let mut world = Self {
            lab,
            clients: Vec::new(),
            server: None,
            steps: Steps::new(seed),
            wrong,
            incarnations: 0,
            clients_made: 0,
        };
        world.start_server();
        for _ in 0..CLIENTS {
            let client = world.make_client();
            world.clients.push(client);
        }
        world
    }

    /// Plays to the end. Fails with the promise that was broken, and the transcript.
    pub(super) fn play(mut self) -> Result<Tally, (String, Vec<String>)> {
        for _ in 0..STEPS {
            let step = self.steps.next();
            step.take(&mut self);
            self.flow();
            if self.lab.ledger.broken.is_some() {
                break;
            }
        }
        if self.lab.ledger.broken.is_none() {
            self.calm_down();
        }
        let ledger = self.lab.ledger;
        match ledger.broken {
            Some(broken) => Err((broken, ledger.transcript.unwrap_or_default())),
            None => Ok(ledger.tally),
        }
    }

    pub(super) fn make_client(&mut self) -> Client {
        self.clients_made += 1;
        let name = format!("client {}", self.clients_made);
        Client::new(name, self.wrong.mutants, self.lab.now)
    }

    pub(super) fn start_server(&mut self) {
        self.incarnations += 1;
        self.lab.note(|| "the server starts".into());
        let server = Server::new(self.incarnations, self.wrong, self.lab.now);
        self.server = Some(server);
    }

    /// The server is gone at once, and what hangs in it.
    pub(super) fn end_server(&mut self) {
        if self.server.take().is_some() {
            self.lab.ledger.disasters += 1;
            self.lab.crash();
            self.lab.network.server_is_gone();
        }
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let mut left = time;
        while !left.is_zero() && self.lab.ledger.broken.is_none() {
            let step = left.min(PERIOD);
            left -= step;
            self.lab.clock += step;
            self.tick_clients(step);
            self.tick_server(Duration::ZERO);
            self.flow();
        }
    }

    fn tick_clients(&mut self, step: Duration) {
        self.lab.now += step;
        let dead = self.lab.now.checked_sub(DEAD);
        dead.into_iter()
            .for_each(|then| self.lab.network.expire(then));
        for client in &mut self.clients {
            client.tick(self.lab.now);
        }
    }

    fn tick_server(&mut self, pause: Duration) {
        self.lab.let_return();
        if let Some(server) = &mut self.server {
            server.tick(&mut self.lab, pause);
        }
    }

    /// The process of the server is suspended, while time passes for its clients. Afterwards either its tick is the first
    /// to run, or its threads are.
    pub(super) fn suspend_server(&mut self, time: Duration, tick_is_first: bool) {
        self.lab
            .note(|| format!("the server is suspended for {time:?}"));
        let mut left = time;
        while !left.is_zero() {
            let step = left.min(PERIOD);
            left -= step;
            self.tick_clients(step);
            self.act_clients();
        }
        self.lab.note(|| "the server goes on".into());
        if let Some(server) = &mut self.server {
            server.wakes_up(time, self.lab.now);
        }
        if !tick_is_first {
            self.flow();
        }
        self.tick_server(time);
    }

    fn act_clients(&mut self) {
        for client in &mut self.clients {
            let is_served = self
                .server
                .as_ref()
                .is_some_and(|server| !server.is_stopping());
            let wire = client.act(&mut self.lab, is_served);
            if let (Some(wire), Some(server)) = (wire, &mut self.server) {
                server.accept(wire);
            }
        }
    }

    /// Everything happens that can happen now.
    pub(super) fn flow(&mut self) {
        for _ in 0..ENDLESS {
            self.act_clients();
            let mut has_changed = self.lab.let_return();
            if let Some(server) = &mut self.server {
                has_changed |= server.settle(&mut self.lab);
            }
            has_changed |= self.has_news();
            if !has_changed {
                if self.server.as_ref().is_some_and(Server::has_stopped) {
                    self.lab.note(|| "the server has stopped".into());
                    self.end_server();
                }
                return self.check();
            }
        }
        self.lab.break_promise("this goes on for ever".into());
    }

    fn has_news(&self) -> bool {
        let awake = self.clients.iter().filter(|client| client.is_awake());
        let mut wires = awake.filter_map(|client| client.wire);
        wires.any(|wire| self.lab.network.has_news_for_client(wire))
    }

    /// What must hold when nothing moves.
    fn check(&mut self) {
        self.lab.check();
        let holder = self
            .server
            .as_ref()
            .and_then(|server| server.holder.as_ref());
        let Some((key, wire)) = holder.and_then(|holder| Some((holder.key, holder.wire?))) else {
            return;
        };
        let is_leaving = holder.is_some_and(|holder| !holder.reads());
        let mut clients = self.clients.iter();
        let client = clients.find(|client| client.wire == Some(wire) && client.is_awake());
        let is_connected = |client: &&Client| {
            let mut open = client.open.values();
            let awaits = open.any(|tag| self.lab.ledger.awaits_result(*tag));
            client.session.is_ready() && awaits && !self.lab.network.is_held(wire)
        };
        if client.filter(is_connected).is_some() && !is_leaving && !self.lab.has_call_under_way(key)
        {
            self.lab
                .break_promise("a call does not begin, and nothing is before it".into());
        }
    }

    /// Nothing goes wrong any more: every call ends, and everything that has hung comes to rest.
    fn calm_down(&mut self) {
        self.lab.note(|| "it is calm from now on".into());
        self.lab.network.release();
        if self.server.is_none() {
            self.start_server();
        }
        // Whatever still hangs hangs on, and the callers with timeouts are told.
        self.pass(CALM);
        for device in 0..super::DEVICES {
            self.lab.let_all_go(device);
        }
        for _ in 0..ROUNDS {
            self.pass(Duration::from_secs(1));
            if self.server.is_none() {
                self.start_server();
            }
            let is_idle = self.clients.iter().all(|client| client.open.is_empty());
            if is_idle && self.lab.unrest().is_none() {
                return;
            }
            self.hand_over();
        }
        let open: Vec<u64> = self
            .clients
            .iter()
            .flat_map(|client| client.open.values().copied())
            .collect();
        let unrest = self.lab.unrest().unwrap_or_default();
        self.lab
            .break_promise(format!("calls {open:?} never end; {unrest}"));
    }

    /// An idle client leaves the server to the one that waits.
    fn hand_over(&mut self) {
        let wire = self
            .server
            .as_ref()
            .and_then(|server| server.holder.as_ref()?.wire);
        let is_idle = |client: &Client| client.wire == wire && client.open.is_empty();
        if wire.is_some()
            && self.clients.iter().any(is_idle)
            && let Some(server) = &mut self.server
        {
            server.ask_to_leave(LeaveReason::Idle);
        }
    }
}

/// Number of clients at the same time.
const CLIENTS: usize = 2;
/// Number of steps in a schedule.
const STEPS: usize = 60;
/// A connection over which nothing comes for this long is lost.
const DEAD: Duration = Duration::from_secs(15);
/// Number of exchanges after which it must be quiet.
const ENDLESS: usize = 1000;
/// How long nothing goes wrong before the drivers that hang return.
const CALM: Duration = Duration::from_secs(40);
/// Number of seconds in which everything must have ended then.
const ROUNDS: usize = 200;
