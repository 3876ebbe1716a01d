//! What the hub needs of the front end that serves clients.

use ipc_core::interface::commands::Kicked;
use ipc_core::wire::sanitize::fit_to_show;

use crate::event::ClientInfo;

/// What the hub cannot do without its front end: to list clients, and to make one leave.
pub trait FrontEnd: Send + Sync {
    /// Returns the clients that hold the server, and then those that wait, in order.
    fn clients(&self) -> Vec<ClientInfo>;

    /// Disconnects the client with this [`id`](ClientInfo::id), and tells it who wants that and why. Returns false if there is no
    /// such client.
    fn disconnect(&self, client: u64, by: &str, because: &str) -> bool;
}

/// Describes a client that is made to leave.
pub(crate) fn kicked(client: ClientInfo) -> Kicked {
    Kicked {
        running: client.running.map(|call| call.method).unwrap_or_default(),
        name: fit_to_show(&client.name),
        address: client.address,
    }
}
