//! Devices are found, and told apart, by their names.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ipc_client::{AsyncLocal, DeviceDescription, DeviceError, Interface};
use ipc_core::{Device, Local, Mock, Proxy, Registry, ServerDescription, Shared, remote};
use ipc_server::ServerEvent;
use tests::{Bench, BenchProxy, Way, both_ways, until};

both_ways!(
    devices_are_called_by_their_names,
    async_callers_find_devices_by_name,
    a_running_call_is_told_with_its_device,
    a_proxy_by_name_that_is_out_of_date_says_so,
    a_wrong_prefix_is_told_with_those_there_are
);

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

fn stages(prefixes: [&str; 2]) -> [Device; 2] {
    let [left, right] = prefixes;
    [
        Device::new(Stage::default()).name("left").prefix(left),
        Device::new(Stage::default()).name("right").prefix(right),
    ]
}

fn devices_are_called_by_their_names(way: Way) {
    let [left, right] = stages(["a_", ""]);
    let server = way.server().device(left).device(right);
    let server = server.device(Device::new(Bench::new()).prefix("main_"));
    let server = server.function("main", || 1).spawn().unwrap();
    let served = server.devices();
    let served: Vec<_> = served
        .iter()
        .map(|device| (device.name.as_str(), device.prefix.as_str()))
        .collect();
    assert_eq!(served, [("left", "a_"), ("right", ""), ("main", "main_")]);
    let driver = server.devices().first().map(|device| device.driver);
    assert!(driver.is_some_and(|driver| driver.ends_with("names::Stage")));

    let client = way.client(&server).connect().unwrap();
    let left = StageProxy::named(&client, "left").unwrap();
    let right = StageProxy::named(&client, "right").unwrap();
    left.set_position(1.0).unwrap();
    right.set_position(2.0).unwrap();
    assert_eq!((left.position(), right.position()), (Ok(1.0), Ok(2.0)));
    assert_eq!(BenchProxy::named(&client, "main").unwrap().step(), Ok(1));
    assert_eq!(
        format!("{left:?}"),
        r#"Stage { device: "left", prefix: "a_" }"#
    );
    for line in [
        "left: Stage (a_*)",
        "right: Stage\n",
        "main: Bench (main_*)",
    ] {
        assert!(client.help().unwrap().contains(line), "{line}");
        assert!(server.hint().contains("left: Stage, prefix a_"));
    }

    let error = StageProxy::named(&client, "rigth").map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server has no device `rigth`; its devices are `left`, `right`, `main`"
    );
    let error = StageProxy::named(&client, "main").map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "device `main` is of type `Bench`, not `Stage`; devices of this type are `left`, `right`"
    );

    // Many proxies for one question to the server.
    let description = client.describe().unwrap();
    let calls = server.holder().unwrap().calls;
    for name in ["left", "right"] {
        StageProxy::from_description(&client, name, &description).unwrap();
    }
    assert_eq!(server.holder().unwrap().calls, calls);
    client.close();
    drop(server);
    let closed = StageProxy::named(&client, "left").map(drop).unwrap_err();
    assert!(matches!(closed, DeviceError::NotDescribed(_)), "{closed}");
}

fn async_callers_find_devices_by_name(way: Way) {
    tests::way::run(async move {
        let [left, right] = stages(["a_", "b_"]);
        let server = way.server().device(left).device(right);
        let server = server.start().await.unwrap();
        let client = way.async_client(&server).connect().await.unwrap();
        // The future may go to another thread.
        let task = tokio::spawn(async move {
            let right = StageProxy::named_async(&client, "right").await.unwrap();
            right.set_position(2.0).await?;
            let unknown = StageProxy::named_async(&client, "up").await.map(drop);
            assert!(
                matches!(unknown, Err(DeviceError::Unknown { .. })),
                "{unknown:?}"
            );
            client.call::<f64>("get_b_position", ()).await
        });
        assert_eq!(task.await.unwrap(), Ok(2.0));
        server.stop_async().await;
    });
}

#[test]
fn devices_of_this_process_and_mocks_have_names_too() {
    let local = || {
        let mut registry = Registry::new();
        for device in stages(["a_", "b_"]) {
            registry.add_device(device).unwrap();
        }
        Local::from(registry)
    };
    let left = StageProxy::named(&local(), "left").unwrap();
    assert_eq!(left.position(), Ok(0.0));
    tests::way::run(async {
        let local = AsyncLocal::from(local());
        let left = StageProxy::named_async(&local, "left").await.unwrap();
        assert_eq!(left.position().await, Ok(0.0));
    });

    let described = ServerDescription {
        devices: vec![DeviceDescription {
            name: "left".into(),
            prefix: "a_".into(),
            interface: Interface {
                name: "Stage".into(),
                ..Interface::default()
            },
        }],
        ..ServerDescription::default()
    };
    let mock = Mock::new(move |call| match call.method() {
        "describe" => call.answer(described.clone()),
        "get_a_position" => call.answer(3.0),
        _ => call.fail("no such method"),
    });
    let left = StageProxy::named(&mock, "left").unwrap();
    assert_eq!(left.position(), Ok(3.0));
    tests::way::run(async {
        let mock = mock.asynchronous();
        let left = StageProxy::named_async(&mock, "left").await.unwrap();
        assert_eq!(left.position().await, Ok(3.0));
    });
}

fn a_running_call_is_told_with_its_device(way: Way) {
    let bench = Bench::new();
    let gate = bench.gate();
    let shared = Shared::new(bench);
    let [left, _] = stages(["left_", "right_"]);
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let note = Arc::clone(&told);
    let server = way
        .server()
        .device(left)
        .device(Device::new(shared.clone()).name("main").prefix("a_"))
        .function("pass", move || shared.lock().pass())
        .on_event(move |event| {
            if let ServerEvent::Waiting { status, .. } = event {
                note.lock().unwrap().push(status.running.clone());
            }
        });
    let server = server.spawn().unwrap();
    let client = way.client(&server).connect().unwrap();
    for (method, device, text) in [
        ("a_pass", Some("main"), "main.pass"),
        ("pass", None, "pass"),
    ] {
        let caller = client.clone();
        let call = thread::spawn(move || caller.call::<u64>(method, ()));
        gate.wait_for_call();
        let running = server.holder().unwrap().running.unwrap();
        assert_eq!(running.device.as_deref(), device);
        assert_eq!(running.method, method);
        let second = way
            .client(&server)
            .connect_timeout(Duration::from_millis(100));
        let busy = second.connect().unwrap_err().to_string();
        assert!(
            busy.contains(&format!("and `{text}` has run for")),
            "{busy}"
        );
        until("the event", || {
            told.lock().unwrap().iter().any(|running| running == text)
        });
        gate.open(1);
        call.join().unwrap().unwrap();
    }
}

fn a_proxy_by_name_that_is_out_of_date_says_so(way: Way) {
    let [left, _] = stages(["a_", "b_"]);
    let server = way.server().device(left).spawn().unwrap();
    let address = server.local_addr();
    let client = way.client(&server).resume_silently().connect().unwrap();
    let before = StageProxy::named(&client, "left").unwrap();
    before.home().unwrap();
    server.stop();
    let [left, _] = stages(["c_", "b_"]);
    let server = way.server().port(address.port()).device(left).spawn();
    let _server = server.unwrap();
    let error = before.home().unwrap_err();
    assert!(error.is_not_executed(), "{error}");
    assert_eq!(
        error.to_string(),
        "the server has no method `a_home`; did you mean `c_home`? (this proxy was made for device `left` with the \
         prefix `a_`; if the server was restarted since, make it again)"
    );
    StageProxy::named(&client, "left").unwrap().home().unwrap();
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
    let error = client.call::<f64>("get_main_position", ());
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("did you mean `get_left_position`, `get_right_position`"),
        "{error}"
    );
    StageProxy::with_prefix(&client, "left_").home().unwrap();
}
