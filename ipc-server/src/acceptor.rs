//! Accepting connections without blocking.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::SockRef;
#[cfg(any(target_os = "linux", target_os = "android"))]
use tokio::{
    io::{Interest, unix::AsyncFd},
    task::coop::consume_budget,
};

use crate::handshake::socket::PendingSocket;

/// A listening socket that the runtime watches.
#[derive(Debug)]
pub(crate) struct Acceptor {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    listener: AsyncFd<TcpListener>,
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    listener: tokio::net::TcpListener,
}

impl Acceptor {
    /// Needs a runtime around it.
    #[allow(
        deprecated,
        reason = "unsound only for types that replace their descriptor; the other constructor is not safe code"
    )]
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            listener: AsyncFd::with_interest(listener, Interest::READABLE)?,
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            listener: tokio::net::TcpListener::from_std(listener)?,
        })
    }

    /// The listening socket.
    pub(crate) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.listener)
    }

    /// Waits for the next connection. Cancel safe.
    ///
    /// Looks whether there is a further connection. The runtime's own listener finds out by another `accept`, for which the
    /// system makes a socket and discards it.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    pub(crate) async fn accept(&self) -> io::Result<(PendingSocket, SocketAddr)> {
        loop {
            let mut readable = self.listener.readable().await?;
            consume_budget().await;
            let accepted = self.listener.get_ref().accept();
            let is_none = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            let found_none = accepted.as_ref().is_err_and(is_none);
            if found_none || !ipc_net::has_arrivals(self.listener.get_ref()) {
                // A connection that has come since then makes it readable again.
                readable.clear_ready();
            }
            if !found_none {
                let (stream, peer) = accepted?;
                return Ok((PendingSocket::Blocking(stream), peer));
            }
        }
    }

    /// Waits for the next connection. Cancel safe.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    pub(crate) async fn accept(&self) -> io::Result<(PendingSocket, SocketAddr)> {
        let (stream, peer) = self.listener.accept().await?;
        Ok((PendingSocket::Watched(stream), peer))
    }
}
