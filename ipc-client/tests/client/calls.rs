//! Calls that succeed, and calls that fail at the instrument.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::thread;

use ipc_client::{Args, CallError, Client, Refusal, Value};

use crate::support::{FakeServer, connected};

#[test]
fn a_call_returns_what_the_driver_returns() {
    let (_server, client) = connected();
    assert_eq!(client.call::<u64>("echo", 7), Ok(7));
    assert_eq!(client.call::<f64>("divide", (1.0, 4.0)), Ok(0.25));
    let args = Args::new().arg(1.0).unwrap().named("arg1", 2.0).unwrap();
    assert_eq!(client.call_with_args::<f64>("divide", &args), Ok(0.5));
    let named = BTreeMap::from([("arg0", 3.0), ("arg1", 2.0)]);
    assert_eq!(client.call::<f64>("divide", named), Ok(1.5));
    let shapeless = client.call::<Value>("echo", [3]);
    assert_eq!(shapeless, Ok(Value::UInt(3)));
    assert_eq!(client.call::<()>("gate_is_open", ()), Ok(()));
}

#[test]
fn a_fault_of_the_driver_and_a_refusal_are_different_errors() {
    let (_server, client) = connected();
    let failed = client.call::<u32>("fail", "pump").unwrap_err();
    assert!(matches!(failed, CallError::Fault { .. }));
    assert!(failed.to_string().contains("pump is on fire"), "{failed}");
    let refused = client.call::<u32>("ecco", 1).unwrap_err();
    assert!(refused.is_not_executed());
    assert!(refused.to_string().contains("`echo`"), "{refused}");
    let unreadable = client.call::<String>("echo", 1).unwrap_err();
    assert!(matches!(unreadable, CallError::BadReply { .. }));
    assert_eq!(client.call::<u64>("echo", 7), Ok(7));
}

#[test]
fn help_is_at_hand() {
    let (_server, client) = connected();
    assert_eq!(client.describe().unwrap().functions.len(), 9);
    assert!(client.help().unwrap().contains("divide(arg0: f64"));
    assert!(client.help_for("echo").unwrap().contains("echo(arg0: u64)"));
    match client.help_for("ech").unwrap_err() {
        CallError::Refused(Refusal::UnknownMethod { similar, .. }) => {
            assert_eq!(similar, ["echo"]);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn many_threads_share_one_connection() {
    let (server, client) = connected();
    let threads: Vec<_> = (0..8)
        .map(|thread| {
            let client = client.clone();
            thread::spawn(move || {
                for i in 0..200 {
                    let n = thread * 1000 + i;
                    assert_eq!(client.call::<u64>("echo", n), Ok(n));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(server.ledger().len(), 1600);
    assert_eq!(server.hellos().len(), 1);
}

#[test]
fn large_values_cross_each_other() {
    let (_server, client) = connected();
    let threads: Vec<_> = (0..4)
        .map(|thread: u8| {
            let client = client.clone();
            thread::spawn(move || {
                for _ in 0..2 {
                    let large = thread.to_string().repeat(6 << 20);
                    assert!(client.call::<String>("mirror", &large) == Ok(large));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn progress_comes_in_order_before_the_result() {
    let (_server, client) = connected();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let handle = client.on_progress({
        let (seen, client) = (Arc::clone(&seen), client.clone());
        move |fraction, message| {
            // A callback can use the client.
            let echoed = client.call::<u64>("echo", 9);
            assert_eq!(echoed, Ok(9));
            seen.lock().unwrap().push((fraction, message.to_string()));
        }
    });
    assert_eq!(handle.call::<u32>("sweep", 4), Ok(4));
    let steps: Vec<_> = (1..=4)
        .map(|n: u8| (f64::from(n) / 4.0, format!("step {n}")))
        .collect();
    assert_eq!(*seen.lock().unwrap(), steps);
}

#[test]
fn a_server_is_reached_by_its_name() {
    let server = FakeServer::start();
    let port = server.address().port();
    let client = Client::builder("localhost").port(port).connect().unwrap();
    assert_eq!(client.call::<u64>("echo", 7), Ok(7));
    let hello = &server.hellos()[0];
    let pid = format!("(pid {})", std::process::id());
    assert!(hello.name.contains(&pid), "{}", hello.name);
}
