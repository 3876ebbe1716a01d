//! The start-up hint: where the server can be reached, what it offers, warnings, and the code of a client.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use ipc_core::interface::describe::{Argument, DeviceDescription, Method, MethodKind};
use ipc_core::interface::schema::Schema;
use ipc_core::{Found, Secret, ServerDescription};
use ipc_net::seen_from_elsewhere;

use crate::config::Config;

/// Returns warnings about the settings. The secret is never part of them.
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

/// Returns the hint. Its length is bounded, however much is served.
pub(crate) fn hint(
    listening: SocketAddr,
    config: &Config,
    description: &ServerDescription,
    driver_paths: &[&str],
) -> String {
    let reachable = reachable(listening);
    let mut text = format!("Serving on {listening}");
    if reachable != listening.to_string() {
        let _ = write!(text, ", from other computers {reachable}");
    }
    text.push('\n');
    if listening.ip().is_loopback() {
        text.push_str(
            "  for programs on this computer only: `.bind(\"*\")` lets other computers in\n",
        );
    }
    if config.secret.is_some() {
        text.push_str("  encrypted: clients need the secret\n");
    }
    for warning in warnings(listening, config) {
        let _ = writeln!(text, "  WARNING: {warning}");
    }
    for device in description.devices.iter().take(SHOWN) {
        let (name, driver) = (&device.name, &device.interface.name);
        match device.prefix.as_str() {
            "" => drop(writeln!(text, "  {name}: {driver}")),
            prefix => drop(writeln!(text, "  {name}: {driver}, prefix {prefix}")),
        }
    }
    if let Some(more @ 1..) = description.devices.len().checked_sub(SHOWN) {
        let _ = writeln!(text, "  and {more} more devices");
    }
    let is_call = |kind| kind == MethodKind::Call;
    list(&mut text, "Calls", &names(description, is_call));
    let is_property = |kind| kind != MethodKind::Call;
    list(&mut text, "Properties", &names(description, is_property));
    let _ = write!(
        text,
        "\nFrom a shell:\n\n{}",
        shell(&reachable, config, description)
    );
    let program = program(&reachable, config, description, driver_paths);
    let _ = write!(text, "\nA client in Rust:\n\n{program}");
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
    let Some(shown) = names
        .get(..names.len().min(SHOWN))
        .filter(|it| !it.is_empty())
    else {
        return;
    };
    let _ = write!(text, "{title}: {}", shown.join(", "));
    match names.len() - shown.len() {
        0 => text.push('\n'),
        more => drop(writeln!(
            text,
            " and {more} more: `client.help()` lists them"
        )),
    }
}

/// Returns lines for a shell: what there is, and a property or a method without arguments, if there is one.
fn shell(reachable: &str, config: &Config, description: &ServerDescription) -> String {
    let mut begin = format!("ipc -a {}", quoted(reachable));
    if !config.service.is_empty() {
        let _ = write!(begin, " --service {}", quoted(&config.service));
    }
    if config.secret.is_some() {
        begin.push_str(" --secret-file lab.secret");
    }
    let mut text = format!("  {begin} list\n");
    let of_kind = |kind| {
        let is_wanted = |it: &Found<'_>| {
            let has_default = |argument: &Argument| argument.default.is_some();
            it.method.kind == kind && it.method.arguments.iter().all(has_default)
        };
        description.all().find(is_wanted)
    };
    if let Some(property) = of_kind(MethodKind::Get) {
        let _ = writeln!(text, "  {begin} get {}", property.path());
    }
    if let Some(method) = of_kind(MethodKind::Call) {
        let _ = writeln!(text, "  {begin} call {}", method.path());
    }
    text
}

/// Returns a word as shells read it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%[]".contains(c);
    match word.chars().all(is_plain) && !word.starts_with('[') {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Returns a whole client program. It depends on `ipc-client` and on the driver's package.
fn program(
    reachable: &str,
    config: &Config,
    description: &ServerDescription,
    driver_paths: &[&str],
) -> String {
    let mut settings = String::new();
    let mut uses = String::from("use ipc_client::Client;\n");
    if !config.service.is_empty() {
        // Quoted and escaped as in source code.
        let _ = write!(settings, "\n        .service({:?})", config.service);
    }
    if config.secret.is_some() {
        // Names a source for the secret, never the secret itself.
        let _ = write!(settings, "\n        .secret(Secret::{SECRET}?)");
        uses = "use ipc_client::{Client, Secret};\n".into();
    }
    if !settings.is_empty() {
        settings.push_str("\n        ");
    }
    let mut body =
        format!("    let client = Client::builder(\"{reachable}\"){settings}.connect()?;\n");
    let path = driver_paths
        .first()
        .filter(|path| !is_of_this_program(path));
    if let (Some(device), Some(path)) = (description.devices.first(), path) {
        let proxy = proxy(path, &device.interface.name);
        let _ = writeln!(uses, "use {proxy};");
        body.push_str(&first_use(
            device,
            proxy.rsplit("::").next().unwrap_or_default(),
        ));
    }
    body.push_str("    println!(\"{}\", client.help()?);\n    Ok(())\n");
    format!(
        "{uses}
fn main() {{
    if let Err(error) = run() {{
        eprintln!(\"error: {{error}}\");
        std::process::exit(1);
    }}
}}

fn run() -> Result<(), Box<dyn std::error::Error>> {{
{body}}}
"
    )
}

/// Returns true for a driver in the server's own program, on which no client can depend.
fn is_of_this_program(driver_path: &str) -> bool {
    let program = std::env::current_exe().ok();
    let name = program
        .as_deref()
        .and_then(|path| path.file_stem()?.to_str());
    let package = driver_path.split("::").next();
    name.is_some_and(|name| package == Some(name.replace('-', "_").as_str()))
}

/// Returns code that makes a proxy, and prints a property if there is one that can be printed.
fn first_use(device: &DeviceDescription, proxy: &str) -> String {
    let DeviceDescription {
        name,
        prefix,
        interface,
    } = device;
    // A proxy has no constructor of its own that is called like a method of the driver.
    let is_method = |method: &Method| method.kind != MethodKind::Set && method.name == "named";
    let made = match prefix.as_str() {
        _ if !interface.methods.iter().any(is_method) => {
            format!("{proxy}::named(&client, \"{name}\")?")
        }
        "" => format!("{proxy}::new(&client)"),
        prefix => format!("{proxy}::with_prefix(&client, \"{prefix}\")"),
    };
    let is_shown = |method: &&Method| {
        method.kind == MethodKind::Get
            && matches!(
                method.result,
                Schema::Bool
                    | Schema::Unsigned(_)
                    | Schema::Signed(_)
                    | Schema::Float(_)
                    | Schema::String
            )
    };
    match interface.methods.iter().find(is_shown) {
        Some(Method { name, .. }) => format!(
            "    let device = {made};\n    println!(\"{name} = {{}}\", device.{name}()?);\n"
        ),
        None => format!("    let _device = {made};\n"),
    }
}

/// Returns the path of the proxy for a driver's type: `powermeter::PowerMeterProxy` for `powermeter::PowerMeter<Port>`.
fn proxy(driver_path: &str, interface: &str) -> String {
    let plain = driver_path.split('<').next().unwrap_or_default();
    let module = plain
        .rsplit_once("::")
        .map(|(module, _)| format!("{module}::"));
    format!("{}{interface}Proxy", module.unwrap_or_default())
}

/// Returns an address for other computers: the one that is listened on or, for all addresses, the outward one.
fn reachable(mut listening: SocketAddr) -> String {
    if listening.ip().is_unspecified() {
        listening.set_ip(outward().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }
    seen_from_elsewhere(listening)
}

/// Asks the system which of its addresses it would use for other networks. Nothing is sent.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 1)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The source of a client's secret: probably a copy of the server's file.
const SECRET: &str = "from_file(\"lab.secret\")";
/// Maximum number of devices, of calls and of properties that are listed.
const SHOWN: usize = 40;

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
        hint(address.parse().unwrap(), config, &description, &[])
    }

    #[test]
    fn an_open_server_or_a_short_secret_causes_a_warning() {
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

    /// The zone names an interface of this computer, and clients need one of theirs.
    #[test]
    fn a_link_local_address_is_shown_with_the_interface_of_the_other_computer() {
        let text = hint_at(
            "[fe80::1%4]:4440",
            &config(Some("long enough a secret"), ""),
        );
        assert!(text.contains("Serving on [fe80::1%4]:4440, "), "{text}");
        let there = "[fe80::1%<interface of the other computer>]:4440";
        assert!(text.contains(&format!("from other computers {there}")));
        assert!(text.contains(&format!("builder(\"{there}\")")), "{text}");
    }

    #[test]
    fn the_code_to_paste_names_the_service_and_where_the_secret_comes_from() {
        let call = |secret, service| {
            let text = hint_at("127.0.0.1:4440", &config(secret, service));
            let (_, code) = text.split_once("builder(\"127.0.0.1:4440\")").unwrap();
            let (settings, _) = code.split_once(".connect()?;").unwrap();
            settings.split_whitespace().collect::<String>()
        };
        let secret = ".secret(Secret::from_file(\"lab.secret\")?)";
        assert_eq!(call(None, ""), "");
        assert_eq!(call(Some("waktu"), ""), secret);
        assert_eq!(call(None, "pump"), ".service(\"pump\")");
        assert_eq!(
            call(Some("waktu"), "a\"b"),
            format!(".service(\"a\\\"b\"){secret}")
        );
    }

    #[test]
    fn the_lines_for_a_shell_can_be_pasted() {
        let mut registry = ipc_core::Registry::new();
        let function = ipc_core::IntoFunction::into_function(|| 1.0, "one");
        registry.add_function(function).unwrap();
        let config = config(Some("long enough a secret"), "it's");
        let address = "192.0.2.7:4440".parse().unwrap();
        let text = hint(address, &config, registry.description(), &[]);
        let begin = r"ipc -a 192.0.2.7:4440 --service 'it'\''s' --secret-file lab.secret";
        let lines =
            format!("From a shell:\n\n  {begin} list\n  {begin} call one\n\nA client in Rust:");
        assert!(text.contains(&lines), "{text}");
        let zone = hint_at("[fe80::1%4]:4440", &self::config(None, ""));
        assert!(
            zone.contains("ipc -a '[fe80::1%<interface of the other computer>]:4440' list"),
            "{zone}"
        );
    }

    #[test]
    fn a_server_that_others_cannot_reach_says_so() {
        let here = hint_at("127.0.0.1:4440", &config(Some("long enough a secret"), ""));
        assert!(
            here.contains("this computer only: `.bind(\"*\")`"),
            "{here}"
        );
        let everywhere = hint_at("192.0.2.7:4440", &config(Some("long enough a secret"), ""));
        assert!(!everywhere.contains("this computer only"), "{everywhere}");
    }

    /// Regression test: with 200 devices, the hint filled the pipe of a parent that did not read it.
    #[test]
    fn the_hint_is_bounded() {
        let mut registry = ipc_core::Registry::new();
        for n in 0..2000 {
            let name = format!("a_function_with_a_long_name_number_{n}");
            let function = ipc_core::IntoFunction::into_function(|| 1.0, &name);
            registry.add_function(function).unwrap();
        }
        let address = "127.0.0.1:4440".parse().unwrap();
        let text = hint(address, &config(None, ""), registry.description(), &[]);
        assert!(text.len() < 4096, "{} bytes", text.len());
        assert!(text.contains("and 1960 more"), "{text}");
    }

    #[test]
    fn proxies_are_where_their_drivers_are() {
        assert_eq!(proxy("a::b::Scope<x::Port>", "Scope"), "a::b::ScopeProxy");
        assert_eq!(proxy("Scope", "Scope"), "ScopeProxy");
    }
}
