//! Errors and panics of a driver reach the caller as data, and session and server continue.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests"
)]

use std::fmt;

use ipc_client::{CallError, Client, FaultKind};
use ipc_core::remote;
use ipc_server::ServerHandle;
use serde::{Deserialize, Serialize, Serializer};
use tests::{Bench, BenchError, BenchProxy, Way, both_ways};

both_ways!(
    an_error_comes_with_its_value_and_its_sources,
    an_error_in_a_box_comes_as_what_it_is,
    a_panic_is_an_answer,
    many_panics_wear_nothing_out,
    an_error_that_cannot_be_serialised_comes_as_text,
    a_result_that_cannot_be_serialised_is_an_error,
    a_result_that_is_too_large_is_an_error,
);

/// A driver with unusual errors.
pub struct Odd;

/// An error with content that cannot be sent.
#[derive(Debug)]
pub struct Homebound(std::io::Error);

impl fmt::Display for Homebound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stays at home")
    }
}

impl std::error::Error for Homebound {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// An error whose serialisation fails.
#[derive(Debug, Deserialize)]
pub struct Unwritable;

impl Serialize for Unwritable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no words for it"))
    }
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot be written down")
    }
}

impl std::error::Error for Unwritable {}

/// An error large enough to be boxed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Burst([u64; 4]);

impl fmt::Display for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("burst")
    }
}

impl std::error::Error for Burst {}

#[remote]
impl Odd {
    pub fn homebound(&mut self) -> Result<u8, Homebound> {
        Err(Homebound(std::io::Error::other("the door is locked")))
    }

    pub fn unwritable(&mut self) -> Result<u8, Unwritable> {
        Err(Unwritable)
    }

    pub fn unwritable_result(&mut self) -> Unwritable {
        Unwritable
    }

    pub fn long_error(&mut self) -> Result<u8, String> {
        Err("long ".repeat(10_000_000))
    }

    pub fn boxed(&mut self) -> Result<u8, Box<Burst>> {
        Err(Box::new(Burst([7; 4])))
    }

    pub fn panic_value(&mut self) {
        std::panic::panic_any(7_u8);
    }

    pub fn still_there(&mut self) -> bool {
        true
    }
}

struct Lab {
    _server: ServerHandle,
    client: Client,
}

impl Lab {
    fn new(way: Way) -> Self {
        let server = way.server().device(Bench::new()).device(Odd);
        let server = server.spawn().unwrap();
        let client = way.client(&server).max_reply(1 << 20).connect().unwrap();
        Self {
            _server: server,
            client,
        }
    }

    /// Checks for a fault of this kind with all of `words`, and that the session continues.
    fn fails<T: fmt::Debug>(
        &self,
        result: Result<T, CallError>,
        kind: FaultKind,
        words: &[&str],
    ) -> CallError {
        let error = result.unwrap_err();
        let Some(fault) = error.fault() else {
            panic!("{error:?}");
        };
        assert_eq!(fault.kind, kind, "{error}");
        for word in words {
            assert!(error.to_string().contains(word), "`{word}` in: {error}");
        }
        assert!(OddProxy::new(&self.client).still_there().unwrap());
        assert_eq!(self.client.handovers(), 0);
        error
    }
}

fn an_error_comes_with_its_value_and_its_sources(way: Way) {
    let lab = Lab::new(way);
    let words = ["`fail`", "13 is unlucky", "because of thirteen"];
    let error = lab.fails(
        BenchProxy::new(&lab.client).fail(13),
        FaultKind::Error,
        &words,
    );
    let value: BenchError = error.downcast().unwrap();
    let BenchError::Unlucky { number, cause } = value else {
        panic!("another error");
    };
    assert_eq!((number, cause.0.as_str()), (13, "thirteen"));
    assert_eq!(error.downcast::<String>(), None);
    let fault = error.fault().unwrap();
    assert_eq!(fault.type_name, "BenchError");
    assert_eq!(fault.sources, ["because of thirteen"]);
    // The same by name.
    let by_name = lab.client.call::<u32>("fail", 13);
    let error = lab.fails(by_name, FaultKind::Error, &words);
    assert!(error.downcast::<BenchError>().is_some());
}

fn an_error_in_a_box_comes_as_what_it_is(way: Way) {
    let server = way.server().device(Odd).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let error = OddProxy::new(&client).boxed().unwrap_err();
    assert_eq!(error.downcast(), Some(Burst([7; 4])));
    assert_eq!(error.downcast(), Some(Box::new(Burst([7; 4]))));
    assert_eq!(error.downcast::<String>(), None);
}

fn a_panic_is_an_answer(way: Way) {
    let lab = Lab::new(way);
    let bench = BenchProxy::new(&lab.client);
    let words = ["`panic`", "panicked", "the mirror fell off"];
    lab.fails(bench.panic(), FaultKind::Panic, &words);
    let odd = OddProxy::new(&lab.client);
    lab.fails(odd.panic_value(), FaultKind::Panic, &["panicked"]);
    assert_eq!(bench.step().unwrap(), 1, "the device goes on");
}

fn many_panics_wear_nothing_out(way: Way) {
    let lab = Lab::new(way);
    let bench = BenchProxy::new(&lab.client);
    for n in 1..=300 {
        assert!(bench.panic().is_err());
        assert_eq!(bench.step().unwrap(), n);
    }
}

fn an_error_that_cannot_be_serialised_comes_as_text(way: Way) {
    let lab = Lab::new(way);
    let odd = OddProxy::new(&lab.client);
    let words = ["stays at home", "the door is locked"];
    let error = lab.fails(odd.homebound(), FaultKind::Error, &words);
    assert_eq!(error.fault().unwrap().type_name, "Homebound");
    let words = ["cannot be written down"];
    let error = lab.fails(odd.unwritable(), FaultKind::Error, &words);
    assert!(error.downcast::<Unwritable>().is_none());
    let error = lab.fails(odd.long_error(), FaultKind::Error, &["long"]);
    assert!(error.to_string().len() < 1 << 20);
}

fn a_result_that_cannot_be_serialised_is_an_error(way: Way) {
    let lab = Lab::new(way);
    let odd = OddProxy::new(&lab.client);
    let words = ["`unwritable_result`", "returned", "no words for it"];
    lab.fails(
        odd.unwritable_result().map(drop),
        FaultKind::Unsendable,
        &words,
    );
}

fn a_result_that_is_too_large_is_an_error(way: Way) {
    let lab = Lab::new(way);
    let bench = BenchProxy::new(&lab.client);
    // 1 MiB is what this client accepts.
    let words = ["`zeros`", "returned", "1048576"];
    lab.fails(bench.zeros(1 << 20), FaultKind::Unsendable, &words);
    let by_name = lab.client.call::<Vec<f64>>("zeros", 1 << 20);
    lab.fails(by_name, FaultKind::Unsendable, &words);
    assert_eq!(bench.zeros(1000).unwrap().len(), 1000);
}
