//! A driver around the client's session, with a script that has calls in flight, gives some up, and waits for the rest.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::Args;
use ipc_core::interface::caller::OutgoingCall;
use ipc_core::session::client::{ClientConfig, ClientSession, Event};
use ipc_core::session::link::Link;
use ipc_core::session::mutant::Mutant;
use ipc_core::wire::preamble::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use turmoil::net::TcpStream;

use super::ledger::Ledger;
use super::{PORT, SERVER};
use crate::random::Random;

const CALLS: u64 = 12;
const IN_FLIGHT: usize = 3;
/// A connection that is silent for so long while a call is in flight is given up, as the kernel would do it.
const SILENCE: Duration = Duration::from_secs(1);

struct Script {
    session: ClientSession,
    ledger: Arc<Ledger>,
    random: Random,
    made: u64,
    /// The calls in flight by their numbers.
    open: BTreeMap<u64, u64>,
    next_act: Instant,
}

pub(super) async fn run(
    ledger: Arc<Ledger>,
    random: Random,
    mutants: &[Mutant],
) -> turmoil::Result {
    let config = ClientConfig {
        patience: Duration::from_secs(2),
        ..ClientConfig::default()
    };
    let mut session = ClientSession::new(config);
    session.plant(mutants);
    let mut script = Script {
        session,
        ledger,
        random,
        made: 0,
        open: BTreeMap::new(),
        next_act: Instant::now(),
    };
    while !script.is_over() {
        let connecting = timeout(SILENCE, TcpStream::connect((SERVER, PORT))).await;
        match connecting {
            Ok(Ok(stream)) => {
                let link = Link::plain(Role::Client, 1 << 20);
                script.session.connect(link, Instant::now().into_std());
                script.converse(stream).await;
            }
            _ => sleep(Duration::from_millis(50)).await,
        }
        script.act();
    }
    Ok(())
}

impl Script {
    fn is_over(&self) -> bool {
        self.made == CALLS && self.open.is_empty()
    }

    async fn converse(&mut self, mut stream: TcpStream) {
        let mut buffer = [0; 512];
        let mut heard = Instant::now();
        while !self.session.is_disconnected() && !self.is_over() {
            self.act();
            if self.flush(&mut stream).await.is_none() {
                break;
            }
            let mut wake = self.next_act.min(heard + SILENCE);
            if let Some(timeout) = self.session.poll_timeout() {
                wake = wake.min(Instant::from_std(timeout));
            }
            tokio::select! {
                read = stream.read(&mut buffer) => match read {
                    Ok(count) if count > 0 => {
                        heard = Instant::now();
                        let bytes = buffer.get(..count).unwrap_or_default();
                        self.session.handle_input(bytes, heard.into_std());
                    }
                    _ => break,
                },
                () = sleep_until(wake) => {}
            }
            self.act();
            if heard + SILENCE <= Instant::now() {
                break;
            }
        }
        self.session.handle_eof(Some("no more".into()));
        self.read_events();
    }

    async fn flush(&mut self, stream: &mut TcpStream) -> Option<()> {
        while !self.session.transmit().is_empty() {
            let write = stream.write(self.session.transmit());
            match timeout(SILENCE, write).await {
                Ok(Ok(count)) if count > 0 => self.session.consume(count),
                _ => return None,
            }
        }
        Some(())
    }

    /// Does what is due: deadlines, events, and the next thing in the script.
    fn act(&mut self) {
        let now = Instant::now();
        self.session.handle_timeout(now.into_std());
        self.read_events();
        if now < self.next_act {
            return;
        }
        self.next_act = now + Duration::from_millis(1 + self.random.below(600));
        if self.random.percent(10) {
            if let Some((number, call)) = self.open.pop_first() {
                self.ledger.gave_up(call, self.session.give_up(number));
            }
        } else if self.open.len() < IN_FLIGHT && self.made < CALLS {
            self.call(now);
        }
        self.read_events();
    }

    fn call(&mut self, now: Instant) {
        self.made += 1;
        let (call, idempotent) = (self.made, self.random.percent(25));
        let mut outgoing = OutgoingCall::by_name(&format!("call_{call}"), &Args::default());
        let frame = outgoing.take_frame().unwrap_or_default();
        let limit = Duration::from_millis(500 + self.random.below(3000));
        let limit = self.random.percent(25).then_some(limit);
        self.ledger.made(call, idempotent);
        let number = self.session.call(frame, idempotent, limit, now.into_std());
        self.open.insert(number, call);
    }

    fn read_events(&mut self) {
        while let Some(event) = self.session.poll_event() {
            match event {
                Event::Ended { call, outcome } => {
                    let call = self.open.remove(&call).unwrap_or(0);
                    self.ledger.ended(call, &outcome);
                }
                Event::Connected { resumed: true, .. } => self.ledger.count("resumed"),
                Event::Connected { resumed: false, .. } => self.ledger.count("new session"),
                _ => {}
            }
        }
    }
}
