//! Types of other crates, which know nothing of `#[remote]`: what is known of their fields.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use ipc_core::interface::describe::Interface;
use ipc_core::{Local, Remote, remote};

/// A foreign type with its description, and a driver that uses it with and without the description.
macro_rules! version {
    ($name:ident { $($field:ident: $ty:ty),* }) => {
        mod $name {
            use super::*;

            #[derive(serde::Serialize, serde::Deserialize, Default)]
            pub struct Foreign {
                $(pub $field: $ty,)*
            }

            /// A reading of the other crate.
            #[remote]
            pub struct Mirror {
                $($field: $ty,)*
            }

            pub struct Meter;

            #[remote]
            impl Meter {
                #[remote(schema = Mirror)]
                pub fn result(&self) -> Foreign {
                    Foreign::default()
                }

                #[remote(schema = Option<Mirror>)]
                pub fn fallible(&self) -> Result<Option<Foreign>, String> {
                    Ok(None)
                }

                pub fn argument(&self, #[remote(schema = Vec<Mirror>)] foreign: &[Foreign]) -> usize {
                    foreign.len()
                }

                pub fn field(&self) -> Option<Wrapped> {
                    None
                }

                pub fn by_name(&self) -> Foreign {
                    Foreign::default()
                }
            }

            #[remote]
            pub struct Wrapped {
                #[remote(schema = Mirror)]
                foreign: Foreign,
            }

            #[remote(schema = Mirror)]
            pub fn function() -> Foreign {
                Foreign::default()
            }
        }
    };
}

version!(first {
    volts: f64,
    label: Option<String>
});
version!(retyped {
    volts: f32,
    label: Option<String>
});
version!(renamed {
    millivolts: f64,
    label: Option<String>
});
version!(reordered {
    label: Option<String>,
    volts: f64
});

fn fingerprints(interface: &Interface) -> Vec<u64> {
    let methods = interface.methods.iter();
    methods.map(|method| method.fingerprint()).collect()
}

#[test]
fn a_described_type_counts_by_its_fields() {
    let first = first::Meter::interface();
    for changed in [
        retyped::Meter::interface(),
        renamed::Meter::interface(),
        reordered::Meter::interface(),
    ] {
        let changes = fingerprints(&first).into_iter().zip(&changed.methods);
        for (fingerprint, method) in changes {
            let is_described = method.name != "by_name";
            let differs = fingerprint != method.fingerprint();
            assert_eq!(differs, is_described, "{}", method.signature(""));
        }
    }
    let functions = [
        first::function::function().method().fingerprint(),
        retyped::function::function().method().fingerprint(),
    ];
    assert_ne!(functions[0], functions[1]);
}

#[test]
fn callers_see_the_description() {
    let signatures = first::Meter::interface().methods;
    let signatures: Vec<_> = signatures.iter().map(|it| it.signature("")).collect();
    assert_eq!(
        signatures,
        [
            "result() -> Mirror",
            "fallible() -> Option<Mirror>",
            "argument(foreign: Vec<Mirror>) -> u64",
            "field() -> Option<Wrapped>",
            "by_name() -> Foreign",
        ]
    );
}

#[test]
fn values_travel_as_the_foreign_type() {
    let meter = first::MeterProxy::new(&Local::new(first::Meter).unwrap());
    assert_eq!(meter.result().unwrap().volts, 0.0);
    assert_eq!(meter.argument(&[first::Foreign::default()]), Ok(1));
}

#[test]
fn a_changed_type_is_refused_before_the_driver_runs() {
    let caller = Local::new(first::Meter).unwrap();
    let Err(error) = retyped::MeterProxy::new(&caller).result() else {
        panic!()
    };
    assert!(error.is_not_executed(), "{error}");
}
