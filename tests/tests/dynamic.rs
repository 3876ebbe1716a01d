//! Calls by name with the description of the server: as good as those of a proxy, and never misread.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

#[path = "dynamic/meters.rs"]
mod meters;
#[path = "dynamic/zoo.rs"]
mod zoo;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use ipc_client::{CallError, Client, Numbers, Refusal, Value, args};
use ipc_core::Device;
use ipc_server::ServerHandle;
use serde::de::DeserializeOwned;
use tests::{Way, both_ways, until, way};

use meters::{first, narrower, turned};
use zoo::{Branch, Forest, Mode, Tree, Waveform, Zoo, ZooProxy};

both_ways!(
    every_shape_is_what_a_proxy_gets,
    long_arrays_go_and_come,
    names_and_arguments_that_do_not_fit_are_refused_before_anything_is_sent,
    what_only_the_server_knows_is_left_to_it,
    a_method_that_has_changed_is_called_as_it_is_now,
    a_method_with_other_arguments_is_never_called_by_the_old_ones,
    arguments_of_a_call_by_name_never_change_places,
    devices_that_come_and_go_are_found,
    the_options_of_the_handle_hold,
    a_description_is_read_while_another_client_holds_the_server,
    futures_are_made_by_name,
);

fn serve(way: Way) -> ServerHandle {
    let zoo = Device::new(Zoo::default()).name("zoo").prefix("z_");
    way.server().device(zoo).spawn().unwrap()
}

fn connect(way: Way, server: &ServerHandle) -> Client {
    way.client(server).connect().unwrap()
}

fn same<T: DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value, typed: &T) {
    assert_eq!(value.clone().into_typed::<T>().as_ref(), Ok(typed));
}

fn every_shape_is_what_a_proxy_gets(way: Way) {
    let server = serve(way);
    let client = connect(way, &server);
    let (proxy, zoo) = (ZooProxy::with_prefix(&client, "z_"), client.device("zoo"));
    let leaf = |name: &str, modes| Tree {
        name: name.into(),
        modes,
        inner: vec![],
    };
    let tree = Tree {
        inner: vec![
            leaf("a", vec![Mode::Off, Mode::Heat { watts: 0.5 }]),
            leaf("b", vec![Mode::Pair(1, -1), Mode::Label("µ".into())]),
        ],
        ..leaf("root", vec![])
    };
    let waveform = Waveform {
        t0: f64::NEG_INFINITY,
        samples: vec![0.5, -0.0],
        points: vec![(1.0, 2.0), (3.0, 4.0)],
        flags: vec![true, false],
        wide: Some(Some(u128::MAX)),
    };
    let by_name = |method: &str, value: Value| zoo.call(method, args![value]).unwrap();

    let given = Value::from_serialize(&tree).unwrap();
    let value = by_name("tree", given);
    same(&value, &proxy.tree(tree).unwrap());
    same(
        &by_name("tree", value.clone()),
        &value.into_typed::<Tree>().unwrap(),
    );

    let given = Value::from_serialize(&waveform).unwrap();
    let value = by_name("waveform", given);
    assert_eq!(
        value.get("points").unwrap().as_numbers().unwrap().shape(),
        [2, 2]
    );
    assert_eq!(value.get("wide"), Some(&u128::MAX.into()));
    let again = by_name("waveform", value);
    same(
        &again.get("samples").unwrap().clone(),
        &proxy.waveform(waveform).unwrap().samples,
    );

    assert_eq!(by_name("hidden", "last".into()), "last".into());
    assert!(zoo.call("hidden", args!["Second"]).is_err());

    let branch = |branches, length| Branch { branches, length };
    let roots = vec![branch(vec![branch(vec![], 1), branch(vec![], 2)], 3)];
    let forest = Forest { id: 7, roots };
    let value = by_name("forest", Value::from_serialize(&forest).unwrap());
    same(&value, &proxy.forest(forest).unwrap());

    let table = BTreeMap::from([(-3, [1, 2, 3]), (5, [4, 5, 6])]);
    let value = by_name("table", Value::from_serialize(&table).unwrap());
    same(&value, &proxy.table(table).unwrap());

    assert_eq!(by_name("mode", "Off".into()), "Off".into());
    zoo.set("range", 2).unwrap();
    assert_eq!(zoo.get("range"), Ok(2.0.into()));
    assert_eq!(client.dynamic().get("z_range"), Ok(2.0.into()));
    assert_eq!(client.dynamic().get("get_z_range"), Ok(2.0.into()));
    assert_eq!(client.dynamic().call("z_read", args![3]), Ok(3.0.into()));
}

fn long_arrays_go_and_come(way: Way) {
    let server = serve(way);
    let client = connect(way, &server);
    let numbers: Vec<f64> = (0..1_000_000).map(f64::from).collect();
    let given = Numbers::from(numbers.clone());
    let value = client.device("zoo").call("numbers", args![given]).unwrap();
    assert_eq!(value.as_numbers().unwrap().to_vec(), Some(numbers));
}

fn names_and_arguments_that_do_not_fit_are_refused_before_anything_is_sent(way: Way) {
    let server = serve(way);
    let client = connect(way, &server);
    let zoo = client.device("zoo");
    let signature = "`z_read(samples: u32 = 1, speed: String = \"fast\") -> f64`";
    let says = |result: Result<Value, CallError>| {
        let error = result.unwrap_err();
        assert!(error.is_not_executed(), "{error}");
        error.to_string()
    };
    for (result, text) in [
        (
            zoo.call("raed", args![]),
            "the server has no method `zoo.raed`; did you mean `zoo.read`?",
        ),
        (
            zoo.call("range", args![]),
            "the server has no method `zoo.range`; it is a property: get or set it",
        ),
        (
            client.device("zo").get("range"),
            "the server has no method `zo.range`; did you mean the device `zoo`?",
        ),
        (
            zoo.call("read", args![0]),
            "`z_read`: argument `samples` must be a number from 1 to 1000, but is 0",
        ),
        (
            zoo.call("read", args!["many"]),
            "`z_read`: argument `samples` must be a number (`u32`) from 1 to 1000, but is \"many\"",
        ),
        (
            zoo.call("read", args![speed = "medium"]),
            "`z_read`: argument `speed` must be \"fast\" or \"slow\", but is \"medium\"",
        ),
        (
            zoo.call("read", args![sample = 3]),
            &format!(
                "`z_read`: it has no argument `sample`; did you mean `samples`?; its signature is {signature}"
            ),
        ),
        (
            zoo.call("read", args![1, "fast", 3]),
            &format!(
                "`z_read`: too many arguments: 3 given, 2 taken; its signature is {signature}"
            ),
        ),
        (
            zoo.call("read", args![1, samples = 2]),
            &format!(
                "`z_read`: the argument `samples` was given twice; its signature is {signature}"
            ),
        ),
        (
            zoo.call("mode", args![]),
            "`z_mode`: the argument `mode: Mode` is missing; its signature is `z_mode(mode: Mode) -> Mode`",
        ),
        (
            zoo.call("mode", args!["heat"]),
            "`z_mode`: argument `mode` must be of type `Mode`, but is \"heat\" (expected `Mode`: Off, Heat, Pair or \
             Label, given \"heat\"; did you mean `Heat`?)",
        ),
    ] {
        assert_eq!(says(result), text);
    }
    let set = zoo.set("range", 11).unwrap_err().to_string();
    assert_eq!(
        set,
        "`set_z_range`: argument `range` must be a number from 0 to 10 V, but is 11"
    );
    // What the driver says comes as ever.
    let error = zoo.call("read", args![speed = "slow"]).unwrap_err();
    assert!(matches!(&error, CallError::Fault { .. }), "{error}");
}

fn what_only_the_server_knows_is_left_to_it(way: Way) {
    let server = serve(way);
    let client = connect(way, &server);
    let time = Value::from_serialize(&Duration::from_millis(1500)).unwrap();
    let value = client
        .device("zoo")
        .call("wait", args![time.clone()])
        .unwrap();
    // The result is an array, although it came in self-describing form.
    assert_eq!(value, vec![1.5, 7.0].into());
    let value = client
        .device("zoo")
        .call("wait", args![time, samples = 8])
        .unwrap();
    assert_eq!(value, vec![1.5, 8.0].into());
    let error = client
        .device("zoo")
        .call("wait", args!["long"])
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("argument `time` must be of type `Duration`"),
        "{error}"
    );
}

fn meter(driver: impl Into<Device>) -> Device {
    driver.into().name("meter").prefix("m_")
}

/// A client that has called the first meter, in whose place there is now another one.
fn in_place_of_the_first(way: Way, device: Device) -> (ServerHandle, Client) {
    let server = way.server().device(meter(first::Meter)).spawn().unwrap();
    let client = way.client(&server).resume_silently().connect().unwrap();
    assert_eq!(
        client.device("meter").call("read", args![3, 2.0]),
        Ok(6.0.into())
    );
    server.remove("meter").unwrap();
    server.add_device(device).unwrap();
    (server, client)
}

fn a_method_that_has_changed_is_called_as_it_is_now(way: Way) {
    let (_server, client) = in_place_of_the_first(way, meter(narrower::Meter));
    let meter = client.device("meter");
    assert_eq!(meter.call("read", args![3, 2.0]), Ok(6.5_f32.into()));
    assert_eq!(meter.call("read_all", args![]), Ok(9.into()));
    let error = meter
        .call("read", args![70_000, 2.0])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "`m_read`: argument `samples` must be of type `u16`, but is 70000"
    );
}

fn a_method_with_other_arguments_is_never_called_by_the_old_ones(way: Way) {
    let (_server, client) = in_place_of_the_first(way, meter(turned::Meter));
    let meter = client.device("meter");
    let error = meter.call("read", args![3, 2]).unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    let text = "`m_read`: the server has changed it since its description was read, when it was \
                `m_read(samples: u32, gain: f64) -> f64`; its signature is `m_read(gain: f64, samples: u32) -> f64`";
    assert_eq!(error.to_string(), text);
    assert_eq!(meter.call("read", args![3, 2]), Ok((-6.0).into()));
}

/// Regression test: a call that has to go by name carries no fingerprint, and ran with its arguments in the old order.
fn arguments_of_a_call_by_name_never_change_places(way: Way) {
    let (_server, client) = in_place_of_the_first(way, meter(turned::Meter));
    let time = Value::from_serialize(&Duration::from_secs(1)).unwrap();
    let meter = client.device("meter");
    assert_eq!(meter.call("shift", args![1.0, 2.0, time]), Ok(12.0.into()));
}

fn devices_that_come_and_go_are_found(way: Way) {
    let (server, client) = in_place_of_the_first(way, meter(first::Meter));
    server.remove("meter").unwrap();
    let error = client
        .device("meter")
        .call("read", args![3, 2.0])
        .unwrap_err();
    let is_unknown = matches!(&error, CallError::Refused(Refusal::UnknownMethod { .. }));
    assert!(is_unknown, "{error}");
    let other = Device::new(narrower::Meter).name("other").prefix("o_");
    server.add_device(other).unwrap();
    assert_eq!(
        client.device("other").call("read_all", args![]),
        Ok(9.into())
    );
}

fn the_options_of_the_handle_hold(way: Way) {
    let server = serve(way);
    let client = connect(way, &server);
    client.dynamic().description().unwrap();
    let sleeper = client.clone();
    let asleep = thread::spawn(move || sleeper.device("zoo").call("sleep", args![]));
    until("the method runs", || {
        server.holder().is_some_and(|it| it.running.is_some())
    });
    let soon = client.timeout(Duration::from_millis(50));
    let error = soon.device("zoo").get("range").unwrap_err();
    assert!(matches!(&error, CallError::TimedOut { .. }), "{error}");
    // An urgent method runs beside the call.
    assert_eq!(client.device("zoo").call("stop", args![]), Ok(Value::Null));
    assert_eq!(asleep.join().unwrap(), Ok(Value::Null));
}

fn a_description_is_read_while_another_client_holds_the_server(way: Way) {
    let server = serve(way);
    let _holder = connect(way, &server);
    let client = way.client(&server).connect_lazy();
    let description = client.server().description().unwrap();
    assert_eq!(description.device("zoo").unwrap().prefix, "z_");
    assert_eq!(server.waiting(), 0);
}

fn futures_are_made_by_name(way: Way) {
    let server = serve(way);
    way::run(make_futures(way, &server));
}

async fn make_futures(way: Way, server: &ServerHandle) {
    let client = way.async_client(server).connect().await.unwrap();
    let zoo = client.device("zoo");
    zoo.set_async("range", 0.5).await.unwrap();
    assert_eq!(zoo.get_async("range").await, Ok(0.5.into()));
    let calls = (1..=20).map(|samples| {
        let zoo = zoo.clone();
        tokio::spawn(async move { zoo.call_async("read", args![samples]).await })
    });
    for (samples, call) in (1..).zip(calls.collect::<Vec<_>>()) {
        assert_eq!(call.await.unwrap(), Ok(f64::from(samples).into()));
    }
    let description = zoo.description_async().await.unwrap();
    assert!(description.is_some_and(|it| it.name == "zoo"));
}
