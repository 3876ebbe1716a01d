//! A bad network between clients and server: forwards bytes and injects faults.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::pump::{self, Pair};
use super::random::Random;

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Both ends see an orderly end; bytes in transit are lost.
    Cut,
    /// Both ends see a reset.
    Reset,
    /// The receiving end sees an orderly end. The sending end sees nothing, and what it still sends is lost.
    HalfClose,
    /// Nothing passes either way for a while, then the connection is cut.
    BlackHole(Duration),
    /// Nothing passes either way for a while, then traffic continues.
    Stall(Duration),
    /// This many bytes pass one by one.
    Dribble(u64),
    /// One delay in this direction.
    Delay(Duration),
}

/// The next fault in one direction of a connection, after a number of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Mishap {
    /// Counted from the beginning of the connection.
    pub at: u64,
    /// What happens then.
    pub fault: Fault,
}

/// The two directions of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// Decides on faults: given the connection (counted from 0), the direction, and the number of bytes that have passed.
pub type Script = Arc<dyn Fn(u64, Way, u64, &mut Random) -> Option<Mishap> + Send + Sync>;

/// A proxy that runs until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// What all connections of a proxy share.
pub(super) struct Shared {
    pub(super) script: Mutex<Script>,
    pub(super) seed: u64,
    pub(super) counts: Counts,
    pub(super) open: Mutex<Vec<Weak<Pair>>>,
    target: Mutex<SocketAddr>,
    connections: AtomicU64,
    over: AtomicBool,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// How often each fault has happened.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; 7]);

const NAMES: [&str; 7] = [
    "cut",
    "reset",
    "half-close",
    "black hole",
    "stall",
    "dribble",
    "delay",
];

/// The first of these end a connection.
const ENDING: usize = 4;

impl Counts {
    pub(super) fn count(&self, fault: Fault) {
        let index = match fault {
            Fault::Cut => 0,
            Fault::Reset => 1,
            Fault::HalfClose => 2,
            Fault::BlackHole(_) => 3,
            Fault::Stall(_) => 4,
            Fault::Dribble(_) => 5,
            Fault::Delay(_) => 6,
        };
        if let Some(count) = self.0.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns all counts by name.
    pub fn by_name(&self) -> Vec<(&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        NAMES.into_iter().zip(counts).collect()
    }

    /// Returns how many connections ended by a fault.
    pub fn lost(&self) -> u64 {
        let ending = self.0.iter().take(ENDING);
        ending.map(|count| count.load(Ordering::Relaxed)).sum()
    }

    /// Returns the total.
    pub fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }
}

impl Proxy {
    /// Starts to forward connections to `target`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn start(target: SocketAddr, seed: u64, script: Script) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script),
            seed,
            counts: Counts::default(),
            open: Mutex::new(Vec::new()),
            target: Mutex::new(target),
            connections: AtomicU64::new(0),
            over: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        thread::Builder::new()
            .name("proxy".into())
            .spawn(move || accept(&listener, &for_thread))?;
        Ok(Self { address, shared })
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the faults so far.
    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }

    /// Returns the number of connections so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Replaces the plan of faults.
    pub fn set_script(&self, script: Script) {
        *lock(&self.shared.script) = script;
    }

    /// Forwards new connections to another address.
    pub fn set_target(&self, target: SocketAddr) {
        *lock(&self.shared.target) = target;
    }

    /// Ends all open connections, with a reset or without.
    pub fn strike(&self, with_reset: bool) {
        let fault = if with_reset { Fault::Reset } else { Fault::Cut };
        for pair in lock(&self.shared.open).iter().filter_map(Weak::upgrade) {
            self.shared.counts.count(fault);
            pair.end_all(with_reset);
        }
    }

    /// Returns the number of open connections.
    pub fn open_connections(&self) -> usize {
        let open = lock(&self.shared.open);
        open.iter().filter(|pair| pair.strong_count() > 0).count()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the accepting thread. If that fails, the thread ends with the process.
        let _ = TcpStream::connect(self.address);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    while let Ok((client, _)) = listener.accept() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        let serve = move || {
            // Without a server, the client sees its connection end at once.
            let target = *lock(&shared.target);
            if let Ok(server) = connect(target) {
                // A connection that cannot be set up counts as lost.
                let _ = pump::run(client, server, number, &shared);
            }
        };
        // Without a thread the connection is lost, which is one more fault.
        let _ = thread::Builder::new()
            .name("connection".into())
            .spawn(serve);
    }
}

/// On loopback, the system may assign a connecting socket the very port that it connects to, if nothing listens there.
/// The socket is then connected to itself.
fn connect(target: SocketAddr) -> io::Result<TcpStream> {
    let server = TcpStream::connect(target)?;
    match server.local_addr()? == server.peer_addr()? {
        true => Err(io::ErrorKind::ConnectionRefused.into()),
        false => Ok(server),
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A plan without faults.
pub fn calm() -> Script {
    Arc::new(|_, _, _, _| None)
}

/// A plan with a fault about every `mean` bytes in each direction.
pub fn stormy(mean: u64) -> Script {
    Arc::new(move |_, _, passed, random| {
        let at = passed + random.between(1, 2 * mean);
        let millis = |random: &mut Random, most| Duration::from_millis(random.between(1, most));
        let fault = match random.below(100) {
            0..27 => Fault::Cut,
            27..54 => Fault::Reset,
            54..66 => Fault::HalfClose,
            66..68 => Fault::BlackHole(millis(random, 60)),
            68..72 => Fault::Stall(millis(random, 30)),
            72..88 => Fault::Dribble(random.between(1, 60)),
            _ => Fault::Delay(millis(random, 5)),
        };
        Some(Mishap { at, fault })
    })
}

/// A plan with one fault, on the first connection.
pub fn once(way: Way, mishap: Mishap) -> Script {
    Arc::new(move |connection, this_way, passed, _| {
        (connection == 0 && way == this_way && passed <= mishap.at).then_some(mishap)
    })
}
