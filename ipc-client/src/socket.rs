//! Options of the socket.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use ipc_net::ConfigureError;

use crate::error::ConnectError;

/// Configures the socket, so that the system notices within `liveness` that the server is gone.
pub(crate) fn tune(
    stream: &TcpStream,
    server: SocketAddr,
    liveness: Duration,
) -> Result<(), ConnectError> {
    ipc_net::configure(stream, liveness).map_err(|error| match error {
        ConfigureError::Refused { option, cause } => ConnectError::Setting {
            setting: option,
            cause: cause.into(),
        },
        ConfigureError::Closed(gone) => {
            ConnectError::from_io(server.to_string(), Some(server), gone)
        }
    })
}
