//! Round trips of values, and what the codec refuses.

mod blocks;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::wire::block::{CutBlock, ReadBlocks};

fn encoded<T: Serialize>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out, MAX_VALUE).unwrap();
    out
}

#[test]
fn integers_are_fixed_width_little_endian() {
    assert_eq!(encoded(&0x0102_0304_u32), [4, 3, 2, 1]);
    assert_eq!(encoded(&vec![1.0_f64])[..8], [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(encoded(&vec![1.0_f64])[8..], 1.0_f64.to_le_bytes());
}

#[test]
fn trailing_and_missing_bytes_are_refused() {
    assert_eq!(
        decode::<u16>(&[1, 0, 9]),
        Err(CodecError::TrailingBytes { extra: 1 })
    );
    assert_eq!(decode::<u16>(&[1]), Err(CodecError::UnexpectedEnd));
}

#[test]
fn encoding_stops_at_the_limit_and_leaves_no_trace() {
    let mut out = vec![7; 10];
    let error = encode(&[0_u8; 1000].as_slice(), &mut out, 100).unwrap_err();
    assert_eq!(error, CodecError::TooLarge { limit: 100 });
    assert_eq!(out, [7; 10]);
}

#[test]
fn length_bombs_allocate_nothing_and_end_at_once() {
    let bomb = (1_u64 << 62).to_le_bytes();
    assert!(decode::<Vec<u8>>(&bomb).is_err());
    assert!(decode::<Vec<u64>>(&bomb).is_err());
    assert!(decode::<String>(&bomb).is_err());
    assert!(decode::<HashMap<u64, u64>>(&bomb).is_err());
    assert_eq!(decode::<Vec<()>>(&bomb), Err(CodecError::TooManyElements));
    assert_eq!(decode::<Vec<()>>(&8_u64.to_le_bytes()), Ok(vec![(); 8]));
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Nested(Option<Box<Nested>>);

fn nested(depth: usize) -> Nested {
    (0..depth).fold(Nested::default(), |inner, _| Nested(Some(Box::new(inner))))
}

#[test]
fn nesting_is_bounded_and_never_overflows_the_stack() {
    let shallow = nested(20);
    assert_eq!(decode::<Nested>(&encoded(&shallow)), Ok(shallow));
    assert_eq!(
        decode::<Nested>(&vec![1; 1_000_000]),
        Err(CodecError::TooDeep)
    );
}

#[test]
fn every_kind_of_serde_value_comes_back() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape {
        Unit,
        New(u8),
        Tuple(i16, String),
        Struct {
            a: Option<f32>,
            b: Vec<(char, bool)>,
        },
    }
    let values = vec![
        Shape::Unit,
        Shape::New(3),
        Shape::Tuple(-4, "five".into()),
        Shape::Struct {
            a: Some(6.5),
            b: vec![('7', true)],
        },
    ];
    assert_eq!(decode::<Vec<Shape>>(&encoded(&values)), Ok(values));
    let map = HashMap::from([("x".to_string(), i128::MIN), ("y".to_string(), i128::MAX)]);
    assert_eq!(decode::<HashMap<String, i128>>(&encoded(&map)), Ok(map));
}

/// Returns the memory charged for a value.
fn counted<T: Serialize + DeserializeOwned>(value: &T) -> usize {
    let bytes = encoded(value);
    let mut reader = within(&bytes, 1 << 30);
    reader.read::<T>().unwrap();
    reader.charged()
}

fn within(bytes: &[u8], memory: usize) -> ValueReader<'_> {
    ValueReader::new(bytes, ReadBlocks::default(), memory)
}

type Array = [u64; 32];

#[test]
fn every_value_counts_once_by_the_size_of_its_type() {
    const LIST: usize = size_of::<Vec<u8>>();
    const MAP: usize = size_of::<BTreeMap<u8, u8>>();
    const MAYBE: usize = size_of::<Option<Array>>();
    assert_eq!(counted(&7_u64), 8);
    // The first element is charged eleven times.
    assert_eq!(counted(&vec![(0.5_f64, 1.5_f64); 100]), LIST + 110 * 16);
    assert_eq!(counted(&vec![None::<Array>; 100]), LIST + 110 * MAYBE);
    assert_eq!(counted(&Vec::<Array>::new()), LIST);
    assert_eq!(counted(&vec![vec![1_u16; 2]; 3]), LIST + 13 * LIST + 3 * 24);
    assert_eq!(
        counted(&BTreeMap::from([(7_u8, None::<Array>)])),
        MAP + 11 * (MAYBE + 1)
    );
    assert_eq!(counted(&BTreeSet::from([7_u64, 8])), MAP + 12 * 8);
    // The content of a box is a separate allocation.
    let boxed = Box::new(None::<Array>);
    const PAIR: usize = size_of::<(u8, Box<Option<Array>>)>();
    assert_eq!(counted(&(7_u8, boxed)), PAIR + MAYBE);
    let text = String::from("longer than its pointer and its two lengths");
    assert_eq!(counted(&vec![text; 2]), LIST + 12 * size_of::<String>());
}

#[test]
fn memory_is_refused_before_it_is_taken() {
    let bytes = encoded(&vec![None::<Array>; 1000]);
    let limit = 8 * bytes.len() + 100_000;
    let read = |memory| within(&bytes, memory).read::<Vec<Option<Array>>>();
    assert_eq!(read(100_000), Err(CodecError::TooMuchMemory { limit }));
    assert_eq!(read(300_000).unwrap().len(), 1000);
    // All values of a payload share one budget.
    let twice = [&bytes[..], &bytes].concat();
    let mut reader = within(&twice, 300_000);
    assert!(reader.read::<Vec<Option<Array>>>().is_ok());
    let second = reader.read::<Vec<Option<Array>>>();
    assert!(matches!(second, Err(CodecError::TooMuchMemory { .. })));
}

/// A record as instruments return it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    time: f64,
    value: Option<f64>,
    flags: Vec<bool>,
    place: (String, [f32; 3]),
    more: HashMap<String, Option<Vec<(i16, f64)>>>,
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let pairs = || proptest::collection::vec((any::<i16>(), -1.0..1.0), 0..4);
    let more = proptest::collection::hash_map(".{0,6}", proptest::option::of(pairs()), 0..4);
    let record = (
        -1e9..1e9,
        proptest::option::of(-1.0..1.0),
        any::<Vec<bool>>(),
        (".{0,8}", any::<[bool; 3]>()),
        more,
    );
    let record = record.prop_map(|(time, value, flags, (name, at), more)| Record {
        time,
        value,
        flags,
        place: (name, at.map(|at| if at { 0.5 } else { -1.5 })),
        more,
    });
    proptest::collection::vec(record, 0..20)
}

proptest! {
    /// At least a megabyte of any values is always accepted.
    #[test]
    fn honest_values_need_little_more_than_their_bytes(records in records()) {
        let bytes = encoded(&records);
        let memory = 56 * bytes.len() + 4096;
        let read = within(&bytes, memory).read::<Vec<Record>>();
        prop_assert_eq!(read, Ok(records));
    }
}

fn is_plain(text: &str, words: &str) {
    assert!(text.contains(words), "`{words}` in: {text}");
    for debug in [" {", "inner:", "Serde(", "Error", "NotSupported", "Length("] {
        assert!(!text.contains(debug), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_said_in_words() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "is only read")]
    enum Trigger {
        Off,
        Level(f64),
    }
    fn said<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8], words: &str) {
        let error = decode::<T>(bytes).unwrap_err().to_string();
        is_plain(&error, words);
    }
    said::<bool>(&[7], "the byte 0 or 1, but found 7");
    said::<Option<u8>>(&[9, 1], "begins with the byte 0 or 1, but found 9");
    said::<Vec<bool>>(&[1, 0, 0, 0, 0, 0, 0, 0, 7], "the byte 0 or 1, but found 7");
    said::<serde_json::Value>(&[0], "calls by name only");
    said::<char>(&[0xff, 0, 0, 0], "a character in UTF-8");
    said::<String>(&[1, 0, 0, 0, 0, 0, 0, 0, 0xff], "text in UTF-8");
    said::<Trigger>(
        &[9, 0, 0, 0],
        "no variant of `Trigger`: invalid value: integer `9`",
    );
    said::<Vec<Trigger>>(
        &[&[1, 0, 0, 0, 0, 0, 0, 0][..], &[5, 0, 0, 0]].concat(),
        "`Trigger`",
    );
    said::<std::num::NonZeroU8>(&[0], "nonzero");
}

/// Regression test: the search for long lists took 64 MiB, whatever `decode_memory` of the client allowed.
#[test]
fn the_search_for_long_lists_takes_no_more_memory_than_any_value_may() {
    type Large = Option<[[u64; 32]; 32]>;
    let cut = |large: usize| {
        let mut bytes = Vec::new();
        encode(&vec![Large::None; large], &mut bytes, MAX_VALUE).unwrap();
        encode(&1_000_000_u64, &mut bytes, MAX_VALUE).unwrap();
        find_cut(&[probe::<(Vec<Large>, Vec<u8>)>], &bytes, &[])
    };
    let size = 1_000_000;
    let (begun, element) = (0, 1);
    let found = CutBlock {
        begun,
        element,
        size,
    };
    assert_eq!(cut(0), Some(found));
    assert_eq!(cut(5000), None);
}
