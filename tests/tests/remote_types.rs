//! `#[remote]` on structs and enums: what travels, and what is said about it.

#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::indexing_slicing
)]

use std::collections::BTreeMap;

use ipc_core::interface::schema::Schema;
use ipc_core::wire::codec;
use ipc_core::{Describe, Local, Remote, Value, remote};

/// All inputs.
#[remote]
#[derive(Debug, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Inputs {
    /// Photodiode.
    #[remote(unit = "V")]
    pub photo_diode: f64,
    #[serde(rename = "T")]
    pub temperature_c: f32,
    #[serde(skip)]
    pub cache: Option<u8>,
    pub trigger: Trigger,
    pub by_name: BTreeMap<String, Vec<Trigger>>,
    pub foreign: Vec<std::net::IpAddr>,
}

#[remote]
#[derive(Debug, Clone, PartialEq)]
#[serde(rename_all = "SCREAMING-KEBAB-CASE")]
pub enum Trigger {
    /// No trigger.
    Off,
    AtLevel(f64, #[remote(unit = "s")] f64),
    #[serde(rename = "win")]
    Window {
        low: f64,
        high: Option<f64>,
    },
}

#[remote]
#[derive(Debug, Clone, PartialEq)]
pub struct Tree<T> {
    pub value: T,
    pub children: Vec<Tree<T>>,
}

#[remote]
#[derive(Debug, Clone, Copy, PartialEq)]
#[serde(transparent)]
pub struct Volts(f64);

#[remote]
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Unit;

#[derive(Default)]
pub struct Meter;

#[remote]
impl Meter {
    pub fn echo(&self, inputs: Inputs) -> Inputs {
        inputs
    }

    pub fn tree(&self, tree: &Tree<u8>) -> Result<Tree<u8>, String> {
        Ok(tree.clone())
    }

    pub fn volts(&self, volts: Vec<Volts>, unit: Unit) -> Vec<Volts> {
        let _ = unit;
        volts
    }
}

fn inputs() -> Inputs {
    Inputs {
        photo_diode: 0.5,
        temperature_c: 21.0,
        cache: None,
        trigger: Trigger::AtLevel(1.0, 2.0),
        by_name: BTreeMap::from([(
            "a".into(),
            vec![
                Trigger::Off,
                Trigger::Window {
                    low: 0.0,
                    high: None,
                },
            ],
        )]),
        foreign: vec!["127.0.0.1".parse().unwrap()],
    }
}

#[test]
fn types_travel() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.echo(inputs()), Ok(inputs()));
    let tree = Tree {
        value: 1,
        children: vec![Tree {
            value: 2,
            children: vec![],
        }],
    };
    assert_eq!(meter.tree(&tree), Ok(tree.clone()));
    assert_eq!(meter.volts(vec![Volts(1.5)], Unit), Ok(vec![Volts(1.5)]));
}

#[test]
fn a_schema_has_the_names_and_words_that_callers_need() {
    let Schema::Struct { name, doc, fields } = Inputs::schema() else {
        panic!()
    };
    assert_eq!((name.as_str(), doc.as_str()), ("Inputs", "All inputs."));
    let names: Vec<_> = fields
        .iter()
        .map(|f| format!("{}: {}", f.name, f.schema))
        .collect();
    assert_eq!(
        names,
        [
            "photoDiode: f64",
            "T: f32",
            "trigger: Trigger",
            "byName: Map<String, Vec<Trigger>>",
            "foreign: Vec<IpAddr>"
        ]
    );
    assert_eq!(
        (fields[0].doc.as_str(), fields[0].unit.as_deref()),
        ("Photodiode.", Some("V"))
    );
    let Schema::Enum { variants, .. } = Trigger::schema() else {
        panic!()
    };
    let names: Vec<_> = variants.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["OFF", "AT-LEVEL", "win"]);
    assert_eq!(variants[0].doc, "No trigger.");
    assert_eq!(variants[1].fields[1].unit.as_deref(), Some("s"));
    assert_eq!(variants[2].fields[1].schema.to_string(), "Option<f64>");
    assert_eq!(Volts::schema(), Schema::Float(64));
    assert!(matches!(Tree::<u8>::schema(), Schema::Struct { .. }));
}

/// A type that says nothing about itself.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Foreign<T>(T);

#[remote]
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled<T> {
    pub values: Foreign<T>,
    pub more: Option<Vec<Foreign<T>>>,
    pub tree: Vec<Tree<T>>,
    pub kind: std::marker::PhantomData<T>,
}

pub struct Sampler;

#[remote]
impl Sampler {
    pub fn echo(&self, sampled: Sampled<f64>) -> Sampled<f64> {
        sampled
    }
}

#[test]
fn generic_types_that_say_nothing_about_themselves_count_by_name() {
    let Schema::Struct { fields, .. } = Sampled::<f64>::schema() else {
        panic!()
    };
    let types: Vec<_> = fields.iter().map(|it| it.schema.to_string()).collect();
    assert_eq!(types[0], "Foreign<f64>");
    assert_eq!(types[1], "Option<Vec<Foreign<f64>>>");
    assert_eq!(types[2], "Vec<Tree>");
    assert_eq!(fields[2].schema, Vec::<Tree<f64>>::schema());
    let sampler = SamplerProxy::new(&Local::new(Sampler).unwrap());
    let sampled = Sampled {
        values: Foreign(1.5),
        more: None,
        tree: vec![],
        kind: std::marker::PhantomData,
    };
    assert_eq!(sampler.echo(sampled.clone()), Ok(sampled));
}

/// What serde alone makes of the same fields.
#[derive(serde::Serialize, serde::Deserialize)]
struct Plain {
    photo_diode: f64,
    temperature_c: f32,
    trigger: Trigger,
    by_name: BTreeMap<String, Vec<Trigger>>,
    foreign: Vec<std::net::IpAddr>,
}

#[test]
fn the_bytes_are_those_that_serde_makes() {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    let of = inputs();
    let twin = Plain {
        photo_diode: of.photo_diode,
        temperature_c: of.temperature_c,
        trigger: of.trigger.clone(),
        by_name: of.by_name.clone(),
        foreign: of.foreign.clone(),
    };
    codec::encode(&of, &mut ours, 1 << 10).unwrap();
    codec::encode(&twin, &mut plain, 1 << 10).unwrap();
    assert_eq!(ours, plain);
}

/// A field that may be missing, under another name.
type Maybe = Option<Volts>;

#[remote]
#[derive(Debug, PartialEq)]
pub struct Sparse {
    pub volts: Maybe,
    pub inputs: Option<Unit>,
}

#[test]
fn optional_fields_may_be_left_out_by_callers_by_name() {
    let empty = BTreeMap::<String, u8>::new();
    let volts = Sparse {
        volts: None,
        inputs: None,
    };
    assert_eq!(
        Value::from_serialize(&empty)
            .unwrap()
            .into_typed::<Sparse>()
            .unwrap(),
        volts
    );
}

mod changed {
    use super::*;

    #[remote]
    #[serde(rename_all = "camelCase")]
    pub struct Inputs {
        pub photo_diode: f64,
        #[serde(rename = "T")]
        pub temperature_c: f32,
        pub trigger: Trigger,
        pub by_name: BTreeMap<String, Vec<Trigger>>,
        pub foreign: Vec<std::net::IpAddr>,
    }

    #[remote]
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    pub enum Trigger {
        Off,
        AtLevel(f64, f64),
        #[serde(rename = "win")]
        Window {
            low: f64,
            high: Option<f32>,
        },
    }

    pub struct Meter;

    #[remote]
    impl Meter {
        pub fn echo(&self, inputs: Inputs) -> Inputs {
            inputs
        }
    }
}

#[test]
fn a_change_deep_inside_changes_the_fingerprint_and_nothing_else_does() {
    let print =
        |interface: ipc_core::interface::describe::Interface| interface.methods[0].fingerprint();
    assert_ne!(
        print(Meter::interface()),
        print(changed::Meter::interface())
    );
    let proxy = changed::MeterProxy::new(&Local::new(Meter).unwrap());
    let error = proxy.echo(changed::Inputs {
        photo_diode: 0.0,
        temperature_c: 0.0,
        trigger: changed::Trigger::Off,
        by_name: BTreeMap::new(),
        foreign: vec![],
    });
    let Err(error) = error else { panic!() };
    assert!(
        error
            .to_string()
            .contains("built for `echo(inputs: Inputs) -> Inputs where Trigger { "),
        "{error}"
    );
}
