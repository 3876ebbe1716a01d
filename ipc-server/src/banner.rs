//! The start-up hint: where, what, and client code to paste.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use ipc_core::ServerDescription;
use ipc_core::interface::describe::MethodKind;

/// What a person at the server's terminal wants to know.
pub(crate) fn hint(
    listening: SocketAddr,
    has_secret: bool,
    description: &ServerDescription,
) -> String {
    let reachable = SocketAddr::new(reachable(listening.ip()), listening.port());
    let mut text = format!("Serving on {listening}");
    if reachable != listening {
        let _ = write!(text, ", from other computers {reachable}");
    }
    text.push('\n');
    if has_secret {
        text.push_str("  encrypted: clients need the secret\n");
    }
    for device in &description.devices {
        let name = &device.interface.name;
        match device.prefix.as_str() {
            "" => drop(writeln!(text, "  {name}")),
            prefix => drop(writeln!(text, "  {name}, prefix {prefix}")),
        }
    }
    list(
        &mut text,
        "Calls",
        &names(description, |kind| kind == MethodKind::Call),
    );
    list(
        &mut text,
        "Properties",
        &names(description, |kind| kind != MethodKind::Call),
    );
    let _ = write!(
        text,
        "\nFrom Rust:\n\n{}",
        snippet(reachable, has_secret, description)
    );
    text
}

fn names(description: &ServerDescription, wanted: impl Fn(MethodKind) -> bool) -> Vec<String> {
    let mut names: Vec<String> = description
        .methods()
        .filter(|(_, method)| wanted(method.kind))
        .map(|(prefix, method)| format!("{prefix}{}", method.name))
        .collect();
    names.dedup();
    names
}

fn list(text: &mut String, title: &str, names: &[String]) {
    if !names.is_empty() {
        let _ = writeln!(text, "{title}: {}", names.join(", "));
    }
}

fn snippet(reachable: SocketAddr, has_secret: bool, description: &ServerDescription) -> String {
    // Where the secret is to come from, never the secret.
    let secret = if has_secret {
        "\n        .secret(ipc_core::Secret::from_env()?)\n        "
    } else {
        ""
    };
    let mut code = format!(
        "    let client = ipc_client::Client::builder(\"{reachable}\"){secret}.connect()?;\n"
    );
    if let Some(device) = description.devices.first() {
        let proxy = format!("{}Proxy", device.interface.name);
        let made = match device.prefix.as_str() {
            "" => format!("{proxy}::new(&client)"),
            prefix => format!("{proxy}::with_prefix(&client, \"{prefix}\")"),
        };
        let _ = writeln!(code, "    let device = {made};");
    }
    code.push_str("    println!(\"{}\", client.help()?);\n");
    code
}

/// An address that others can use: the one listened on, or for "all of them" the one towards the network.
fn reachable(listening: IpAddr) -> IpAddr {
    if !listening.is_unspecified() {
        return listening;
    }
    outward().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Asks the system which of its addresses it would use. Nothing is sent.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 1)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
