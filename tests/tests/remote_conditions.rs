//! `#[cfg_attr]` in and on what `#[remote]` reads.

#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use ipc_core::{Local, Remote, remote};

pub struct Meter;

/// A meter.
#[remote]
#[cfg_attr(all(), doc = " Of this kind.")]
#[cfg_attr(any(), doc = " Of no kind.")]
impl Meter {
    /// Reads.
    #[cfg_attr(any(), doc = " Slowly.")]
    #[cfg_attr(all(), doc = " Fast.")]
    #[cfg_attr(all(), inline, must_use)]
    pub fn read(&self, #[cfg_attr(all(), allow(unused))] samples: u8) -> u8 {
        1
    }

    #[cfg_attr(all(), deprecated(note = "too old"))]
    pub fn old(&self) {}

    #[cfg_attr(any(), deprecated)]
    pub fn young(&self) {}

    #[cfg_attr(all(), cfg(any()))]
    pub fn absent(&self) -> Nowhere {}

    #[cfg_attr(any(), cfg(any()))]
    pub fn present(&self) {}

    #[cfg_attr(all(), cfg_attr(all(), cfg(all())))]
    pub fn last(&self) -> Reading {
        Reading { volts: 1.0 }
    }
}

#[remote]
#[cfg_attr(all(), derive(Debug, PartialEq))]
pub struct Reading {
    volts: f64,
    #[cfg_attr(all(), cfg(any()))]
    absent: Nowhere,
}

#[test]
fn conditions_are_kept() {
    let interface = Meter::interface();
    assert_eq!(interface.doc, "A meter.\nOf this kind.");
    let methods: Vec<_> = interface
        .methods
        .iter()
        .map(|it| (it.name.as_str(), it.doc.as_str(), it.deprecated.as_deref()))
        .collect();
    assert_eq!(
        methods,
        [
            ("read", "Reads.\nFast.", None),
            ("old", "", Some("too old")),
            ("young", "", None),
            ("present", "", None),
            ("last", "", None),
        ]
    );
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    assert_eq!(meter.read(1), Ok(1));
    meter.present().unwrap();
    meter.young().unwrap();
    #[expect(deprecated)]
    meter.old().unwrap();
    assert_eq!(meter.last(), Ok(Reading { volts: 1.0 }));
}
