//! Why there is no connection, or no longer one.

use super::*;

#[test]
fn connections_that_fail() {
    let address = || "lab-pc:4440".to_string();
    let lost = || LinkError::Lost("cut with scissors".into());
    let bye = |message: &str| Bye::new(ByeReason::Full, message);
    for (error, words) in [
        (
            Address::to_connect_to("lab-pc:x", 1).unwrap_err().into(),
            &["invalid port `x`"][..],
        ),
        (
            ConnectError::Unresolvable {
                host: "lab-cp".into(),
                cause: system(io::ErrorKind::Other, "name or service not known"),
            },
            &["`lab-cp`", "name or service not known"],
        ),
        (
            ConnectError::Unreachable {
                address: address(),
                problem: "nothing listens there".into(),
                hint: "is the server running?",
                kind: io::ErrorKind::ConnectionRefused,
                source: Some(system(io::ErrorKind::ConnectionRefused, "os error 111")),
            },
            &[
                "nothing listens there",
                "is the server running?",
                "os error 111",
            ],
        ),
        (
            ConnectError::Setting {
                setting: "the keep-alive",
                cause: system(io::ErrorKind::InvalidInput, "os error 22"),
            },
            &["the keep-alive", "os error 22"],
        ),
        (
            ConnectError::NotThisProtocol {
                address: address(),
                cause: PreambleError::NotThisProtocol(*b"SSH-"),
            },
            &["SSH-"],
        ),
        (
            ConnectError::Version {
                address: address(),
                cause: PreambleError::Version(9),
            },
            &["version 9"],
        ),
        (
            ConnectError::SecretRequired { address: address() },
            &["requires a secret"],
        ),
        (
            ConnectError::ServerHasNoSecret { address: address() },
            &["has no secret"],
        ),
        (
            ConnectError::WrongSecret {
                address: address(),
                certain: false,
                tries: 2,
            },
            &["2 times in a row"],
        ),
        (ConnectError::BadSecret(SecretError::Empty), &["empty"]),
        (
            ConnectError::WrongService {
                address: address(),
                asked: "pump".into(),
                message: "so there".into(),
            },
            &["so there"],
        ),
        (
            ConnectError::Busy {
                waited: Duration::from_secs(7),
                queue: queue(),
            },
            &["scan by alice", "7s"],
        ),
        (
            ConnectError::Refused {
                address: address(),
                bye: bye("so there"),
            },
            &["so there"],
        ),
        (
            ConnectError::TimedOut {
                address: address(),
                waited: Duration::from_secs(7),
            },
            &["7s"],
        ),
        (
            ConnectError::Lost {
                address: address(),
                cause: lost(),
            },
            &["cut with scissors", "lab-pc"],
        ),
        (
            ConnectError::Unusable {
                address: address(),
                cause: LinkError::FalseRetry(7),
            },
            &["call number 7"],
        ),
        (
            ConnectError::InsideRuntime {
                cause: Box::new(ConnectError::Lost {
                    address: address(),
                    cause: LinkError::Silent,
                }),
            },
            &["silent", "`AsyncClient`"],
        ),
        (ConnectError::NoRuntime, &["needs a tokio runtime"]),
    ] {
        check(error, words);
    }
    for (error, word) in [
        (lost(), "cut with scissors"),
        (LinkError::Unconfirmed("cut".into()), "cut"),
        (LinkError::Preamble(PreambleError::Version(9)), "version 9"),
        (LinkError::Channel(ChannelError::Truncated), "authenticated"),
        (
            LinkError::Channel(PreambleError::Version(9).into()),
            "version 9",
        ),
        (LinkError::Frame(FrameError::TooShort(1)), "1 bytes"),
        (LinkError::Bye(bye("so there")), "so there"),
        (
            LinkError::Message {
                ctrl: CtrlMsg::Welcome,
                error: codec(),
            },
            "a map without keys",
        ),
    ] {
        check(error, &[word]);
    }
}
