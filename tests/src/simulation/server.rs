//! A driver around the server's sessions: a task for each connection, and one for each running call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ipc_core::session::arrival::Arrival;
use ipc_core::session::link::Link;
use ipc_core::session::mutant::Mutant;
use ipc_core::session::server::ServerSession;
use ipc_core::session::table::{Greeted, SessionTable, TableLimits};
use ipc_core::wire::ctrl::{Hello, SessionKey};
use ipc_core::wire::preamble::Role;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};
use turmoil::net::{TcpListener, TcpStream};

use super::PORT;
use super::ledger::Ledger;
use crate::model::reply_frame_with;
use crate::random::Random;

/// A connection that is silent for so long is given up.
const SILENCE: Duration = Duration::from_secs(3);

struct Server {
    table: SessionTable,
    out: BTreeMap<SessionKey, Held>,
    random: Random,
    ledger: Arc<Ledger>,
}

struct Held {
    session: Box<ServerSession>,
    connection: Option<u64>,
    runs: bool,
    news: Rc<Notify>,
}

type Shared = Rc<RefCell<Server>>;

pub(super) async fn run(
    ledger: Arc<Ledger>,
    random: Random,
    start: u64,
    mutants: &[Mutant],
) -> turmoil::Result {
    let mut table = SessionTable::new(u128::from(start) + 1, TableLimits::default());
    table.plant(mutants);
    let server = Rc::new(RefCell::new(Server {
        table,
        out: BTreeMap::new(),
        random,
        ledger,
    }));
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    for connection in 1.. {
        let (stream, _) = listener.accept().await?;
        tokio::task::spawn_local(serve(Rc::clone(&server), stream, connection));
    }
    Ok(())
}

async fn serve(server: Shared, mut stream: TcpStream, connection: u64) {
    let Some((arrival, hello)) = greet(&mut stream).await else {
        return;
    };
    let Some(key) = server.borrow_mut().seat(arrival, &hello, connection) else {
        return;
    };
    converse(&server, &mut stream, key, connection).await;
    server.borrow_mut().leave(key, connection);
}

async fn greet(stream: &mut TcpStream) -> Option<(Arrival, Hello)> {
    let mut arrival = Arrival::new(Link::plain(Role::Server, 1 << 20));
    let mut buffer = [0; 512];
    loop {
        let count = timeout(SILENCE, stream.read(&mut buffer))
            .await
            .ok()?
            .ok()?;
        let bytes = buffer.get(..count).filter(|bytes| !bytes.is_empty())?;
        arrival.handle_input(bytes).ok()?;
        if let Some(hello) = arrival.hello().cloned() {
            return Some((arrival, hello));
        }
    }
}

/// Reads, runs and writes until the connection ends, or another one has taken the session.
async fn converse(server: &Shared, stream: &mut TcpStream, key: SessionKey, connection: u64) {
    let mut buffer = [0; 512];
    loop {
        let mut bytes = Vec::new();
        let news = {
            let mut server_now = server.borrow_mut();
            let Some(held) = server_now.held(key, connection) else {
                return;
            };
            if held.session.end().is_some() {
                return;
            }
            if let Some((call, _)) = held.session.next_call(Instant::now().into_std()) {
                held.runs = true;
                let called = call
                    .method()
                    .trim_start_matches("call_")
                    .parse()
                    .unwrap_or(0);
                tokio::task::spawn_local(run_call(Rc::clone(server), key, call.number, called));
            }
            bytes.extend_from_slice(held.session.transmit());
            Rc::clone(&held.news)
        };
        if !bytes.is_empty() {
            let Ok(Ok(count @ 1..)) = timeout(SILENCE, stream.write(&bytes)).await else {
                return;
            };
            if let Some(held) = server.borrow_mut().held(key, connection) {
                held.session.consume(count);
            }
            continue;
        }
        tokio::select! {
            read = timeout(SILENCE, stream.read(&mut buffer)) => {
                let Ok(Ok(count @ 1..)) = read else {
                    return;
                };
                if let Some(held) = server.borrow_mut().held(key, connection) {
                    let bytes = buffer.get(..count).unwrap_or_default();
                    held.session.handle_input(bytes, Instant::now().into_std());
                }
            }
            () = news.notified() => {}
        }
    }
}

/// The instrument: the effect comes first, then it takes its time, then it answers.
async fn run_call(server: Shared, key: SessionKey, number: u64, call: u64) {
    let time = {
        let mut server = server.borrow_mut();
        server.ledger.ran(call);
        Duration::from_millis(server.random.below(400))
    };
    sleep(time).await;
    let mut server = server.borrow_mut();
    let Some(held) = server.out.get_mut(&key) else {
        return;
    };
    held.runs = false;
    held.session
        .reply(number, reply_frame_with(number, &call.to_le_bytes()));
    held.news.notify_one();
    server.park_if_idle(key);
}

impl Server {
    /// The session, if this connection still has it.
    fn held(&mut self, key: SessionKey, connection: u64) -> Option<&mut Held> {
        let held = self.out.get_mut(&key);
        held.filter(|held| held.connection == Some(connection))
    }

    fn seat(&mut self, arrival: Arrival, hello: &Hello, connection: u64) -> Option<SessionKey> {
        let fresh = u128::from(self.random.next_u64());
        let greeted = self.table.greet(hello, fresh, Instant::now().into_std());
        let key = match greeted {
            Greeted::Session(session) => {
                let key = session.key();
                let held = Held {
                    session,
                    connection: None,
                    runs: false,
                    news: Rc::default(),
                };
                self.out.insert(key, held);
                key
            }
            Greeted::Out(key) => key,
            Greeted::Stale | Greeted::Full => return None,
        };
        let held = self.out.get_mut(&key)?;
        held.session.attach(arrival.into_link(), hello, 1);
        held.connection = Some(connection);
        // The connection that is fenced notices that it has lost the session.
        std::mem::take(&mut held.news).notify_one();
        Some(key)
    }

    fn leave(&mut self, key: SessionKey, connection: u64) {
        if let Some(held) = self.held(key, connection) {
            held.session.handle_eof(None);
            held.connection = None;
            self.park_if_idle(key);
        }
    }

    fn park_if_idle(&mut self, key: SessionKey) {
        let is_idle = |held: &&Held| held.connection.is_none() && !held.runs;
        if self.out.get(&key).filter(is_idle).is_some()
            && let Some(held) = self.out.remove(&key)
        {
            self.table.park(held.session, Instant::now().into_std());
        }
    }
}
