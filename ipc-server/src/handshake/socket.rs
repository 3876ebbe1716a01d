//! The socket of a connection that is not admitted yet.

use std::io::{self, Write};

use tokio::net::TcpStream;

/// The socket of a connection that is not admitted yet.
///
/// The runtime watches it from the first time that something has to be waited for. A client whose first bytes have come
/// with its connection, and that is served at once, thus costs no registration.
#[derive(Debug)]
pub(crate) enum PendingSocket {
    /// A blocking socket that the runtime does not watch yet.
    Blocking(std::net::TcpStream),
    Watched(TcpStream),
    /// The runtime could not watch it.
    Closed,
}

impl PendingSocket {
    /// Returns the socket for what may have to wait.
    pub(crate) fn watch(&mut self) -> io::Result<&mut TcpStream> {
        if let Self::Blocking(_) = self
            && let Self::Blocking(stream) = std::mem::replace(self, Self::Closed)
        {
            stream.set_nonblocking(true)?;
            *self = Self::Watched(TcpStream::from_std(stream)?);
        }
        match self {
            Self::Watched(stream) => Ok(stream),
            Self::Blocking(_) | Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Waits until there may be bytes to read. They may be there already if the socket is not watched.
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Watched(stream) => stream.readable().await,
            Self::Blocking(_) | Self::Closed => Ok(()),
        }
    }

    /// Reads what is there. If there is nothing, [`readable`](Self::readable) waits from then on.
    pub(crate) fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Self::Blocking(stream) = self {
            match ipc_net::read_now(stream, buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
        self.watch()?.try_read(buffer)
    }

    /// Writes what the system takes at once. The runtime would not try before it has heard that the socket is writable.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Blocking(stream) => {
                stream.set_nonblocking(true)?;
                let written = stream.write(bytes);
                stream.set_nonblocking(false)?;
                written
            }
            Self::Watched(stream) => stream.try_write(bytes),
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    /// Converts this into a blocking socket.
    pub(crate) fn into_blocking(self) -> io::Result<std::net::TcpStream> {
        match self {
            Self::Blocking(stream) => Ok(stream),
            Self::Watched(stream) => {
                let stream = stream.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(stream)
            }
            Self::Closed => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}
