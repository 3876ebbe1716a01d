//! The connection to a server, which all commands share.

use std::time::Duration;

use ipc_client::{Client, Retry, ServerDescription};

use crate::arguments::Global;
use crate::failure::Failure;

/// A server, and how long to wait for it. The connection is made by the first call.
pub(crate) struct Session {
    pub(crate) client: Client,
    /// The address as the user wrote it.
    pub(crate) address: String,
    /// How long to wait for a server or a device that others use; `Duration::MAX` is without limit.
    pub(crate) wait: Duration,
}

/// The session with the server that the command line names.
pub(crate) fn session(global: &Global) -> Result<Session, Failure> {
    let address = global.address.clone().unwrap_or_default();
    let client = Client::builder(address.as_str())
        .retry(Retry::up_to(REACH))
        .resume_silently();
    Ok(Session {
        client: client.connect_lazy(),
        address,
        wait: global.wait.unwrap_or(WAIT),
    })
}

impl Session {
    /// What the server offers: asked for once, then kept.
    pub(crate) fn description(&self) -> Result<ServerDescription, Failure> {
        Ok(self.client.dynamic().description()?)
    }
}

/// How long a server that cannot be reached is waited for.
const REACH: Duration = Duration::from_secs(5);
/// How long a busy server is waited for, unless the user says otherwise.
const WAIT: Duration = Duration::from_secs(30);
