//! A driver may call its methods what it likes: nothing of ours is in the way.

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
    a_wrong_prefix_is_told_with_those_there_are
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
    all_work(&<AwkwardProxy<Client> as Proxy<_>>::with_prefix(
        &client, "odd_",
    ));
}

#[derive(Default)]
pub struct Stage {
    position: f64,
}

#[remote]
impl Stage {
    #[remote(get, unit = "mm")]
    pub fn position(&self) -> f64 {
        self.position
    }

    #[remote(set)]
    pub fn set_position(&mut self, #[remote(unit = "mm")] position: f64) {
        self.position = position;
    }

    pub fn home(&mut self) {
        self.position = 0.0;
    }
}

fn a_wrong_prefix_is_told_with_those_there_are(way: Way) {
    let stage = |prefix| Device::new(Stage::default()).prefix(prefix);
    let server = way.server().device(stage("left_")).device(stage("right_"));
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    for (wrong, made) in [
        ("left", "with the prefix `left`"),
        ("main_", "with the prefix `main_`"),
        ("rihgt_", "with the prefix `rihgt_`"),
        ("", "without a prefix"),
    ] {
        let stage = StageProxy::with_prefix(&client, wrong);
        for error in [
            stage.home().unwrap_err(),
            stage.position().unwrap_err(),
            stage.set_position(1.0).unwrap_err(),
        ] {
            let end = format!("? (this proxy was made {made}; try `left_`, `right_`)");
            assert!(error.to_string().ends_with(&end), "{error}");
            assert!(error.is_not_executed());
        }
    }
    // By name, the names themselves.
    let error = client.call_by_name::<f64>("get_main_position", ());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("did you mean `get_left_position`, `get_right_position`"),
        "{error}"
    );
    StageProxy::with_prefix(&client, "left_").home().unwrap();
}

fn and_by_name(way: Way) {
    let server = way.server().device(Awkward::default()).spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    assert_eq!(client.call_by_name::<u8>("close", ()).unwrap(), 1);
    let help: String = client.call_by_name("help", ()).unwrap();
    assert_eq!(help, "the driver's");
    assert!(client.help().unwrap().contains("with_prefix"));
    let help = client.help_for("call").unwrap();
    assert!(help.contains("call(name: String) -> String"), "{help}");
    assert_eq!(client.call_by_name::<u8>("read", 4).unwrap(), 5);
}
