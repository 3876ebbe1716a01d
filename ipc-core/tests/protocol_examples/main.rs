//! The examples in `PROTOCOL.md` are what the code does, and the frames never change.
//!
//! The failure of `the_frames_are_what_they_were` prints `frames.json` as this code makes it.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what it expects by unwrapping, its helpers too"
)]

mod conversation;
mod further;
mod meter;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use conversation::{Sent, frames};
use ipc_core::Remote;
use ipc_core::interface::value;
use ipc_core::wire::codec::{self, MAX_VALUE};
use ipc_core::wire::ctrl::{Bye, CallHeader, Form, Hello, Info, Welcome};
use ipc_core::wire::failure::{Fault, Refusal};
use ipc_core::wire::message::IncomingCall;
use meter::{Inputs, Meter, Nothing, Point, Trigger, Volts};
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const DOCUMENT: &str = include_str!("../../../PROTOCOL.md");
const FROZEN: &str = include_str!("../vectors/frames.json");

#[test]
fn the_frames_are_what_they_were() {
    let now: Vec<Value> = frames().iter().map(listed).collect();
    let frozen: Vec<Value> = serde_json::from_str(FROZEN).unwrap();
    assert!(
        frozen == now,
        "frames.json differs; this code gives\n{}",
        serde_json::to_string_pretty(&now).unwrap()
    );
}

fn listed(sent: &Sent) -> Value {
    json!({ "name": sent.name, "from": sent.from, "hex": to_hex(&sent.bytes) })
}

#[test]
fn every_frozen_frame_is_read_and_written_alike() {
    for (name, bytes) in frozen() {
        let (head, payload) = bytes.split_at(6);
        let number = u16::from_le_bytes([head[4], head[5]]);
        let again = match number {
            1 => reencoded::<Hello>(payload),
            2 => reencoded::<Welcome>(payload),
            3 => reencoded::<Bye>(payload),
            4 | 5 | 13 | 14 => reencoded::<u64>(payload),
            10 if name == "call" || name == "call-failing" => {
                reencoded::<(CallHeader, u32)>(payload)
            }
            10 if name == "call-set" => reencoded::<(CallHeader, u8)>(payload),
            10 | 12 => reencoded::<CallHeader>(payload),
            11 | 15 => reencoded::<(CallHeader, Vec<u8>)>(payload),
            100 => reencoded::<Info>(payload),
            200 if name == "ok" => reencoded::<(u64, f64)>(payload),
            200 if name == "ok-unit" => reencoded::<u64>(payload),
            200 => reencoded::<(u64, Vec<u8>)>(payload),
            400 => reencoded::<(u64, Refusal)>(payload),
            500 => reencoded::<(u64, Fault)>(payload),
            other => panic!("{name} has the undefined number {other}"),
        };
        assert_eq!(to_hex(&again), to_hex(payload), "{name}");
    }
}

fn reencoded<T: Serialize + serde::de::DeserializeOwned>(payload: &[u8]) -> Vec<u8> {
    encoded(&codec::decode::<T>(payload).expect("a frozen frame"))
}

#[test]
fn the_document_shows_the_frozen_frames() {
    let frozen = frozen();
    let mut shown = 0;
    for (info, block) in blocks() {
        let Some(name) = info.strip_prefix("hex ") else {
            continue;
        };
        let digits: String = block
            .lines()
            .map(|line| line.split(';').next().unwrap_or_default())
            .flat_map(|line| line.chars().filter(|c| !c.is_whitespace()))
            .collect();
        let expected = frozen.get(name).map(|bytes| to_hex(bytes));
        assert_eq!(Some(digits), expected, "the dump of {name}");
        shown += 1;
    }
    assert!(shown >= 20, "only {shown} dumps");
}

#[test]
fn the_document_shows_fingerprints_as_they_are() {
    let lines = only_block("fingerprints");
    let mut lines = lines.lines();
    for method in Meter::interface().methods {
        let canonical = lines.next().expect("a canonical text").trim();
        let shown = lines.next().expect("a fingerprint").trim();
        let digest = Sha256::digest(canonical);
        let number = u64::from_be_bytes(digest[..8].try_into().unwrap());
        let expected = format!("0x{number:016x}");
        let name = method.wire_name("");
        assert_eq!(number, method.fingerprint(), "{name}: {canonical}");
        assert_eq!(shown, expected, "{canonical}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn the_document_shows_values_as_the_codec_writes_them() {
    assert_eq!(only_block("codec"), values(encoded_hex));
}

#[test]
fn the_document_shows_values_as_message_pack() {
    assert_eq!(only_block("msgpack"), values(packed_hex));
}

#[test]
fn the_document_shows_a_description_as_it_is() {
    let bytes = &frozen()["description"];
    let packed: Vec<u8> = codec::decode(&bytes[14..]).unwrap();
    let description: Value = value::unpack(&packed).unwrap();
    let shown: Value = serde_json::from_str(&only_block("json description")).unwrap();
    let methods = &description["devices"][0]["interface"]["methods"];
    assert_eq!(shown, methods[0]);
    let types: Value = serde_json::from_str(&only_block("json types")).unwrap();
    assert_eq!(types[0], methods[3]["result"]);
    assert_eq!(types[1], methods[4]["arguments"][0]["schema"]);
}

#[test]
fn a_refusal_too_long_to_tell_is_still_a_refusal() {
    let header = CallHeader {
        number: 7,
        acknowledged: 7,
        timeout_ms: 0,
        fingerprint: 0,
        method: "x".repeat(100_000),
    };
    let mut payload = Vec::new();
    codec::encode(&header, &mut payload, codec::MAX_VALUE).unwrap();
    let call = IncomingCall::read(Form::ByName, payload.into()).unwrap();
    let limit = 65_536;
    let (registry, context) = (meter::registry(), conversation::context());
    let frame = ipc_core::native::run(registry.offers(), &call, &context, limit).to_vec();
    assert!(frame.len() <= limit && frame[4..6] == 400_u16.to_le_bytes());
    let (number, refusal): (u64, Refusal) = codec::decode(&frame[6..]).unwrap();
    assert_eq!(number, 7);
    assert!(matches!(refusal, Refusal::Protocol { .. }), "{refusal}");
}

/// One line for each example of a value.
fn values(hex: fn(&dyn Written) -> String) -> String {
    let window = Trigger::Window {
        low: -1.0,
        high: None,
    };
    let inputs = Inputs {
        volts: [0.5, 0.25],
        label: "é".into(),
    };
    let examples: [(&str, Box<dyn Written>); 31] = [
        ("bool true", Box::new(true)),
        ("u8 200", Box::new(200_u8)),
        ("i16 -2", Box::new(-2_i16)),
        ("u32 20", Box::new(20_u32)),
        ("u64 300", Box::new(300_u64)),
        ("i128 -2", Box::new(-2_i128)),
        ("f32 0.5", Box::new(0.5_f32)),
        ("f64 2.5", Box::new(2.5_f64)),
        ("char 'é'", Box::new('é')),
        ("String \"é\"", Box::new("é")),
        ("()", Box::new(())),
        ("Option<u8> None", Box::new(None::<u8>)),
        ("Option<u8> Some(7)", Box::new(Some(7_u8))),
        ("Option<()> Some(())", Box::new(Some(()))),
        ("Option<Option<u8>> Some(None)", Box::new(Some(None::<u8>))),
        (
            "Option<Option<u8>> Some(Some(7))",
            Box::new(Some(Some(7_u8))),
        ),
        ("Vec<u8> [1, 2]", Box::new(vec![1_u8, 2])),
        ("Vec<i16> [-1]", Box::new(vec![-1_i16])),
        ("[u16; 2] [1, 2]", Box::new([1_u16, 2])),
        ("(u8, bool) (1, true)", Box::new((1_u8, true))),
        (
            "Map<String, u8> {\"a\": 1}",
            Box::new(BTreeMap::from([("a", 1_u8)])),
        ),
        ("Set<u8> {1}", Box::new(BTreeSet::from([1_u8]))),
        ("Duration 1.5 s", Box::new(Duration::from_millis(1500))),
        (
            "Inputs { volts: [0.5, 0.25], label: \"é\" }",
            Box::new(inputs),
        ),
        ("Volts(2.5)", Box::new(Volts(2.5))),
        ("Point(1, 2)", Box::new(Point(1, 2))),
        ("Nothing", Box::new(Nothing)),
        ("Trigger::Off", Box::new(Trigger::Off)),
        ("Trigger::Level(2.5)", Box::new(Trigger::Level(2.5))),
        (
            "Trigger::Window { low: -1.0, high: None }",
            Box::new(window),
        ),
        ("Trigger::Pair(1, 2)", Box::new(Trigger::Pair(1, 2))),
    ];
    examples
        .iter()
        .map(|(text, value)| format!("{text:<44}{}\n", hex(value.as_ref())))
        .collect()
}

/// A value in both forms.
trait Written {
    fn encoded(&self) -> Vec<u8>;
    fn packed(&self) -> Vec<u8>;
}

impl<T: Serialize> Written for T {
    fn encoded(&self) -> Vec<u8> {
        encoded(self)
    }

    fn packed(&self) -> Vec<u8> {
        value::pack(self).unwrap()
    }
}

fn encoded_hex(value: &dyn Written) -> String {
    spaced(&value.encoded())
}

fn packed_hex(value: &dyn Written) -> String {
    spaced(&value.packed())
}

fn spaced(bytes: &[u8]) -> String {
    match bytes {
        [] => "(no bytes)".into(),
        bytes => bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<Vec<_>>()
            .join(" "),
    }
}

fn encoded<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    codec::encode(value, &mut out, MAX_VALUE).unwrap();
    out
}

/// The frozen frames by name.
fn frozen() -> BTreeMap<String, Vec<u8>> {
    let frames: Vec<Value> = serde_json::from_str(FROZEN).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_string();
    frames
        .iter()
        .map(|frame| (text(&frame["name"]), from_hex(&text(&frame["hex"]))))
        .collect()
}

/// The fenced blocks of the document: what stands behind the fence, and what is inside.
fn blocks() -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in DOCUMENT.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(info), None) => open = Some((info.to_string(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert_eq!(open, None, "a block without an end");
    blocks
}

fn only_block(info: &str) -> String {
    let found: Vec<String> = blocks()
        .into_iter()
        .filter(|(other, _)| other == info)
        .map(|(_, text)| text)
        .collect();
    assert_eq!(found.len(), 1, "blocks called {info}");
    found.concat()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).unwrap();
        u8::from_str_radix(pair, 16).unwrap()
    };
    hex.as_bytes().chunks(2).map(digit).collect()
}
