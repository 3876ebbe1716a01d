//! What does not change during the life of a client.

use std::time::Duration;

use ipc_core::Secret;
use ipc_core::secure::{Entropy, Ticket};
use ipc_core::session::client::ClientConfig;
use ipc_core::session::link::Link;
use ipc_core::wire::ctrl::{ConnectionRole, Feature, SessionKey};
use ipc_core::wire::preamble::Role;
use ipc_net::Address;

use crate::error::ConnectError;
use crate::retry::Retry;
use crate::unanswered_proofs::SharedProofs;

/// The settings of a client, as its builder has left them.
#[derive(Clone)]
pub(crate) struct ClientSettings {
    /// The address of the server, or why no connection can be made.
    pub(crate) address: Result<Address, ConnectError>,
    pub(crate) session: ClientConfig,
    pub(crate) secret: Option<Secret>,
    /// Shared by all connections of the client.
    pub(crate) proofs: SharedProofs,
    pub(crate) retry: Retry,
    pub(crate) liveness: Duration,
    pub(crate) decode_memory: usize,
}

impl ClientSettings {
    /// The settings of a lane beside the session `of`.
    pub(crate) fn of_lane(&self, of: SessionKey) -> Self {
        let mut settings = self.clone();
        settings.session.role = ConnectionRole::Lane;
        settings.session.of = Some(of);
        settings
    }

    /// The settings of the observer of a client with these settings, whose session is `session`, if it has one.
    pub(crate) fn of_observer(&self, session: Option<SessionKey>) -> Self {
        let mut settings = self.clone();
        let of = &mut settings.session;
        of.role = ConnectionRole::Observer;
        // A lane has said beside which session it runs.
        of.of = of.of.or(session);
        of.name.push_str(OBSERVER);
        of.features = of.features.clone().with(Feature::Interruptions, 0);
        settings
    }

    /// A new connection, encrypted if there is a secret. This is the only place where that is decided. `ticket` is the
    /// one that the last connection left, if any.
    pub(crate) fn link(&self, ticket: Option<Ticket>) -> Result<Link, getrandom::Error> {
        let ClientConfig {
            service, max_frame, ..
        } = &self.session;
        let Some(secret) = &self.secret else {
            return Ok(Link::plain(Role::Client, *max_frame));
        };
        let mut entropy = Entropy::gather(getrandom::fill)?;
        if let Some(ticket) = ticket {
            entropy = entropy.with_ticket(ticket);
        }
        Ok(Link::secret(
            Role::Client,
            secret,
            service,
            entropy,
            *max_frame,
        ))
    }

    /// The address for people to read.
    pub(crate) fn address_text(&self) -> String {
        match &self.address {
            Ok(address) => address.to_string(),
            Err(_) => String::new(),
        }
    }
}

/// Tells an observer from its client, in lists of clients.
const OBSERVER: &str = " (observer)";
