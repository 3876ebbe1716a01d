//! The connections of all clients in this process, so that a client which waits for a server can tell that it waits for
//! another client of the same program.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection of this process, known for as long as this lives.
#[derive(Debug)]
pub(crate) struct OwnEnd(End);

/// This end's address, and the port of the other one. Systems give a port twice only for different other ends.
#[derive(Clone, Copy, Debug, PartialEq)]
struct End {
    ip: IpAddr,
    port: u16,
    server_port: u16,
}

static OWN_ENDS: Mutex<Vec<End>> = Mutex::new(Vec::new());

impl OwnEnd {
    /// Notes a connection to `server`.
    pub(crate) fn of(stream: &TcpStream, server: SocketAddr) -> Option<Self> {
        let end = End::new(stream.local_addr().ok()?, server);
        own_ends().push(end);
        Some(Self(end))
    }
}

impl Drop for OwnEnd {
    fn drop(&mut self) {
        let mut ends = own_ends();
        if let Some(at) = ends.iter().position(|end| *end == self.0) {
            ends.swap_remove(at);
        }
    }
}

impl End {
    fn new(local: SocketAddr, server: SocketAddr) -> Self {
        Self {
            // A server that listens on `[::]` sees IPv4 addresses as IPv6 ones.
            ip: local.ip().to_canonical(),
            port: local.port(),
            server_port: server.port(),
        }
    }
}

/// True if the client that `server` sees at `address` is one of this process. One whose address is translated on the way,
/// by a router or a forwarded port, is not recognised.
pub(crate) fn is_own(address: &str, server: SocketAddr) -> bool {
    let address = address.parse::<SocketAddr>();
    address.is_ok_and(|address| own_ends().contains(&End::new(address, server)))
}

fn own_ends() -> MutexGuard<'static, Vec<End>> {
    OWN_ENDS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_connection_is_known_while_it_lives() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let stream = TcpStream::connect(server).unwrap();
        let local = stream.local_addr().unwrap();
        let mapped = format!("[::ffff:127.0.0.1]:{}", local.port());
        let own = OwnEnd::of(&stream, server);
        assert!(is_own(&local.to_string(), server) && is_own(&mapped, server));
        assert!(!is_own(&server.to_string(), server));
        assert!(!is_own("this session", server));
        drop(own);
        assert!(!is_own(&local.to_string(), server));
    }
}
