//! A driver may give its methods any names, those of the proxies' and clients' own functions included.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::len_without_is_empty,
    clippy::new_ret_no_self,
    clippy::should_implement_trait,
    clippy::wrong_self_convention,
    reason = "tests"
)]

use ipc_client::Client;
use ipc_core::{Device, Proxy, remote};
use tests::{Way, both_ways};

both_ways!(
    methods_may_be_called_as_ours_are,
    and_by_name,
    and_with_a_prefix,
);

#[derive(Default)]
pub struct Awkward(Vec<String>);

#[remote]
impl Awkward {
    pub fn read(&mut self, n: u8) -> u8 {
        n + 1
    }

    pub fn write(&mut self, text: String) -> usize {
        self.0.push(text);
        self.0.len()
    }

    pub fn close(&mut self) -> u8 {
        1
    }

    pub fn connect(&mut self, to: String) -> String {
        to
    }

    pub fn call(&mut self, name: String) -> String {
        name
    }

    pub fn help(&mut self) -> String {
        "the driver's".into()
    }

    pub fn get(&self, key: String) -> String {
        key
    }

    pub fn new(&self) -> u8 {
        2
    }

    pub fn with_prefix(&self, prefix: String) -> String {
        prefix
    }

    pub fn named(&self, name: String) -> String {
        name
    }

    pub fn named_async(&self) -> u8 {
        6
    }

    pub fn from_description(&self) -> u8 {
        7
    }

    pub fn describe(&self) -> u8 {
        3
    }

    pub fn timeout(&self, s: f64) -> f64 {
        s
    }

    pub fn drop(&self) -> u8 {
        4
    }

    #[allow(
        clippy::should_implement_trait,
        reason = "drivers may call their methods what they like"
    )]
    pub fn clone(&self) -> u8 {
        5
    }

    pub fn caller(&self, stub: u8) -> u8 {
        stub
    }
}

fn all_work(awkward: &AwkwardProxy<Client>) {
    assert_eq!(awkward.read(1).unwrap(), 2);
    assert_eq!(awkward.write("a".into()).unwrap(), 1);
    assert_eq!(awkward.close().unwrap(), 1);
    assert_eq!(awkward.connect("b".into()).unwrap(), "b");
    assert_eq!(awkward.call("c".into()).unwrap(), "c");
    assert_eq!(awkward.help().unwrap(), "the driver's");
    assert_eq!(awkward.get("d".into()).unwrap(), "d");
    assert_eq!(awkward.new().unwrap(), 2);
    assert_eq!(awkward.with_prefix("e".into()).unwrap(), "e");
    assert_eq!(awkward.named("f".into()).unwrap(), "f");
    assert_eq!(awkward.named_async().unwrap(), 6);
    assert_eq!(awkward.from_description().unwrap(), 7);
    assert_eq!(awkward.describe().unwrap(), 3);
    assert_eq!(awkward.timeout(0.5).unwrap(), 0.5);
    assert_eq!(awkward.drop().unwrap(), 4);
    assert_eq!(AwkwardProxy::<Client>::clone(awkward).unwrap(), 5);
    assert_eq!(awkward.caller(6).unwrap(), 6);
    // `close` was the driver's own: the session is still there.
    assert_eq!(awkward.write("a".into()).unwrap(), 2);
}

fn methods_may_be_called_as_ours_are(way: Way) {
    let server = way.server().device(Awkward::default()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    all_work(&<AwkwardProxy<Client> as Proxy<_>>::new(&client));
}

fn and_with_a_prefix(way: Way) {
    let device = Device::new(Awkward::default()).prefix("odd_");
    let server = way.server().device(device).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    let named = <AwkwardProxy<Client> as Proxy<_>>::named(&client, "odd");
    assert_eq!(named.unwrap().call("g".into()).unwrap(), "g");
    all_work(&<AwkwardProxy<Client> as Proxy<_>>::with_prefix(
        &client, "odd_",
    ));
}

fn and_by_name(way: Way) {
    let server = way.server().device(Awkward::default()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(client.call::<u8>("close", ()).unwrap(), 1);
    let help: String = client.call("help", ()).unwrap();
    assert_eq!(help, "the driver's");
    assert!(client.help().unwrap().contains("with_prefix"));
    let help = client.help_for("call").unwrap();
    assert!(help.contains("call(name: String) -> String"), "{help}");
    assert_eq!(client.call::<u8>("read", 4).unwrap(), 5);
}
