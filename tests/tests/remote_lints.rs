//! Lints that are allowed at the driver, and so in what is generated for it; and lints that have nothing to say about it.

#![deny(
    warnings,
    clippy::all,
    clippy::exhaustive_structs,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated
)]
#![allow(missing_docs, unreachable_pub, clippy::unwrap_used)]

use ipc_core::{Local, remote};

pub struct Meter {
    _private: u8,
}

#[allow(non_snake_case)]
#[remote]
impl Meter {
    pub fn IDN(&self, Vpp: f64) -> f64 {
        Vpp
    }

    pub fn texts(&self, text: &str, more: Option<&str>, list: &[u8]) {
        let _ = (text, more, list);
    }
}

pub struct Scope {
    _private: u8,
}

#[remote]
impl Scope {
    #[allow(non_snake_case)]
    pub fn IDN(&self, Vpp: f64) -> f64 {
        Vpp
    }

    #[cfg_attr(all(), expect(non_snake_case, reason = "as in the handbook"))]
    pub fn MEASure(&self, Vpp: &f64) {
        let _ = Vpp;
    }

    #[expect(clippy::too_many_arguments)]
    pub fn many(&self, a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8) {
        let _ = (a, b, c, d, e, f, g);
    }
}

#[remote]
pub trait Reads {
    type Error: std::error::Error;

    #[allow(non_snake_case)]
    fn IDN(&mut self, Vpp: f64) -> Result<f64, Self::Error>;
}

#[allow(non_snake_case)]
#[remote]
pub fn Add(A: f64, B: &str) -> f64 {
    let _ = B;
    A
}

#[test]
fn unusual_names_are_called_as_they_are_written() {
    let meter = MeterProxy::new(&Local::new(Meter { _private: 0 }).unwrap());
    assert_eq!(meter.IDN(1.5), Ok(1.5));
    let scope = ScopeProxy::new(&Local::new(Scope { _private: 0 }).unwrap());
    assert_eq!(scope.MEASure(&1.5), Ok(()));
    assert_eq!(scope.many(1, 2, 3, 4, 5, 6, 7), Ok(()));
}
