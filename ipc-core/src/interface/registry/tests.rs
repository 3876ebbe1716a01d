use std::sync::{Arc, Mutex};

use super::*;
use crate::interface::context::CallContext;
use crate::interface::describe::{Interface, Method};
use crate::interface::function::IntoFunction;
use crate::interface::invocation::Invocation;
use crate::interface::remote::{Device, Remote, Shared};
use crate::interface::value;
use crate::wire::block::ReadBlocks;
use crate::wire::ctrl::Form;
use crate::wire::failure::Refusal;

struct Meter;

impl Remote for Meter {
    fn interface() -> Interface {
        let method = |name: &str| Method {
            name: name.into(),
            ..Method::default()
        };
        Interface {
            name: "PowerMeter".into(),
            methods: vec![method("read"), method("reset")],
            ..Interface::default()
        }
    }

    fn dispatch(&mut self, _method: usize, _: &mut Invocation<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

fn meter(prefix: &str) -> Device {
    Device::new(Meter).prefix(prefix)
}

fn registry<const N: usize>(devices: [Device; N]) -> Registry {
    let mut registry = Registry::new();
    for device in devices {
        registry.add_device(device).unwrap();
    }
    registry
}

fn names(registry: &Registry) -> Vec<&str> {
    let devices = registry.description().devices.iter();
    devices.map(|device| device.name.as_str()).collect()
}

/// Adds a device that is not accepted, and looks whether anything of it was added.
fn rejected(mut registry: Registry, device: Device) -> RegisterError {
    let before: Vec<String> = names(&registry)
        .iter()
        .map(|name| name.to_string())
        .collect();
    let count = registry.offers.targets.len();
    let error = registry.add_device(device).unwrap_err();
    assert_eq!(names(&registry), before);
    assert_eq!(registry.offers.targets.len(), count);
    error
}

#[test]
fn devices_have_the_names_given_to_them_or_default_ones() {
    let registry = registry([
        meter(""),
        meter("pump_"),
        meter("a_").name("signal-2"),
        meter("PUMP_").name("Pump"),
        meter("power_meter"),
    ]);
    assert_eq!(
        names(&registry),
        ["power_meter", "pump", "signal-2", "Pump", "power_meter_2"]
    );
}

#[test]
fn a_name_that_was_given_must_be_free() {
    for first in [meter("pump_"), meter("a_").name("pump")] {
        let error = rejected(registry([first]), meter("b_").name("pump"));
        let RegisterError::DeviceNameTaken { name, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(name, "pump");
        for words in [
            "device 1 (PowerMeter, prefix",
            "device 2 (PowerMeter, prefix `b_`)",
            "Device::name",
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
    // A default name makes room for one that was given.
    let named = meter("a_").name("pump");
    assert_eq!(
        names(&registry([named, meter("pump_")])),
        ["pump", "pump_2"]
    );
}

#[test]
fn a_name_that_was_given_must_be_well_formed() {
    for (name, remedy) in [
        ("", "1 to 64 ASCII letters"),
        ("the.pump", "1 to 64 ASCII letters"),
        ("µ", "1 to 64 ASCII letters"),
        ("server", "stands for the server itself"),
    ] {
        let error = rejected(Registry::new(), meter("").name(name));
        let RegisterError::BadDeviceName { name: named, .. } = &error else {
            panic!("{error}");
        };
        assert_eq!(named, name);
        assert!(error.to_string().contains(remedy), "{error}");
        assert!(
            error.to_string().contains("device 1 (PowerMeter)"),
            "{error}"
        );
    }
}

#[test]
fn clashing_methods_are_told_with_the_names_of_their_devices() {
    let error = rejected(registry([meter("").name("pump")]), meter(""));
    assert_eq!(
        error.to_string(),
        "`read` is offered by both device `pump` (PowerMeter) and device `power_meter` (PowerMeter); give one of the \
         devices another prefix"
    );
}

#[test]
fn functions_have_names_of_their_own() {
    let mut registry = registry([meter("a_").name("add")]);
    let add = (|| 1).into_function("add");
    registry.add_function(add).unwrap();
    registry.add_device(meter("b_").name("sum")).unwrap();
    assert_eq!(registry.description().functions.len(), 1);
}

#[test]
fn a_device_can_be_taken_out_and_its_names_are_free_again() {
    let mut registry = registry([meter("a_"), meter("b_").name("pump"), meter("c_")]);
    let before = Arc::clone(registry.offers());
    let pump = registry.remove_device("pump").unwrap();
    assert_eq!(pump.name(), "pump");
    assert!(registry.remove_device("pump").is_none());
    assert_eq!(names(&registry), ["a", "c"]);
    assert!(!registry.offers().targets.contains_key("b_read"));
    assert_eq!(before.description().devices.len(), 3, "a snapshot");
    registry.add_device(meter("b_").name("pump")).unwrap();
    assert_eq!(names(&registry), ["a", "c", "pump"]);

    // Those who look at earlier offers are refused as well.
    let call = |offers: &Offers| {
        let job = Job {
            method: "b_read",
            form: Form::ByName,
            fingerprint: 0,
            arguments: &[],
            blocks: ReadBlocks::default(),
            reply: Vec::new(),
            limit: 100,
        };
        offers.run(job, &CallContext::local())
    };
    let refused = *call(&before).unwrap_err();
    let Failure::Refused(Refusal::Protocol { .. } | Refusal::UnknownMethod { .. }) = refused else {
        panic!("{refused:?}");
    };
}

#[test]
fn hooks_run_for_one_device_or_for_all() {
    let log: Arc<Mutex<Vec<&str>>> = Arc::default();
    let hooked = |name: &'static str| {
        let log = Arc::clone(&log);
        let hook = move |_: &mut Meter, _| {
            log.lock().unwrap().push(name);
            assert!(name != "bad", "it is stuck");
        };
        Shared::new(Meter).on_release(hook).prefix(name).name(name)
    };
    let registry = registry([hooked("bad"), meter("none_"), hooked("good")]);
    let why = Release::Finished;
    assert_eq!(registry.devices()[2].release(why), Some(Released::Done));
    assert_eq!(*log.lock().unwrap(), ["good"]);
    assert_eq!(registry.devices()[1].release(why), None, "no hook");

    let released = registry.release(why);
    assert_eq!(
        released,
        [
            ("bad", Released::Panicked("it is stuck".into())),
            ("good", Released::Done)
        ]
    );
    assert_eq!(*log.lock().unwrap(), ["good", "bad", "good"]);
}

/// The description as a client gets it is kept, which must not outlive a change.
#[test]
fn the_description_is_sent_as_it_is_now() {
    let described = |registry: &Registry, limit| {
        let job = Job {
            method: "describe",
            form: Form::Describe,
            fingerprint: 0,
            arguments: &[],
            blocks: ReadBlocks::default(),
            reply: vec![1, 2],
            limit,
        };
        registry.offers().run(job, &CallContext::local())
    };
    let mut registry = registry([meter("a_"), meter("b_")]);
    let check = |registry: &Registry| {
        for _ in 0..2 {
            let reply = described(registry, usize::MAX).unwrap().into_bytes();
            let packed = value::pack(registry.description()).unwrap();
            let length = (packed.len() as u64).to_le_bytes();
            assert_eq!(reply, [&[1, 2], &length[..], &packed].concat());
            assert!(described(registry, reply.len()).is_ok());
            let error = *described(registry, reply.len() - 1).unwrap_err();
            assert!(!error.is_refusal(), "{error:?}");
        }
    };
    check(&registry);
    registry.add_device(meter("c_")).unwrap();
    check(&registry);
    registry.remove_device("a").unwrap();
    check(&registry);
}

/// Both used to be one device behind one gate, and a lease of one name ended that of the other.
#[test]
fn a_driver_is_registered_once() {
    let shared = Shared::new(Meter);
    let [left, right] = ["left", "right"].map(|name| {
        Device::new(shared.clone())
            .name(name)
            .prefix(format!("{name}_"))
    });
    let error = rejected(registry([left]), right);
    assert_eq!(
        error.to_string(),
        "`right` has the same driver as the device `left`; register a driver once: clients share it by one name"
    );
}
