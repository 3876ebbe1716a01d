//! The connection of an admitted client.

use std::net::{SocketAddr, TcpStream};

use ipc_core::session::link::Link;

/// A connection whose client has been admitted, for the thread that serves it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    pub(crate) link: Link,
    pub(crate) peer: SocketAddr,
}
