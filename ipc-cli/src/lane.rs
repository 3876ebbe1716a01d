//! Programs that run under a lease: they join the client that has it.
//!
//! A lease belongs to a client, and another program is another client. `ipc lease .. -- COMMAND` therefore passes the key
//! of its session on, and each `ipc` that COMMAND starts is a lane of that client: it has the leased devices, and does not
//! wait in the queue.

use std::env;
use std::process::Command;

use ipc_client::{SECRET_VARIABLE, SessionKey};

use crate::connect::Session;
use crate::failure::Failure;
use crate::hosts::{ADDRESS_VARIABLE, SERVICE_VARIABLE, Server};

/// The variable with the key of the session.
const LANE_VARIABLE: &str = "IPC_LANE";

/// The session that this program is to join. It is one at the server that the environment names.
pub(crate) fn of_environment(server: &Server) -> Result<Option<SessionKey>, Failure> {
    match env::var(LANE_VARIABLE) {
        Ok(text) if server.is_of_environment && !text.is_empty() => parse(&text).map(Some),
        _ => Ok(None),
    }
}

/// Prepares `command` to join `session`.
pub(crate) fn pass_on(session: &Session, key: SessionKey, command: &mut Command) {
    command.env(ADDRESS_VARIABLE, &session.server.address);
    command.env(SERVICE_VARIABLE, &session.server.service);
    command.env(LANE_VARIABLE, shown(key));
    if let Some(secret) = &session.secret {
        command.env(SECRET_VARIABLE, secret.reveal());
    }
}

fn shown(key: SessionKey) -> String {
    format!("{:x}-{:x}", key.incarnation, key.session)
}

fn parse(text: &str) -> Result<SessionKey, Failure> {
    let number = |text| u128::from_str_radix(text, 16).ok();
    let key = text.split_once('-').and_then(|(incarnation, session)| {
        Some(SessionKey {
            incarnation: number(incarnation)?,
            session: number(session)?,
        })
    });
    key.ok_or_else(|| {
        Failure::usage(format!(
            "{LANE_VARIABLE} is not the key of a session; only `ipc lease` sets it"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_back() {
        let key = SessionKey {
            incarnation: u128::MAX,
            session: 7,
        };
        assert_eq!(parse(&shown(key)).unwrap(), key);
        for text in ["", "1", "x-1", "1-", "1-2-3"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
