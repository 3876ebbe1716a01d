//! Addresses of servers as users write them.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};

/// The default port of servers and clients.
pub const DEFAULT_PORT: u16 = 4440;

/// A host, by name or IP address, and a port.
///
/// Written as `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`. An IPv6 address can have a zone, the name or number of
/// a network interface of this computer: `fe80::1%eth0`, `[fe80::1%2]:4440`. Link-local addresses need one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: String,
    zone: Option<String>,
    port: u16,
}

/// The error for text that is not an address.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not an address: {problem}; write `host`, `host:port`, `[::1]:port` or `[fe80::1%eth0]:port`"
)]
#[non_exhaustive]
pub struct AddressError {
    /// The address as given.
    pub given: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The text, for programs that return the error from `main`.
impl fmt::Debug for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Address {
    /// Parses the address of a server to connect to. `default_port` applies if the text names no port.
    pub fn to_connect_to(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let address = Self::read(text, default_port)?;
        let problem = match (address.host.as_str(), address.port) {
            ("*", _) => "`*` is for servers; a client connects to one address",
            (_, 0) => "port 0 cannot be connected to",
            _ => return Ok(address),
        };
        Err(mistake(text, problem))
    }

    /// Parses an address for a server to listen on. The host `*` means all addresses of this computer, port 0 any free
    /// port.
    pub fn to_listen_on(text: &str, default_port: u16) -> Result<Self, AddressError> {
        Self::read(text, default_port)
    }

    fn read(text: &str, default_port: u16) -> Result<Self, AddressError> {
        let trimmed = text.trim();
        if trimmed.len() > LONGEST || trimmed.contains(char::is_control) {
            let problem = "it is too long, or contains control characters";
            let shown: String = text.chars().take(LONGEST).collect();
            return Err(mistake(&shown.escape_debug().to_string(), problem));
        }
        let parts = Parts::of(trimmed).map_err(|problem| mistake(text, problem))?;
        let port = match parts.port {
            Some(port) => number(port).map_err(|problem| mistake(text, problem))?,
            None => default_port,
        };
        Ok(Self {
            host: parts.host.into(),
            zone: parts.zone.map(Into::into),
            port,
        })
    }

    /// Returns the name or IP address, with its zone.
    pub fn host(&self) -> String {
        match &self.zone {
            Some(zone) => format!("{}%{zone}", self.host),
            None => self.host.clone(),
        }
    }

    /// Returns the host that the system has to resolve. Some systems resolve interface names only in link-local
    /// addresses, so for an address with a zone this is a link-local one; [`resolved`](Self::resolved) replaces it.
    pub fn question(&self) -> String {
        match &self.zone {
            Some(zone) => format!("fe80::1%{zone}"),
            None => self.host.clone(),
        }
    }

    /// Returns the address for a result of resolving the [`question`](Self::question).
    pub fn resolved(&self, answer: SocketAddr) -> SocketAddr {
        let ip = self.host.parse().ok().filter(|_| self.zone.is_some());
        match (ip, answer) {
            (Some(ip), SocketAddr::V6(answer)) => {
                SocketAddrV6::new(ip, answer.port(), 0, answer.scope_id()).into()
            }
            (_, answer) => answer,
        }
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the numeric address, if nothing has to be resolved.
    pub fn as_socket_addr(&self) -> Option<SocketAddr> {
        let ip = self.host.parse().ok().filter(|_| self.zone.is_none())?;
        Some(SocketAddr::new(ip, self.port))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = (self.host(), self.port);
        match host.contains(':') {
            true => write!(f, "[{host}]:{port}"),
            false => write!(f, "{host}:{port}"),
        }
    }
}

/// Formats an address of this computer as it is written on another one: the zone of a link-local address names an
/// interface of the computer that uses it.
pub fn seen_from_elsewhere(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => {
            format!(
                "[{}%<interface of the other computer>]:{}",
                v6.ip(),
                v6.port()
            )
        }
        address => address.to_string(),
    }
}

/// The parts of an address, before they are checked.
struct Parts<'a> {
    host: &'a str,
    zone: Option<&'a str>,
    port: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Result<Self, String> {
        if text.contains("://") {
            return Err("only host and port are expected, without a scheme".into());
        }
        if let Some(rest) = text.strip_prefix('[') {
            return Self::bracketed(rest);
        }
        if let Some((host, zone)) = text.split_once('%') {
            if !is_ipv6(host) {
                return Err(format!(
                    "`{host}` is not an IPv6 address, and only those have a `%`"
                ));
            }
            if zone.contains(':') {
                return Err("an IPv6 address with a port needs brackets".into());
            }
            return Self::with_zone(text, None);
        }
        if is_ipv6(text) {
            return Self::with_zone(text, None);
        }
        let (host, port) = match text.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err("it has several `:` and is not an IPv6 address".into());
            }
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        };
        if host.is_empty() {
            return Err("it has no host".into());
        }
        if let Some(c) = host
            .chars()
            .find(|c| c.is_whitespace() || "/[]".contains(*c))
        {
            return Err(format!("the host contains `{c}`"));
        }
        let zone = None;
        Ok(Self { host, zone, port })
    }

    /// Parses what follows a `[`.
    fn bracketed(rest: &'a str) -> Result<Self, String> {
        let (host, after) = rest.split_once(']').ok_or("the `]` is missing")?;
        match after.strip_prefix(':') {
            Some(port) => Self::with_zone(host, Some(port)),
            None if after.is_empty() => Self::with_zone(host, None),
            None => Err(format!("`{after}` after the `]` is not a port")),
        }
    }

    /// Parses an IPv6 address, with or without a zone.
    fn with_zone(text: &'a str, port: Option<&'a str>) -> Result<Self, String> {
        let (host, zone) = match text.split_once('%') {
            Some((host, zone)) => (host, Some(zone)),
            None => (text, None),
        };
        if !is_ipv6(host) {
            return Err(format!("`{host}` is not an IPv6 address"));
        }
        match zone {
            Some("") => Err("the network interface after the `%` is missing".into()),
            Some(zone) if zone.contains(|c: char| c.is_whitespace() || "/%[".contains(c)) => {
                Err(format!("`{zone}` is not a network interface"))
            }
            zone => Ok(Self { host, zone, port }),
        }
    }
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

fn number(text: &str) -> Result<u16, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        // `to_connect_to` refuses port 0.
        Ok(port) if is_number => Ok(port),
        _ => Err(format!(
            "invalid port `{text}`: expected a number from 1 to 65535"
        )),
    }
}

fn mistake(given: &str, problem: impl Into<String>) -> AddressError {
    AddressError {
        given: given.into(),
        problem: problem.into(),
    }
}

/// Maximum length of an address in bytes: a host name has up to 253, plus brackets, a zone and a port.
const LONGEST: usize = 300;

/// Describes why the system could not resolve `host`.
pub fn unresolved(host: &str) -> String {
    match host.split_once('%') {
        Some((_, zone)) => format!(
            "`{host}` names the network interface `{zone}`, which this computer does not have"
        ),
        None => {
            format!("cannot resolve the name `{host}`; check its spelling, or try its IP address")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Read = fn(&str, u16) -> Result<Address, AddressError>;
    const BOTH: [Read; 2] = [Address::to_connect_to, Address::to_listen_on];

    #[test]
    fn both_ends_read_the_same_addresses() {
        for (text, host, port) in [
            ("lab-pc", "lab-pc", 4440),
            (" lab-pc:5000 ", "lab-pc", 5000),
            ("192.168.1.10", "192.168.1.10", 4440),
            ("192.168.1.10:1", "192.168.1.10", 1),
            ("127.0.0.1:045010", "127.0.0.1", 45010),
            ("127.1", "127.1", 4440),
            ("::1", "::1", 4440),
            ("[::1]", "::1", 4440),
            ("[fe80::1]:65535", "fe80::1", 65535),
            ("fe80::1%eth0", "fe80::1%eth0", 4440),
            ("fe80::1%2", "fe80::1%2", 4440),
            ("[fe80::1%eth0]", "fe80::1%eth0", 4440),
            ("\t[fe80::1%eth0.7]:4441\n", "fe80::1%eth0.7", 4441),
        ] {
            for read in BOTH {
                let address = read(text, 4440).unwrap();
                assert_eq!((address.host().as_str(), address.port()), (host, port));
            }
        }
    }

    #[test]
    fn both_ends_name_the_same_mistakes() {
        for (text, word) in [
            ("", "no host"),
            ("  ", "no host"),
            (":4440", "no host"),
            ("http://lab-pc", "without a scheme"),
            ("tcp://127.0.0.1:45010", "without a scheme"),
            ("lab-pc:", "invalid port ``"),
            ("lab-pc:http", "invalid port `http`"),
            ("lab-pc:99999", "to 65535"),
            ("127.0.0.1:+45010", "invalid port `+45010`"),
            ("127.0.0.1:-1", "invalid port"),
            ("127.0.0.1:45010/", "invalid port `45010/`"),
            ("[::1", "the `]` is missing"),
            ("[lab-pc]:1", "`lab-pc` is not an IPv6 address"),
            ("[127.0.0.1]:0", "not an IPv6 address"),
            ("[::1]4440", "`4440` after the `]`"),
            ("lab pc", "` `"),
            ("127.0.0.1 :45010", "` `"),
            ("127.0.0.1,::1", "several `:`"),
            ("1:2:3", "several `:`"),
            ("fe80::1%", "interface after the `%` is missing"),
            ("[fe80::1%]:1", "interface after the `%` is missing"),
            ("fe80::1%eth0:4440", "brackets"),
            ("[fe80::1%a b]", "`a b` is not a network interface"),
            ("127.0.0.1%eth0", "only those have a `%`"),
            ("lab-pc%eth0:1", "only those have a `%`"),
        ] {
            let [client, server] = BOTH.map(|read| read(text, 4440).unwrap_err());
            assert_eq!(client.given, text);
            for error in [client, server] {
                let error = error.to_string();
                assert!(error.contains(word), "{text}: {error}");
            }
        }
    }

    #[test]
    fn all_addresses_and_any_port_are_for_servers_only() {
        for (text, host, port) in [("*", "*", 4440), ("*:0", "*", 0), ("[::]:0", "::", 0)] {
            let address = Address::to_listen_on(text, 4440).unwrap();
            assert_eq!((address.host().as_str(), address.port()), (host, port));
        }
        for (text, word) in [
            ("*", "for servers"),
            ("*:1", "for servers"),
            ("a:0", "port 0"),
        ] {
            let error = Address::to_connect_to(text, 4440).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
        assert!(Address::to_connect_to("lab-pc", 0).is_err());
    }

    #[test]
    fn an_address_displays_as_it_is_written() {
        for text in ["lab-pc:4440", "[::1]:80", "[fe80::1%eth0]:4440"] {
            let address = Address::to_connect_to(text, 1).unwrap();
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn only_what_needs_no_system_is_a_number_at_once() {
        let number = |text| Address::to_connect_to(text, 7).unwrap().as_socket_addr();
        assert_eq!(number("127.0.0.1"), "127.0.0.1:7".parse().ok());
        assert_eq!(number("[::1]:8"), "[::1]:8".parse().ok());
        assert_eq!(number("fe80::1%2"), None);
        assert_eq!(number("localhost"), None);
    }

    #[test]
    fn the_number_of_an_interface_goes_to_the_address_that_named_it() {
        let address = Address::to_connect_to("[::1%lo]:7", 1).unwrap();
        assert_eq!(address.question(), "fe80::1%lo");
        let resolved = address.resolved("[fe80::1%3]:7".parse().unwrap());
        assert_eq!(
            resolved,
            SocketAddrV6::new(Ipv6Addr::LOCALHOST, 7, 0, 3).into()
        );
        let address = Address::to_connect_to("lab-pc", 1).unwrap();
        assert_eq!(address.question(), "lab-pc");
        let found = "192.168.1.10:1".parse().unwrap();
        assert_eq!(address.resolved(found), found);
    }

    #[test]
    fn other_computers_reach_a_link_local_address_by_an_interface_of_theirs() {
        for (here, there) in [
            (
                "[fe80::1%4]:4440",
                "[fe80::1%<interface of the other computer>]:4440",
            ),
            ("[fd00::2]:4440", "[fd00::2]:4440"),
            ("192.168.1.10:4440", "192.168.1.10:4440"),
        ] {
            assert_eq!(seen_from_elsewhere(here.parse().unwrap()), there);
        }
    }
}
