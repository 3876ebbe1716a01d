//! `#[remote]` on `impl` blocks: what arrives at the driver, what comes back, what callers see.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_arguments
)]

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use ipc_core::interface::registry::Registry;
use ipc_core::private::OutgoingCall;
use ipc_core::{Args, CallError, Caller, Device, Local, Refusal, Remote, Value, remote};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MeterError {
    OutOfRange(u8),
    Broken { why: String },
}

impl fmt::Display for MeterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for MeterError {}

type Reading = Result<f64, MeterError>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    volts: [f64; 8],
    name: String,
}

#[derive(Default)]
pub struct Meter {
    range: u8,
    log: Vec<String>,
}

/// A meter for tests.
#[remote]
impl Meter {
    const LIMIT: u32 = 100;

    pub fn open() -> Self {
        Self::default()
    }

    /// The range.
    ///
    /// 1 to 5.
    #[remote(get)]
    pub fn get_range(&self) -> u8 {
        self.range
    }

    #[remote(set)]
    pub fn set_range(&mut self, #[remote(range = 1..=5)] range: u8) -> Result<(), MeterError> {
        if range == 4 {
            return Err(MeterError::OutOfRange(range));
        }
        self.range = range;
        Ok(())
    }

    /// Mean voltage.
    #[remote(unit = "V", idempotent)]
    pub fn read_voltage(
        &mut self,
        #[remote(default = 1, range = 1..=Self::LIMIT, unit = "readings")] samples: u32,
    ) -> Reading {
        Ok(f64::from(samples) * 0.5)
    }

    #[remote(read)]
    pub fn inputs(&self) -> Inputs {
        Inputs {
            volts: [0.5; 8],
            name: "front".into(),
        }
    }

    pub fn texts(
        &mut self,
        text: &str,
        data: &[u16],
        path: &Path,
        note: Option<&str>,
        more: Option<&[u8]>,
        inputs: &Inputs,
        perhaps: Option<&Inputs>,
    ) -> String {
        let more = more.map(<[u8]>::len);
        format!(
            "{text} {data:?} {} {note:?} {more:?} {} {}",
            path.display(),
            inputs.name,
            perhaps.is_some()
        )
    }

    pub fn mode(
        &mut self,
        #[remote(default = "slow", one_of = ["slow", "fast"])] speed: &str,
        #[remote(default = "x")] owned: String,
        #[remote(range = 0.0..1.0)] level: Option<f64>,
        #[remote(default = &[1, 2])] list: &[u8],
    ) -> (String, String, Option<f64>, Vec<u8>) {
        (speed.into(), owned, level, list.into())
    }

    pub fn many(&self) -> std::io::Result<Vec<Inputs>> {
        Err(std::io::Error::other("no inputs"))
    }

    pub fn text_error(&self) -> Result<(), String> {
        Err("plain".into())
    }

    pub fn boxed_error(&self) -> Result<(), Box<dyn std::error::Error>> {
        Err("boxed".into())
    }

    pub fn map(&self, map: HashMap<String, Vec<u8>>) -> HashMap<String, usize> {
        map.into_iter()
            .map(|(key, value)| (key, value.len()))
            .collect()
    }

    pub async fn slow(&mut self, ctx: &ipc_core::CallContext, n: u8) -> Result<u8, MeterError> {
        ctx.progress(0.5, "half");
        std::future::ready(()).await;
        Ok(n + 1)
    }

    #[remote(rename = "shutter_open")]
    pub fn r#type(&mut self, r#in: u8) -> u8 {
        self.helper(r#in)
    }

    #[remote(skip)]
    pub fn hidden(&self) -> &str {
        "hidden"
    }

    fn helper(&mut self, x: u8) -> u8 {
        self.log.push(x.to_string());
        x
    }
}

fn meter() -> MeterProxy<Local> {
    MeterProxy::new(&Local::new(Meter::open()).unwrap())
}

#[test]
fn calls_reach_the_driver_and_come_back() {
    let meter = meter();
    assert_eq!(meter.set_range(3), Ok(()));
    assert_eq!(meter.get_range(), Ok(3));
    assert_eq!(meter.read_voltage(20), Ok(10.0));
    assert_eq!(meter.inputs().unwrap().name, "front");
    assert_eq!(meter.slow(1), Ok(2));
    assert_eq!(meter.r#type(7), Ok(7));
    assert_eq!(
        meter.map(HashMap::from([("a".into(), vec![1, 2])])),
        Ok(HashMap::from([("a".into(), 2)]))
    );
}

#[test]
fn references_are_decoded_into_their_owned_forms() {
    let inputs = Inputs {
        volts: [0.0; 8],
        name: "rear".into(),
    };
    let text = meter()
        .texts(
            "a",
            &[1, 2],
            Path::new("/x"),
            Some("b"),
            Some(&[1, 2, 3]),
            &inputs,
            None,
        )
        .unwrap();
    assert_eq!(text, r#"a [1, 2] /x Some("b") Some(3) rear false"#);
}

#[test]
fn a_driver_error_comes_back_as_itself() {
    let error = meter().set_range(4).unwrap_err();
    assert_eq!(
        error.downcast::<MeterError>(),
        Some(MeterError::OutOfRange(4))
    );
    let fault = error.fault().unwrap();
    assert_eq!(
        (fault.type_name.as_str(), fault.message.as_str()),
        ("MeterError", "OutOfRange(4)")
    );

    let error = meter().many().unwrap_err();
    assert_eq!(
        (
            error.fault().unwrap().type_name.as_str(),
            error.fault().unwrap().message.as_str()
        ),
        ("Error", "no inputs")
    );
    let error = meter().text_error().unwrap_err();
    assert_eq!(error.downcast::<String>(), Some("plain".into()));
    assert_eq!(
        meter().boxed_error().unwrap_err().fault().unwrap().message,
        "boxed"
    );
}

#[test]
fn arguments_out_of_bounds_are_refused_at_the_client_and_at_the_server() {
    let refused = |result: Result<(), CallError>, words: &[&str]| {
        let text = result.unwrap_err().to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    refused(
        meter().set_range(6),
        &["set_range", "`range`", "a number from 1 to 5", "6"],
    );
    refused(
        meter().read_voltage(101).map(drop),
        &["a number from 1 to 100"],
    );
    refused(
        meter().mode("quick", "".into(), None, &[]).map(drop),
        &["speed", r#""slow" or "fast""#, "quick"],
    );
    refused(
        meter().mode("slow", "".into(), Some(1.0), &[]).map(drop),
        &["level", "from 0 to less than 1"],
    );
    assert!(meter().mode("slow", "".into(), Some(0.5), &[]).is_ok());

    let by_name: Result<Value, _> = Local::new(Meter::open())
        .unwrap()
        .call(OutgoingCall::by_name(
            "set_range",
            &Args::new().arg(9).unwrap(),
        ));
    assert!(
        matches!(
            by_name,
            Err(CallError::Refused(Refusal::BadArgument { .. }))
        ),
        "{by_name:?}"
    );
}

#[test]
fn defaults_are_filled_in_for_callers_by_name() {
    let local = Local::new(Meter::open()).unwrap();
    let args = Args::new().named("level", 0.5).unwrap();
    let answer: (String, String, Option<f64>, Vec<u8>) =
        local.call(OutgoingCall::by_name("mode", &args)).unwrap();
    assert_eq!(answer, ("slow".into(), "x".into(), Some(0.5), vec![1, 2]));
    let voltage: f64 = local
        .call(OutgoingCall::by_name("read_voltage", &Args::new()))
        .unwrap();
    assert_eq!(voltage, 0.5);
}

#[test]
fn the_description_says_it_all() {
    let interface = Meter::interface();
    assert_eq!(
        (interface.name.as_str(), interface.doc.as_str()),
        ("Meter", "A meter for tests.")
    );
    let signatures: Vec<_> = interface.methods.iter().map(|m| m.signature("")).collect();
    assert_eq!(
        signatures,
        [
            "get_range() -> u8",
            "set_range(range: u8)",
            "read_voltage(samples: u32 = 1) -> f64",
            "inputs() -> Inputs",
            "texts(text: String, data: Vec<u16>, path: PathBuf, note: Option<String>, more: Option<Vec<u8>>, \
             inputs: Inputs, perhaps: Option<Inputs>) -> String",
            "mode(speed: String = \"slow\", owned: String = \"x\", level: Option<f64>, list: Vec<u8> = &[1, 2]) -> \
             (String, String, Option<f64>, Vec<u8>)",
            "many() -> Vec<Inputs>",
            "text_error()",
            "boxed_error()",
            "map(map: Map<String, Vec<u8>>) -> Map<String, u64>",
            "slow(n: u8) -> u8",
            "shutter_open(in: u8) -> u8",
        ]
    );
    let method = |name: &str| interface.methods.iter().find(|m| m.name == name).unwrap();
    assert_eq!(method("range").doc, "The range.\n\n1 to 5.");
    assert!(
        method("range").idempotent
            && method("read_voltage").idempotent
            && !method("inputs").idempotent
    );
    assert!(method("range").only_reads() && method("inputs").only_reads());
    assert!(!method("read_voltage").only_reads());
    assert_eq!(method("read_voltage").unit.as_deref(), Some("V"));
    assert_eq!(method("read_voltage").error.as_deref(), Some("MeterError"));
    assert_eq!(
        method("read_voltage").arguments[0].unit.as_deref(),
        Some("readings")
    );
    assert_eq!(method("many").error.as_deref(), Some("Error"));
    assert_eq!(method("inputs").error, None);
}

#[test]
fn two_devices_of_one_kind_have_their_prefixes() {
    let mut registry = Registry::new();
    registry
        .add_device(Device::new(Meter::open()).prefix("pump_"))
        .unwrap();
    registry
        .add_device(Device::new(Meter::open()).prefix("signal_"))
        .unwrap();
    let local = Local::from(registry);
    let (pump, signal) = (
        MeterProxy::with_prefix(&local, "pump_"),
        MeterProxy::with_prefix(&local, "signal_"),
    );
    pump.set_range(2).unwrap();
    assert_eq!((pump.get_range(), signal.get_range()), (Ok(2), Ok(0)));
}
