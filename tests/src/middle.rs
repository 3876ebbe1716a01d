//! A man in the middle: forwards bytes, records them, and changes them as a test requires.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Direction of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// From the client.
    Server,
    /// From the server.
    Client,
}

type Edit = dyn Fn(Towards, usize, &mut [u8]) + Send + Sync;

/// The man in the middle.
#[derive(Clone)]
pub struct Middle {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    connections: Vec<Pair>,
    is_closed: bool,
    /// True if what clients send is recorded and lost.
    swallows: bool,
    delay: Duration,
}

/// The two ends of a connection.
struct Pair {
    client: TcpStream,
    server: TcpStream,
    /// True if the server must not see the end of the connection.
    is_stranded: Arc<AtomicBool>,
}

impl Middle {
    /// Forwards connections to `server`.
    pub fn new(server: SocketAddr) -> Self {
        Self::with_edit(server, |_, _, _| {})
    }

    /// Forwards connections like [`new`](Self::new), but `edit` may change the bytes. It gets their offset in the stream.
    pub fn with_edit(
        server: SocketAddr,
        edit: impl Fn(Towards, usize, &mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let record: Arc<Mutex<Record>> = Arc::default();
        let middle = Self { address, record };
        let record = Arc::clone(&middle.record);
        let edit: Arc<Edit> = Arc::new(edit);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let delay = lock(&record).delay;
                thread::sleep(delay);
                if lock(&record).is_closed {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else {
                    continue;
                };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("no delay");
                }
                let is_stranded = Arc::new(AtomicBool::new(false));
                let stranded = [&is_stranded; 2].map(Arc::clone);
                lock(&record).connections.push(Pair {
                    client: client.try_clone().expect("a descriptor"),
                    server: server.try_clone().expect("a descriptor"),
                    is_stranded,
                });
                let [up, down] = stranded;
                pass_on(Towards::Server, &client, &server, &record, &edit, up);
                pass_on(Towards::Client, &server, &client, &record, &edit, down);
            }
        });
        middle
    }

    /// Returns the address for clients.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns all bytes sent in one direction so far.
    pub fn record(&self, towards: Towards) -> Vec<u8> {
        let record = lock(&self.record);
        match towards {
            Towards::Server => record.to_server.clone(),
            Towards::Client => record.to_client.clone(),
        }
    }

    /// Cuts all connections, now and later.
    pub fn close(&self) {
        lock(&self.record).is_closed = true;
        self.cut();
    }

    /// Loses what clients send from now on, until the connections are [cut](Self::cut).
    pub fn swallow(&self) {
        lock(&self.record).swallows = true;
    }

    /// Cuts all connections.
    pub fn cut(&self) {
        let mut record = lock(&self.record);
        record.swallows = false;
        for pair in record.connections.drain(..) {
            for stream in [pair.client, pair.server] {
                // It may already be cut.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }

    /// Cuts all connections at the client's end only. Towards the server they stay open and silent, as when a laptop
    /// has changed its network.
    pub fn strand(&self) {
        for pair in &lock(&self.record).connections {
            pair.is_stranded.store(true, Ordering::SeqCst);
            // It may be cut already.
            let _ = pair.client.shutdown(Shutdown::Both);
        }
    }

    /// Delays new connections to the server by this time.
    pub fn delay(&self, delay: Duration) {
        lock(&self.record).delay = delay;
    }
}

fn pass_on(
    towards: Towards,
    from: &TcpStream,
    to: &TcpStream,
    record: &Arc<Mutex<Record>>,
    edit: &Arc<Edit>,
    is_stranded: Arc<AtomicBool>,
) {
    let mut from = from.try_clone().expect("a descriptor");
    let mut to = to.try_clone().expect("a descriptor");
    let (record, edit) = (Arc::clone(record), Arc::clone(edit));
    thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        let mut position = 0;
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &mut buffer[..count];
            edit(towards, position, bytes);
            position += count;
            let mut recording = lock(&record);
            let is_lost = recording.swallows && towards == Towards::Server;
            match towards {
                Towards::Server => recording.to_server.extend_from_slice(bytes),
                Towards::Client => recording.to_client.extend_from_slice(bytes),
            }
            drop(recording);
            if is_lost {
                continue;
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        if !is_stranded.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
    });
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
