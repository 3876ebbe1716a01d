//! Where a server is, as users write it.

use std::fmt;
use std::net::Ipv6Addr;

use crate::error::ConnectError;

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Reads `host`, `host:port`, `::1`, `[::1]` or `[::1]:port`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, ConnectError> {
        let bad = |problem: String| ConnectError::BadAddress {
            given: text.to_string(),
            problem,
        };
        let trimmed = text.trim();
        let (host, port) = match trimmed.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest
                    .split_once(']')
                    .ok_or_else(|| bad("the `]` is missing".into()))?;
                host.parse::<Ipv6Addr>()
                    .map_err(|_| bad(format!("`{host}` is no IPv6 address")))?;
                match after.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if after.is_empty() => (host, None),
                    None => return Err(bad(format!("`{after}` after the `]` is no port"))),
                }
            }
            None if trimmed.parse::<Ipv6Addr>().is_ok() => (trimmed, None),
            None => match trimmed.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (trimmed, None),
            },
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c == '/') {
            return Err(bad(
                "it names no host; only host and port are expected, without a scheme".into(),
            ));
        }
        let port = match port {
            Some(port) => port
                .parse()
                .map_err(|_| bad(format!("`{port}` is no port, which is 1 to 65535")))?,
            None => default_port,
        };
        if port == 0 {
            return Err(bad("port 0 cannot be connected to".into()));
        }
        Ok(Self {
            host: host.to_string(),
            port,
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, host, port) in [
            ("lab-pc", "lab-pc", 4440),
            (" lab-pc:5000 ", "lab-pc", 5000),
            ("192.168.1.10", "192.168.1.10", 4440),
            ("192.168.1.10:1", "192.168.1.10", 1),
            ("::1", "::1", 4440),
            ("[::1]", "::1", 4440),
            ("[fe80::1]:65535", "fe80::1", 65535),
        ] {
            let address = Address::parse(text, 4440).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
        }
    }

    #[test]
    fn what_is_no_address_is_said_to_be_none() {
        for (text, word) in [
            ("", "no host"),
            (":4440", "no host"),
            ("http://lab-pc", "port"),
            ("lab-pc:", "port"),
            ("lab-pc:99999", "65535"),
            ("lab-pc:0", "port 0"),
            ("[::1", "`]`"),
            ("[lab-pc]:1", "IPv6"),
            ("[::1]4440", "port"),
            ("lab pc", "no host"),
        ] {
            let error = Address::parse(text, 4440).unwrap_err().to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_displays_as_it_is_written() {
        for text in ["lab-pc:4440", "[::1]:80"] {
            assert_eq!(Address::parse(text, 1).unwrap().to_string(), text);
        }
    }
}
