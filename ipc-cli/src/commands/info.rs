//! `ipc info`: what the server is.

use ipc_client::LeaseInfo;
use serde_json::json;

use crate::commands::ping::round_trips;
use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;

pub(crate) fn run(session: &Session, output: Output) -> Result<(), Failure> {
    let description = session.command(|client| client.server().description())?;
    let leases = session.command(|client| client.server().leases())?;
    let clients = session.command(|client| client.server().clients())?;
    let latency = round_trips(session, 5)?
        .into_iter()
        .min()
        .unwrap_or_default();
    let latency_ms = latency.as_secs_f64() * 1e3;
    let is_served = |name: &str| !name.ends_with("(observer)");
    let served = clients
        .iter()
        .filter(|it| it.place == 0 && is_served(&it.name))
        .count();
    let waiting = clients.iter().filter(|it| it.place > 0).count();
    let sharing = sharing(&leases, served);
    let (address, is_encrypted) = (&session.server.address, session.secret.is_some());
    let (devices, functions) = (description.devices.len(), description.functions.len());
    if output.json {
        return output.json_line(&json!({
            "address": address,
            "latency_ms": latency_ms,
            "devices": devices,
            "functions": functions,
            "clients": served,
            "waiting": waiting,
            "sharing": sharing,
            "encrypted": is_encrypted,
        }));
    }
    output.line(format!("address     {address}"))?;
    output.line(format!("latency     {latency_ms:.2} ms"))?;
    output.line(format!(
        "offers      {}, {}",
        counted(devices, "device"),
        counted(functions, "function")
    ))?;
    output.line(format!(
        "clients     {served} served, {waiting} in the queue"
    ))?;
    if let Some(sharing) = sharing {
        output.line(format!("sharing     {sharing}"))?;
    }
    output.line(match is_encrypted {
        true => "encryption  yes, and the server knows the secret",
        false => "encryption  none",
    })
}

/// "1 device", "2 devices"
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Whether one client at a time is served, or several, as far as the lists show.
fn sharing(leases: &[LeaseInfo], served: usize) -> Option<&'static str> {
    match leases.iter().any(|lease| lease.claim == 0) {
        true => Some("one client at a time"),
        false if served > 0 => Some("several clients at a time"),
        false => None,
    }
}
