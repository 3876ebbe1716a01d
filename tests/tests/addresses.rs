//! Addresses over real sockets: IPv6 zones, and the same mistakes at both ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::error::Error;
use std::net::{Ipv6Addr, TcpListener};
use std::time::Duration;

use ipc_client::{Client, ConnectError, ConnectionState, Retry};
use ipc_server::{Server, ServerHandle, StartError};
use tests::{Bench, BenchProxy, SECRET};

/// Returns whether this computer has IPv6, and prints a note if not.
fn has_ipv6() -> bool {
    let has = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok();
    if !has {
        eprintln!("skipped: this computer has no IPv6");
    }
    has
}

/// The name and the number of the loopback interface, as this system names interfaces.
fn loopback() -> Vec<&'static str> {
    match () {
        () if cfg!(target_os = "linux") => vec!["lo", "1"],
        () if cfg!(target_vendor = "apple") => vec!["lo0", "1"],
        () => vec!["1"],
    }
}

fn serve(address: &str) -> ServerHandle {
    let server = Server::builder().bind(address).secret(SECRET);
    let server = server.device(Bench::new()).spawn();
    server.unwrap_or_else(|error| panic!("{address}: {error}"))
}

fn connect(address: &str) -> Client {
    let client = Client::builder(address).secret(SECRET);
    let client = client.retry(Retry::never()).connect();
    client.unwrap_or_else(|error| panic!("{address}: {error}"))
}

/// Regression test: the client refused every address with a zone, for three different wrong reasons.
#[test]
fn an_interface_is_named_at_both_ends() {
    if !has_ipv6() {
        return;
    }
    for here in loopback() {
        let server = serve(&format!("[::1%{here}]:0"));
        let port = server.local_addr().port();
        for there in loopback() {
            let client = connect(&format!(" [::1%{there}]:{port} "));
            assert!(BenchProxy::new(&client).step().is_ok());
            client.close();
            let client = Client::builder(format!("::1%{there}")).port(port);
            let client = client.secret(SECRET).connect().unwrap();
            assert!(BenchProxy::new(&client).step().is_ok());
        }
    }
}

/// Two computers on one cable have only link-local addresses. The test connects to its own computer.
#[test]
fn a_link_local_address_is_served_and_reached() {
    let Some((ip, interface, number)) = link_local() else {
        eprintln!("skipped: this computer has no link-local address, or does not list it");
        return;
    };
    let server = serve(&format!("[{ip}%{interface}]:0"));
    let address = server.local_addr();
    assert_eq!(
        address.to_string(),
        format!("[{ip}%{number}]:{}", address.port())
    );
    for zone in [interface, number.to_string()] {
        let client = connect(&format!("[{ip}%{zone}]:{}", address.port()));
        BenchProxy::new(&client).step().unwrap();
        match client.state() {
            ConnectionState::Connected { server, .. } => assert_eq!(server, address),
            other => panic!("{other}"),
        }
    }
    // What the hint once showed: it is said what is missing.
    let text = format!("[{ip}]:{}", address.port());
    let client = Client::builder(text).secret(SECRET).retry(Retry::never());
    let error = client.connect().unwrap_err().to_string();
    assert!(error.contains("needs the network interface"), "{error}");
}

/// The first link-local address of this computer, with the name and the number of its interface.
fn link_local() -> Option<(Ipv6Addr, String, u32)> {
    let list = std::fs::read_to_string("/proc/net/if_inet6").ok()?;
    list.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        let ip = Ipv6Addr::from(u128::from_str_radix(words.next()?, 16).ok()?);
        let number = u32::from_str_radix(words.next()?, 16).ok()?;
        let name = words.last()?.to_string();
        ip.is_unicast_link_local().then_some((ip, name, number))
    })
}

#[test]
fn an_unknown_interface_is_named() {
    let address = "fe80::1%no-such-if";
    let client = Client::builder(address).connect_timeout(Duration::from_secs(20));
    let error = client.connect().unwrap_err();
    assert!(
        matches!(error, ConnectError::Unresolvable { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("interface `no-such-if`"),
        "{error}"
    );
    assert!(error.source().is_some());
    let error = Server::builder()
        .bind(address)
        .spawn()
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, StartError::Address { .. }), "{error}");
    assert!(
        error.to_string().contains("interface `no-such-if`"),
        "{error}"
    );
}

/// Regression test: the server looked malformed addresses up as host names.
#[test]
fn a_mistake_is_named_the_same_at_both_ends() {
    for (address, words) in [
        ("127.0.0.1:99999", "invalid port `99999`"),
        ("127.0.0.1:+0", "invalid port `+0`"),
        ("localhost:", "invalid port ``"),
        ("localhost:http", "invalid port `http`"),
        ("http://127.0.0.1", "without a scheme"),
        ("127.0.0.1,::1", "several `:`"),
        ("[127.0.0.1]:0", "not an IPv6 address"),
        ("", "no host"),
    ] {
        let server = Server::builder()
            .bind(address)
            .spawn()
            .map(drop)
            .unwrap_err();
        assert!(matches!(server, StartError::BadAddress(_)), "{server}");
        let client = Client::connect(address).unwrap_err();
        assert!(matches!(client, ConnectError::BadAddress(_)), "{client}");
        assert_eq!(server.to_string(), client.to_string());
        assert!(server.to_string().contains(words), "{server}");
    }
    let server = Server::builder().bind(" 127.0.0.1:0 ").spawn().unwrap();
    assert!(server.local_addr().ip().is_loopback());
    // The last port that was set counts, however it was set.
    let server = Server::builder().bind("127.0.0.1:1").port(0).spawn();
    assert_ne!(server.unwrap().local_addr().port(), 1);
}
