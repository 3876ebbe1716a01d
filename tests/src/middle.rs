//! Somebody in the middle: passes bytes on, keeps a record, and changes what a test wants changed.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Towards {
    /// From the client.
    Server,
    /// From the server.
    Client,
}

type Edit = dyn Fn(Towards, usize, &mut [u8]) + Send + Sync;

/// The one in the middle.
#[derive(Clone)]
pub struct Middle {
    address: SocketAddr,
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    to_server: Vec<u8>,
    to_client: Vec<u8>,
    connections: Vec<TcpStream>,
    is_closed: bool,
}

impl Middle {
    /// Passes on to `server` what comes.
    pub fn new(server: SocketAddr) -> Self {
        Self::with_edit(server, |_, _, _| {})
    }

    /// The same, but `edit` may change the bytes; it is told where in the stream they begin.
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
                if lock(&record).is_closed {
                    continue;
                }
                let Ok(server) = TcpStream::connect(server) else {
                    continue;
                };
                for stream in [&client, &server] {
                    stream.set_nodelay(true).expect("no delay");
                    let stream = stream.try_clone().expect("a descriptor");
                    lock(&record).connections.push(stream);
                }
                pass_on(Towards::Server, &client, &server, &record, &edit);
                pass_on(Towards::Client, &server, &client, &record, &edit);
            }
        });
        middle
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// All that went one way so far.
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

    /// Cuts all connections.
    pub fn cut(&self) {
        for stream in lock(&self.record).connections.drain(..) {
            // It may be cut already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

fn pass_on(
    towards: Towards,
    from: &TcpStream,
    to: &TcpStream,
    record: &Arc<Mutex<Record>>,
    edit: &Arc<Edit>,
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
            match towards {
                Towards::Server => lock(&record).to_server.extend_from_slice(bytes),
                Towards::Client => lock(&record).to_client.extend_from_slice(bytes),
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    });
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
