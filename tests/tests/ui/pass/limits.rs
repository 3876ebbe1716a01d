//! Limits on all that has a value behind it, and constants that hold them.
#![allow(clippy::too_many_arguments)]
use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ipc_core::{Local, remote};

#[remote]
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    Slow,
    Fast,
    Odd,
}

const GAINS: [u8; 2] = [1, 10];
const LEVELS: RangeInclusive<f64> = 0.0..=1.0;

pub struct Meter;

#[remote]
impl Meter {
    const NAMES: &[&str] = &["a", "b"];

    pub fn options(
        &self,
        #[remote(one_of = ["a", "b"])] text: Option<&str>,
        #[remote(one_of = ["a", "b"])] owned: Option<String>,
        #[remote(one_of = [1, 2])] number: Option<&u8>,
        #[remote(range = 1..=2)] ranged: Option<&u8>,
        #[remote(one_of = [Mode::Slow, Mode::Fast])] mode: Option<Mode>,
        #[remote(range = LEVELS)] level: Option<&f64>,
    ) {
        let _ = (text, owned, number, ranged, mode, level);
    }

    pub fn texts(
        &self,
        #[remote(one_of = ["a", "b"])] reference: &String,
        #[remote(one_of = ["a", "b"])] boxed: Box<str>,
        #[remote(one_of = ["a", "b"])] cow: Cow<'static, str>,
        #[remote(one_of = ["a", "b"])] shared: Option<Arc<str>>,
    ) {
        let _ = (reference, boxed, cow, shared);
    }

    pub fn references(
        &self,
        #[remote(one_of = [Mode::Slow, Mode::Fast])] mode: &Mode,
        #[remote(one_of = [&Mode::Slow, &Mode::Fast])] same: &Mode,
        #[remote(one_of = [&[1, 2], &[3, 4]])] list: &[u8],
        #[remote(range = 0.0..1.0)] level: &f64,
    ) {
        let _ = (mode, same, list, level);
    }

    pub fn constants(
        &self,
        #[remote(one_of = GAINS)] gain: u8,
        #[remote(one_of = GAINS)] maybe: Option<u8>,
        #[remote(one_of = Self::NAMES)] name: &str,
        #[remote(one_of = Self::NAMES)] owned: String,
    ) {
        let _ = (gain, maybe, name, owned);
    }
}

macro_rules! driver {
    ($name:ident, $ty:ty, $range:expr, $low:expr, $high:expr, $list:expr, $text:expr) => {
        pub struct $name;

        #[remote]
        impl $name {
            pub fn whole(&self, #[remote(range = $range)] x: $ty) -> $ty {
                x
            }

            pub fn bounds(&self, #[remote(range = $low..=$high)] x: $ty) -> $ty {
                x
            }

            pub fn list(&self, #[remote(one_of = $list, default = $text)] x: String) -> String {
                x
            }
        }
    };
}

driver!(Amplifier, f64, 0.0..=1.0, -1.0, 1.0, ["a", "b"], "a");

fn main() {
    let meter = MeterProxy::new(&Local::new(Meter).unwrap());
    let is_refused = |answer: Result<(), ipc_core::CallError>| answer.unwrap_err().is_not_executed();
    let (a, c) = ("a".to_string(), "c".to_string());
    let (mode, odd) = (Mode::Fast, Mode::Odd);

    meter.options(None, None, None, None, None, None).unwrap();
    let one = Some(&1);
    meter.options(Some("a"), Some(a.clone()), one, one, Some(mode.clone()), Some(&0.5)).unwrap();
    assert!(is_refused(meter.options(Some("c"), None, None, None, None, None)));
    assert!(is_refused(meter.options(None, Some(c.clone()), None, None, None, None)));
    assert!(is_refused(meter.options(None, None, Some(&3), None, None, None)));
    assert!(is_refused(meter.options(None, None, None, Some(&3), None, None)));
    assert!(is_refused(meter.options(None, None, None, None, Some(odd.clone()), None)));
    assert!(is_refused(meter.options(None, None, None, None, None, Some(&1.5))));

    meter.texts(&a, "a".into(), "b".into(), Some("b".into())).unwrap();
    assert!(is_refused(meter.texts(&c, "a".into(), "b".into(), None)));
    assert!(is_refused(meter.texts(&a, "c".into(), "b".into(), None)));
    assert!(is_refused(meter.texts(&a, "a".into(), "c".into(), None)));
    assert!(is_refused(meter.texts(&a, "a".into(), "b".into(), Some("c".into()))));

    meter.references(&mode, &mode, &[3, 4], &0.5).unwrap();
    assert!(is_refused(meter.references(&odd, &mode, &[3, 4], &0.5)));
    assert!(is_refused(meter.references(&mode, &odd, &[3, 4], &0.5)));
    assert!(is_refused(meter.references(&mode, &mode, &[3], &0.5)));
    assert!(is_refused(meter.references(&mode, &mode, &[3, 4], &1.0)));

    meter.constants(10, Some(1), "b", a.clone()).unwrap();
    assert!(is_refused(meter.constants(9, None, "a", a.clone())));
    assert!(is_refused(meter.constants(1, Some(9), "a", a.clone())));
    assert!(is_refused(meter.constants(1, None, "c", a.clone())));
    let error = meter.constants(1, None, "a", c).unwrap_err().to_string();
    assert!(error.contains(r#"must be "a" or "b", but"#), "{error}");

    let amplifier = AmplifierProxy::new(&Local::new(Amplifier).unwrap());
    assert_eq!(amplifier.whole(0.5), Ok(0.5));
    assert!(amplifier.whole(1.5).unwrap_err().to_string().contains("from 0 to 1,"));
    assert!(amplifier.bounds(-1.5).unwrap_err().to_string().contains("from -1 to 1,"));
    assert!(amplifier.list("c".into()).unwrap_err().is_not_executed());
}
