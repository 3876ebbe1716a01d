//! `ipc who`: clients, queue, leases, and what runs.

use ipc_client::{ClientSummary, DeviceStatus, LeaseInfo};
use serde::Serialize;
use serde_json::json;

use crate::connect::Session;
use crate::failure::Failure;
use crate::output::Output;
use crate::times::shown_ms;

pub(crate) fn run(session: &Session, output: Output) -> Result<(), Failure> {
    let clients = session.command(|client| client.server().clients())?;
    let devices = session.command(|client| client.server().devices())?;
    let leases = session.command(|client| client.server().leases())?;
    if output.json {
        each(&clients, "client", output)?;
        each(&devices, "device", output)?;
        return each(&leases, "lease", output);
    }
    // The list has the connection that asks for it.
    let asks = |client: &ClientSummary| client.running == "client.list";
    let clients: Vec<_> = clients.iter().filter(|client| !asks(client)).collect();
    output.line(match clients.is_empty() {
        true => "no client is connected",
        false => "clients",
    })?;
    clients.iter().try_for_each(|it| output.line(client(it)))?;
    if !devices.is_empty() {
        output.line("devices")?;
        devices.iter().try_for_each(|it| output.line(device(it)))?;
    }
    if !leases.is_empty() {
        output.line("leases")?;
        leases.iter().try_for_each(|it| output.line(lease(it)))?;
    }
    Ok(())
}

/// An object for each entry, which says what it is: `{"kind": "client", "client": {..}}`.
fn each<T: Serialize>(entries: &[T], kind: &str, output: Output) -> Result<(), Failure> {
    let mut entries = entries.iter();
    entries.try_for_each(|entry| output.json_line(&json!({ "kind": kind, kind: entry })))
}

fn client(client: &ClientSummary) -> String {
    let ClientSummary {
        id, name, address, ..
    } = client;
    let since = shown_ms(client.connected_ms);
    let does = match (client.place, client.running.as_str()) {
        (0, "") => format!(
            "connected for {since}, idle for {}",
            shown_ms(client.idle_ms)
        ),
        (0, running) => {
            let runs = shown_ms(client.running_ms);
            format!("connected for {since}, `{running}` has run for {runs}")
        }
        (place, _) => format!("waits for {since}, place {place}"),
    };
    format!("  #{id}  {name} at {address}: {does}")
}

fn device(device: &DeviceStatus) -> String {
    let mut parts = Vec::new();
    match &device.holder {
        Some(holder) => parts.push(format!(
            "held by #{} {} for {}",
            holder.client,
            holder.name,
            shown_ms(holder.since_ms)
        )),
        None => parts.push("free".into()),
    }
    match (device.running.as_str(), device.inside.as_str()) {
        ("", "") => {}
        ("", inside) => parts.push(format!("used by {inside}")),
        (running, "") => parts.push(format!("`{running}` runs")),
        (running, inside) => parts.push(format!("`{running}` runs for {inside}")),
    }
    match device.waiting {
        0 => {}
        1 => parts.push("1 call waits".into()),
        waiting => parts.push(format!("{waiting} calls wait")),
    }
    if device.is_stuck {
        parts.push("STUCK: a call does not return".into());
    }
    format!("  {}: {}", device.name, parts.join(", "))
}

fn lease(lease: &LeaseInfo) -> String {
    let since = shown_ms(lease.since_ms);
    let mut text = format!(
        "  {}: #{} {} at {}",
        lease.devices.join(", "),
        lease.client,
        lease.name,
        lease.address
    );
    match lease.place {
        0 if lease.claim == 0 => text += &format!(" has the server for {since}"),
        0 => text += &format!(" for {since}"),
        place => text += &format!(" waits for {since}, place {place}"),
    }
    if !lease.because.is_empty() {
        text += &format!(" ({})", lease.because);
    }
    if let Some(ends) = lease.ends_ms {
        text += &format!(", for {} more", shown_ms(ends));
    }
    if lease.is_doubtful {
        text += ", has lost its connection";
    }
    text
}
