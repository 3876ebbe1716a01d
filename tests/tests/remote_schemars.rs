//! Types of other crates, which know nothing of `#[remote]` but have a JSON schema, or not even that.

#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used)]

use ipc_core::interface::describe::Interface;
use ipc_core::interface::schema::Schema;
use ipc_core::{Local, Remote, remote};

/// A driver that takes and gives a `Foreign`, which is defined before it.
macro_rules! version {
    ($name:ident { $($foreign:tt)* }) => {
        mod $name {
            use super::*;

            #[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
            $($foreign)*

            #[derive(serde::Serialize, serde::Deserialize)]
            pub struct Opaque {
                pub $name: u8,
            }

            pub struct Meter;

            #[remote]
            impl Meter {
                pub fn one(&self, foreign: Foreign) -> Foreign {
                    foreign
                }

                pub fn many(&self, foreign: Vec<Foreign>) -> Option<Foreign> {
                    foreign.into_iter().next()
                }

                pub fn opaque(&self, opaque: Opaque) -> Opaque {
                    opaque
                }

                pub fn wrapped(&self) -> Option<Wrapped> {
                    None
                }
            }

            #[remote]
            pub struct Wrapped {
                foreign: Vec<Foreign>,
            }
        }
    };
}

version!(first {
    pub struct Foreign { pub volts: f64, pub label: Option<String>, pub next: Vec<Foreign> }
});
version!(documented {
    /// Now with a text.
    #[schemars(title = "Something else")]
    pub struct Foreign {
        /// In volts.
        #[schemars(range(min = 0.0), example = 3.0)]
        pub volts: f64,
        #[serde(default)]
        pub label: Option<String>,
        pub next: Vec<Foreign>,
    }
});
version!(reordered {
    pub struct Foreign { pub label: Option<String>, pub volts: f64, pub next: Vec<Foreign> }
});
version!(retyped {
    pub struct Foreign { pub volts: f32, pub label: Option<String>, pub next: Vec<Foreign> }
});
version!(renamed {
    pub struct Foreign { pub millivolts: f64, pub label: Option<String>, pub next: Vec<Foreign> }
});
version!(added {
    pub struct Foreign { pub volts: f64, pub label: Option<String>, pub next: Vec<Foreign>, pub new: u8 }
});
version!(required {
    pub struct Foreign { pub volts: f64, pub label: String, pub next: Vec<Foreign> }
});

fn prints(interface: &Interface) -> Vec<u64> {
    interface
        .methods
        .iter()
        .map(|method| method.fingerprint())
        .collect()
}

#[test]
fn the_fields_of_a_foreign_type_count() {
    let first = prints(&first::Meter::interface());
    let changed = [
        reordered::Meter::interface(),
        retyped::Meter::interface(),
        renamed::Meter::interface(),
        added::Meter::interface(),
        required::Meter::interface(),
    ];
    for changed in &changed {
        for (method, (print, first)) in changed
            .methods
            .iter()
            .zip(prints(changed).iter().zip(&first))
        {
            // `Opaque` has other fields in each version, and nobody can tell.
            let is_known = method.name != "opaque";
            assert_eq!(print != first, is_known, "{}", method.signature(""));
        }
    }
}

#[test]
fn its_docs_do_not() {
    assert_eq!(
        prints(&documented::Meter::interface()),
        prints(&first::Meter::interface())
    );
}

#[test]
fn callers_see_its_fields() {
    let interface = documented::Meter::interface();
    let schemas: Vec<_> = interface
        .methods
        .iter()
        .map(|method| method.result.clone())
        .collect();
    let [
        one @ Schema::Struct { name, doc, fields },
        Schema::Option(many),
        opaque,
        Schema::Option(_),
    ] = schemas.as_slice()
    else {
        panic!("{schemas:?}");
    };
    assert_eq!(
        (name.as_str(), doc.as_str()),
        ("Foreign", "Now with a text.")
    );
    let fields: Vec<_> = fields
        .iter()
        .map(|field| format!("{}: {}; {}", field.name, field.schema, field.doc))
        .collect();
    assert_eq!(
        fields,
        [
            "volts: f64; In volts.",
            "label: Option<String>; ",
            "next: Vec<Foreign>; "
        ]
    );
    assert_eq!(**many, *one);
    assert_eq!(*opaque, Schema::Named("Opaque".into()));
    assert_eq!(
        interface
            .methods
            .iter()
            .map(|method| method.signature(""))
            .collect::<Vec<_>>(),
        [
            "one(foreign: Foreign) -> Foreign",
            "many(foreign: Vec<Foreign>) -> Option<Foreign>",
            "opaque(opaque: Opaque) -> Opaque",
            "wrapped() -> Option<Wrapped>",
        ]
    );
}

#[test]
fn a_changed_foreign_type_is_refused_before_the_driver_runs() {
    let caller = Local::new(first::Meter).unwrap();
    let old = first::MeterProxy::new(&caller);
    let foreign = || first::Foreign {
        volts: 1.0,
        label: None,
        next: vec![],
    };
    assert!(old.one(foreign()).is_ok() && old.many(vec![foreign()]).unwrap().is_some());

    let new = added::MeterProxy::new(&caller);
    let sent = added::Foreign {
        volts: 1.0,
        label: None,
        next: vec![],
        new: 1,
    };
    let Err(error) = new.one(sent) else { panic!() };
    assert!(error.is_not_executed(), "{error}");
}

#[test]
fn types_that_are_text_count_by_their_names() {
    struct Meter;
    #[remote]
    impl Meter {
        pub fn address(&self) -> std::net::IpAddr {
            [127, 0, 0, 1].into()
        }

        pub fn path(&self) -> std::path::PathBuf {
            std::path::PathBuf::new()
        }
    }
    let results = Meter::interface()
        .methods
        .into_iter()
        .map(|method| method.result);
    let names = ["IpAddr", "PathBuf"].map(|name| Schema::Named(name.into()));
    assert_eq!(results.collect::<Vec<_>>(), names);
}

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub enum Mode {
    Off,
    Level(f64),
    Window { low: u16, high: i64 },
    Both(u8, char),
    Auto,
}

#[test]
fn enums_have_variants() {
    struct Meter;
    #[remote]
    impl Meter {
        pub fn mode(&self) -> Mode {
            Mode::Off
        }
    }
    let Schema::Enum { variants, .. } = Meter::interface().methods.first().unwrap().result.clone()
    else {
        panic!()
    };
    let variants: Vec<_> = variants
        .iter()
        .map(|variant| {
            let fields: Vec<_> = variant
                .fields
                .iter()
                .map(|field| format!("{}: {}", field.name, field.schema))
                .collect();
            format!("{}({})", variant.name, fields.join(", "))
        })
        .collect();
    assert_eq!(
        variants,
        [
            "Auto()",
            "Both(0: u8, 1: char)",
            "Level(0: f64)",
            "Off()",
            "Window(low: u16, high: i64)"
        ]
    );
}
