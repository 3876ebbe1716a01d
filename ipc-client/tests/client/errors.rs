//! What errors look like in a terminal.

use std::error::Error;
use std::io;

use ipc_client::{AsyncClient, CallError, Client, ConnectError, Retry};
use ipc_core::wire::ctrl::ByeReason;
use serde::Deserialize;

use crate::support::{Admission, FakeServer, connected};

/// Clears the screen, sets the title of the window, overwrites the line, and reverses the text.
const ATTACK: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\rsafe\u{9b}\u{202e}";

#[derive(Debug, Deserialize)]
enum Color {
    Red,
}

/// Checks the text of an error and those of its sources. The attack must have left its harmless part.
fn is_harmless(error: &dyn Error) {
    let mut whole = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        whole.push_str(&error.to_string());
        next = error.source();
    }
    assert!(whole.contains("safe"), "{whole:?}");
    let acts = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!whole.contains(acts), "{whole:?}");
}

#[test]
fn errors_of_a_hostile_server_have_no_escape_sequences() {
    let (server, client) = connected();
    let fault = client.call::<u32>("fail", ATTACK).unwrap_err();
    assert!(matches!(fault, CallError::Fault { .. }));
    is_harmless(&fault);
    is_harmless(&fault.fault().unwrap().to_error());
    let refusal = client.call::<u32>(ATTACK, ()).unwrap_err();
    assert!(matches!(refusal, CallError::Refused(_)));
    is_harmless(&refusal);
    let unreadable = client.call::<Color>("mirror", ATTACK).unwrap_err();
    assert!(matches!(unreadable, CallError::BadReply { .. }));
    is_harmless(&unreadable);
    is_harmless(&client.help_for(ATTACK).unwrap_err());
    for reason in [ByeReason::Full, ByeReason::WrongService] {
        server.set_admission(Admission::Refuse(reason, ATTACK.into()));
        let address = server.address().to_string();
        let refused = Client::builder(address).retry(Retry::never()).connect();
        is_harmless(&refused.unwrap_err());
    }
}

#[tokio::test]
async fn neither_have_those_of_an_async_client() {
    let server = FakeServer::start();
    let client = AsyncClient::connect(server.address().to_string()).await;
    let client = client.unwrap();
    is_harmless(&client.call::<u32>("fail", ATTACK).await.unwrap_err());
    is_harmless(&client.call::<u32>(ATTACK, ()).await.unwrap_err());
    is_harmless(&client.call::<Color>("mirror", ATTACK).await.unwrap_err());
}

#[test]
fn a_message_of_several_lines_keeps_them() {
    let (_server, client) = connected();
    let fault = client.call::<u32>("fail", "x:\n\tpump").unwrap_err();
    assert!(
        fault.to_string().contains("x:\n\tpump is on fire"),
        "{fault}"
    );
    assert!(client.help().unwrap().lines().count() > 5);
}

/// `main` writes the error that it returns with `Debug`.
#[test]
fn an_error_returned_from_main_is_readable_and_has_its_kind() {
    let address = FakeServer::start().address().to_string();
    let builder = Client::builder(address).retry(Retry::never());
    let error = builder.connect().unwrap_err();
    assert_eq!(error.io_kind(), Some(io::ErrorKind::ConnectionRefused));
    let source = error.source().unwrap().to_string();
    assert_eq!(format!("{error:?}"), format!("{error}: {source}"));
    assert!(format!("{error:?}").starts_with("no connection to 127.0.0.1:"));
    let error = ConnectError::NoRuntime;
    assert_eq!(format!("{error:?}"), error.to_string());
    assert_eq!(error.io_kind(), None);
}
