//! The connections of all clients in this process. A client that waits for a server can thus tell that the holder is
//! another client of the same program.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A connection of this process, listed until this value is dropped.
#[derive(Debug)]
pub(crate) struct OwnConnection(LocalEnd);

/// The address of this end and the port of the server. The operating system uses a local port twice only for different
/// servers.
#[derive(Clone, Copy, Debug, PartialEq)]
struct LocalEnd {
    ip: IpAddr,
    port: u16,
    server_port: u16,
}

static OWN_CONNECTIONS: Mutex<Vec<LocalEnd>> = Mutex::new(Vec::new());

impl OwnConnection {
    /// Lists a connection from `local` to `server`.
    pub(crate) fn register(local: SocketAddr, server: SocketAddr) -> Self {
        let end = LocalEnd::new(local, server);
        own_connections().push(end);
        Self(end)
    }
}

impl Drop for OwnConnection {
    fn drop(&mut self) {
        let mut connections = own_connections();
        if let Some(at) = connections.iter().position(|end| *end == self.0) {
            connections.swap_remove(at);
        }
    }
}

impl LocalEnd {
    fn new(local: SocketAddr, server: SocketAddr) -> Self {
        Self {
            // A server that listens on `[::]` sees IPv4 addresses as IPv6 ones.
            ip: local.ip().to_canonical(),
            port: local.port(),
            server_port: server.port(),
        }
    }
}

/// Returns true if the client that `server` sees at `address` belongs to this process. A client whose address is
/// translated on the way, by a router or a forwarded port, is not recognised.
pub(crate) fn is_own(address: &str, server: SocketAddr) -> bool {
    let address = address.parse::<SocketAddr>();
    address.is_ok_and(|address| own_connections().contains(&LocalEnd::new(address, server)))
}

fn own_connections() -> MutexGuard<'static, Vec<LocalEnd>> {
    let connections = OWN_CONNECTIONS.lock();
    connections.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_connection_is_listed_until_it_is_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap();
        let stream = TcpStream::connect(server).unwrap();
        let local = stream.local_addr().unwrap();
        let mapped = format!("[::ffff:127.0.0.1]:{}", local.port());
        let own = OwnConnection::register(local, server);
        assert!(is_own(&local.to_string(), server) && is_own(&mapped, server));
        assert!(!is_own(&server.to_string(), server));
        assert!(!is_own("this session", server));
        drop(own);
        assert!(!is_own(&local.to_string(), server));
    }
}
