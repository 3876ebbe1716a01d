//! `ipc release`: ends a lease that `ipc lease` of the same user on the same computer holds.
//!
//! A lease belongs to the program that acquired it, so another program can only have the server end it, as `ipc kick` does.
//! This command ends only leases that `ipc lease` of the same user on the same computer holds.

use std::time::Duration;

use ipc_client::{LeaseInfo, client_name};
use serde_json::json;

use crate::arguments::{LEASE, ReleaseOptions};
use crate::commands::kick::check_device;
use crate::connect::Session;
use crate::failure::{ExitCode, Failure};
use crate::output::Output;
use crate::times::shown_ms;

pub(crate) fn run(
    session: &Session,
    options: &ReleaseOptions,
    output: Output,
) -> Result<(), Failure> {
    let leases = session.command(|client| client.server().leases())?;
    for device in &options.devices {
        check_own(session, &leases, device)?;
    }
    for device in &options.devices {
        // A lease of several devices may have ended with the first of them.
        let leases = session.command(|client| client.server().leases())?;
        if holder(&leases, device).is_some() {
            session.command(|client| client.server().kick_lease(device, WHY, Duration::ZERO))?;
        }
        match output.json {
            true => output.json_line(&json!({ "released": device }))?,
            false => output.line(format!("released {device}"))?,
        }
    }
    Ok(())
}

fn holder<'a>(leases: &'a [LeaseInfo], device: &str) -> Option<&'a LeaseInfo> {
    let has = |lease: &&LeaseInfo| lease.place == 0 && lease.devices.iter().any(|it| it == device);
    leases.iter().find(has)
}

fn check_own(session: &Session, leases: &[LeaseInfo], device: &str) -> Result<(), Failure> {
    let Some(lease) = holder(leases, device) else {
        check_device(session, device)?;
        let text = format!("nobody has a lease of `{device}`");
        return Err(Failure::new(ExitCode::Refused, text));
    };
    if without_number(&lease.name) == without_number(&client_name(LEASE)) {
        return Ok(());
    }
    let LeaseInfo { name, address, .. } = lease;
    let since = shown_ms(lease.since_ms);
    Err(Failure::new(
        ExitCode::Refused,
        format!(
            "`{device}` is held by {name} at {address} for {since}, not by `ipc lease` of this user on this computer; \
             `ipc kick {device} --why ..` ends that lease"
        ),
    ))
}

/// The name of a client without the number of its process.
fn without_number(name: &str) -> &str {
    name.rsplit_once(" (pid ").map_or(name, |(name, _)| name)
}

const WHY: &str = "released by `ipc release`";
