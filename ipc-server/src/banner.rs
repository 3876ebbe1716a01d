//! The start-up hint: where, what, client code to paste, and what to be warned of.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use ipc_core::interface::describe::MethodKind;
use ipc_core::{Secret, ServerDescription};

use crate::state::Config;

/// What a person should know who set a server up this way. The secret is never part of it.
pub(crate) fn warnings(listening: SocketAddr, config: &Config) -> Vec<String> {
    match &config.secret {
        None if !listening.ip().is_loopback() => vec![format!(
            "{listening} is open to everybody in the network: no secret is set"
        )],
        Some(secret) if secret.is_short() => vec![format!(
            "the secret has fewer than {} characters; a longer one is harder to guess",
            Secret::SHORT
        )],
        _ => Vec::new(),
    }
}

/// What a person at the server's terminal wants to know.
pub(crate) fn hint(
    listening: SocketAddr,
    config: &Config,
    description: &ServerDescription,
) -> String {
    let reachable = SocketAddr::new(reachable(listening.ip()), listening.port());
    let mut text = format!("Serving on {listening}");
    if reachable != listening {
        let _ = write!(text, ", from other computers {reachable}");
    }
    text.push('\n');
    if config.secret.is_some() {
        text.push_str("  encrypted: clients need the secret\n");
    }
    for warning in warnings(listening, config) {
        let _ = writeln!(text, "  WARNING: {warning}");
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
        snippet(reachable, config, description)
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

fn snippet(reachable: SocketAddr, config: &Config, description: &ServerDescription) -> String {
    let mut settings = String::new();
    if !config.service.is_empty() {
        // As it would be written in a program, quotes and all.
        let _ = write!(settings, "\n        .service({:?})", config.service);
    }
    if config.secret.is_some() {
        // Where the secret is to come from, never the secret.
        settings.push_str("\n        .secret(ipc_core::Secret::from_env()?)");
    }
    if !settings.is_empty() {
        settings.push_str("\n        ");
    }
    let mut code = format!(
        "    let client = ipc_client::Client::builder(\"{reachable}\"){settings}.connect()?;\n"
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

#[cfg(test)]
mod tests {
    use super::*;

    fn config(secret: Option<&str>, service: &str) -> Config {
        Config {
            secret: secret.map(|text| Secret::new(text).unwrap()),
            service: service.into(),
            ..Config::default()
        }
    }

    fn hint_at(address: &str, config: &Config) -> String {
        let description = ipc_core::Registry::new().description().clone();
        hint(address.parse().unwrap(), config, &description)
    }

    #[test]
    fn who_is_open_to_everybody_or_has_a_short_secret_is_warned() {
        let warned = hint_at("192.0.2.7:4440", &config(None, ""));
        assert!(warned.contains("WARNING: 192.0.2.7:4440 is open to everybody"));
        let warned = hint_at("127.0.0.1:4440", &config(Some("waktu"), ""));
        assert!(warned.contains("WARNING: the secret has fewer than 12"));
        assert!(!warned.contains("waktu"), "{warned}");
        for (address, secret) in [
            ("127.0.0.1:4440", None),
            ("192.0.2.7:4440", Some("long enough a secret")),
        ] {
            let text = hint_at(address, &config(secret, ""));
            assert!(!text.contains("WARNING"), "{text}");
        }
    }

    #[test]
    fn the_code_to_paste_names_the_service_and_where_the_secret_comes_from() {
        let call = |secret, service| {
            let text = hint_at("127.0.0.1:4440", &config(secret, service));
            let (_, code) = text.split_once("builder(\"127.0.0.1:4440\")").unwrap();
            let (settings, _) = code.split_once(".connect()?;").unwrap();
            settings.split_whitespace().collect::<String>()
        };
        let secret = ".secret(ipc_core::Secret::from_env()?)";
        assert_eq!(call(None, ""), "");
        assert_eq!(call(Some("waktu"), ""), secret);
        assert_eq!(call(None, "pump"), ".service(\"pump\")");
        assert_eq!(
            call(Some("waktu"), "a\"b"),
            format!(".service(\"a\\\"b\"){secret}")
        );
    }
}
