//! `ipc kick`: makes a client leave, or ends the lease of a device.

use std::time::Duration;

use ipc_client::Kicked;
use serde_json::json;

use crate::arguments::KickOptions;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(session: &Session, options: &KickOptions, output: Output) -> Result<(), Failure> {
    let (whom, why) = (options.whom.as_str(), options.why.as_str());
    let kicked = match (whom.strip_prefix('#'), options.notice) {
        (Some(_), Some(_)) => {
            let text = "--notice is for leases; a client is disconnected at once, or after the call that runs";
            return Err(Failure::usage(text));
        }
        (Some(number), None) => {
            let id = number.parse().map_err(|_| {
                let text = format!(
                    "`{whom}` is not the number of a client; `ipc who` shows them, such as #12"
                );
                Failure::usage(text)
            })?;
            session.command(|client| client.server().kick_client(id, why))?
        }
        (None, notice) => {
            check_device(session, whom)?;
            let notice = notice.unwrap_or(Duration::ZERO);
            session.command(|client| client.server().kick_lease(whom, why, notice))?
        }
    };
    match output.json {
        true => output.json_line(&json!({ "kicked": kicked })),
        false => output.line(in_words(&kicked, options.notice)),
    }
}

/// Refuses a device that the server does not have, with those that it has.
pub(crate) fn check_device(session: &Session, name: &str) -> Result<(), Failure> {
    let devices = session.command(|client| client.server().devices())?;
    if devices.iter().any(|device| device.name == name) {
        return Ok(());
    }
    let names: Vec<_> = devices
        .iter()
        .map(|device| format!("`{}`", device.name))
        .collect();
    Err(Failure::usage(match names.is_empty() {
        true => format!("there is no device `{name}`; the server has none"),
        false => format!(
            "there is no device `{name}`; the server has {}",
            names.join(", ")
        ),
    }))
}

fn in_words(kicked: &Kicked, notice: Option<Duration>) -> String {
    let Kicked {
        name,
        address,
        running,
        ..
    } = kicked;
    let when = match notice {
        Some(notice) if !notice.is_zero() => {
            format!(" has to leave in {}", crate::times::shown(notice))
        }
        _ => " has to leave".into(),
    };
    match running.as_str() {
        "" => format!("{name} at {address}{when}"),
        running => format!("{name} at {address}{when}, once `{running}` has ended"),
    }
}
