//! Lists of plain numbers are blocks wherever they stand, with the bytes that `bincode` writes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;

use proptest::prelude::*;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::super::*;
use super::within;
use crate::wire::guard::block;

/// What `bincode` makes of a value.
fn reference<T: Serialize>(value: &T) -> Vec<u8> {
    let configuration = bincode::config::standard().with_fixed_int_encoding();
    bincode::serde::encode_to_vec(value, configuration).unwrap()
}

/// Writes and reads a value, and compares all of it with `bincode`.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let expected = reference(value);
    let mut written = Vec::new();
    encode(value, &mut written, expected.len()).unwrap();
    assert_eq!(written, expected);
    assert_eq!(&decode::<T>(&written).unwrap(), value);

    let mut short = vec![7];
    if let Some(limit) = expected.len().checked_sub(1) {
        let error = encode(value, &mut short, limit + 1).unwrap_err();
        assert_eq!(error, CodecError::TooLarge { limit: limit + 1 });
        assert_eq!(short, [7]);
    }
    for cut in 0..expected.len() {
        assert!(decode::<T>(&expected[..cut]).is_err(), "{cut} bytes");
    }
    let longer = [&expected[..], &[0]].concat();
    assert!(decode::<T>(&longer).is_err());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Waveform {
    t0: f64,
    samples: Vec<f64>,
    gain: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Pixels(Vec<u16>);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Complex {
    re: f32,
    im: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Reading {
    None,
    One(f64),
    Trace(Vec<i16>),
    Image { width: u32, pixels: Box<[u8]> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Shapes {
    plain: Waveform,
    optional: Option<Vec<f64>>,
    newtype: Pixels,
    twice: Option<Option<Pixels>>,
    pair: (u8, Vec<i32>),
    lists: Vec<Vec<u64>>,
    pairs: Vec<(f64, f64)>,
    complex: Vec<Complex>,
    flags: Vec<bool>,
    letters: Vec<char>,
    wide: Vec<i128>,
    queue: VecDeque<i8>,
    by_name: BTreeMap<String, Vec<f32>>,
    readings: Vec<Reading>,
    result: Result<Vec<i64>, String>,
    fixed: [u32; 3],
    text: String,
}

fn numbers<T: Arbitrary + 'static>() -> impl Strategy<Value = Vec<T>>
where
    T::Strategy: 'static,
{
    proptest::collection::vec(any::<T>(), 0..5)
}

fn finite() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-1e300..1e300, 0..5)
}

fn readings() -> impl Strategy<Value = Vec<Reading>> {
    let reading = prop_oneof![
        Just(Reading::None),
        (-1e9..1e9).prop_map(Reading::One),
        numbers().prop_map(Reading::Trace),
        (any::<u32>(), numbers()).prop_map(|(width, pixels)| Reading::Image {
            width,
            pixels: pixels.into(),
        }),
    ];
    proptest::collection::vec(reading, 0..4)
}

fn shapes() -> impl Strategy<Value = Shapes> {
    let first = (
        finite(),
        proptest::option::of(finite()),
        numbers(),
        numbers(),
    );
    let second = (
        numbers::<Vec<u8>>(),
        finite(),
        numbers(),
        any::<String>(),
        numbers(),
    );
    let third = (
        numbers(),
        readings(),
        proptest::option::of(numbers()),
        numbers(),
    );
    (first, second, third).prop_map(|(first, second, third)| {
        let (samples, optional, pixels, pair) = first;
        let (lists, floats, flags, text, wide) = second;
        let (queue, readings, result, letters): (Vec<i8>, _, _, _) = third;
        let singles = floats.iter().map(|it| *it as f32).collect::<Vec<_>>();
        Shapes {
            plain: Waveform {
                t0: 0.5,
                samples,
                gain: -2.0,
            },
            optional,
            newtype: Pixels(pixels.clone()),
            twice: (!pixels.is_empty()).then_some(Some(Pixels(pixels))),
            pair: (7, pair),
            lists: lists
                .into_iter()
                .map(|list| list.into_iter().map(u64::from).collect())
                .collect(),
            pairs: floats.iter().map(|it| (*it, -it)).collect(),
            complex: singles
                .iter()
                .map(|re| Complex { re: *re, im: 1.0 })
                .collect(),
            flags,
            letters,
            wide,
            queue: queue.into(),
            by_name: BTreeMap::from([(text.clone(), singles)]),
            readings,
            result: result.ok_or_else(|| text.clone()),
            fixed: [1, 2, 3],
            text,
        }
    })
}

proptest! {
    #[test]
    fn every_shape_is_what_bincode_makes_of_it(shapes in shapes()) {
        check(&shapes);
    }

    /// The same bytes are accepted, and as the same value.
    #[test]
    fn any_bytes_are_read_as_bincode_reads_them(bytes in any::<Vec<u8>>()) {
        let configuration = bincode::config::standard().with_fixed_int_encoding().with_limit::<4096>();
        let theirs = bincode::serde::decode_from_slice::<(Option<Vec<u16>>, Reading), _>(&bytes, configuration);
        let ours = Reader::new(&bytes).read::<(Option<Vec<u16>>, Reading)>();
        prop_assert_eq!(ours.ok(), theirs.ok().map(|(value, _)| value));
    }
}

#[test]
fn lists_of_every_plain_type_are_blocks() {
    check(&Some(vec![-0.5_f64, f64::INFINITY]));
    check(&Some(vec![0.5_f32, f32::MAX]));
    check(&Some(vec![1_u8, u8::MAX]));
    check(&Some(vec![1_i8, i8::MIN]));
    check(&Some(vec![1_u16, u16::MAX]));
    check(&Some(vec![1_i16, i16::MIN]));
    check(&Some(vec![1_u32, u32::MAX]));
    check(&Some(vec![1_i32, i32::MIN]));
    check(&Some(vec![1_u64, u64::MAX]));
    check(&Some(vec![1_i64, i64::MIN]));
    check(&Some(vec![true, false]));
}

/// Keeps the visitor of serde for a list.
struct Spy;

impl<'de> Deserializer<'de> for Spy {
    type Error = CodecError;

    fn deserialize_seq<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
        let request = block::request::<V>().unwrap_or("no block");
        Err(CodecError::Invalid(request.into()))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, CodecError> {
        Err(CodecError::UnexpectedEnd)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// If serde renames its visitors, lists become slow without any other sign.
#[test]
fn the_visitors_of_serde_are_recognised() {
    fn request<T: DeserializeOwned + Debug>() -> String {
        T::deserialize(Spy).unwrap_err().to_string()
    }
    assert_eq!(request::<Vec<f64>>(), "\0block\x08\x01");
    assert_eq!(request::<Box<[u16]>>(), "\0block\x02\x01");
    assert_eq!(request::<Vec<bool>>(), "\0block\x01\x01");
    assert_eq!(request::<Vec<(f64, f64)>>(), "\0block\x08\x02");
    assert_eq!(request::<Vec<[i16; 3]>>(), "\0block\x02\x03");
    assert_eq!(request::<Vec<(f64, f32)>>(), "no block");
    assert_eq!(request::<Vec<String>>(), "no block");
    assert_eq!(request::<Doubled>(), "no block");
}

/// A list whose type does something with its elements.
#[derive(Debug, PartialEq)]
struct Doubled(Vec<f64>);

impl Serialize for Doubled {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|it| it / 2.0))
    }
}

impl<'de> Deserialize<'de> for Doubled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Doubling;

        impl<'de> Visitor<'de> for Doubling {
            type Value = Vec<f64>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("halves")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<f64>, A::Error> {
                let mut doubled = Vec::new();
                while let Some(half) = list.next_element::<f64>()? {
                    doubled.push(2.0 * half);
                }
                Ok(doubled)
            }
        }

        deserializer.deserialize_seq(Doubling).map(Doubled)
    }
}

#[test]
fn a_visitor_of_another_type_is_asked() {
    check(&Doubled(vec![1.0, 2.0]));
}

#[test]
fn lists_of_groups_of_numbers_are_blocks() {
    check(&vec![(1.5_f64, -2.0); 3]);
    check(&vec![(1_u8, 2, 3), (4, 5, 6)]);
    check(&vec![[1.5_f32, -2.0], [0.5, 7.0]]);
    check(&vec![[1.5_f64, -2.0, 0.5]]);
    check(&vec![[1_u16, 2, 3, 4]; 3]);
    check(&vec![[1_i64, 2, 3, 4, 5]; 3]);
    check(&vec![(true, false), (false, true)]);
    check(&Some(vec![Vec::<(i32, i32)>::new(), vec![(1, -1)]]));
}

/// As deep and as large as if they were read number by number.
#[test]
fn groups_of_numbers_keep_to_the_limits() {
    fn read<T: DeserializeOwned>(bytes: &[u8], levels: u32) -> Result<usize, CodecError> {
        let budget = Budget::new(bytes.len(), MIN_DECODE_MEMORY);
        let mut input = Input {
            rest: bytes,
            aside: budget.aside(),
        };
        let read = GuardedSeed::<T>::new(&budget, levels).deserialize(&mut input);
        read.map_err(|error| explained(error, &budget))?;
        Ok(budget.charged())
    }
    let bytes = reference(&vec![[1_i32, 2, 3]; 100]);
    assert_eq!(read::<Vec<[i32; 3]>>(&bytes, 1), Err(CodecError::TooDeep));
    // Lists of these are no blocks.
    assert_eq!(read::<Vec<[u32; 3]>>(&bytes, 1), Err(CodecError::TooDeep));
    let charged = read::<Vec<[i32; 3]>>(&bytes, 2);
    assert!(charged.is_ok());
    assert_eq!(charged, read::<Vec<[u32; 3]>>(&bytes, 2));
    assert_eq!(charged, read::<Vec<(i32, i32, i32)>>(&bytes, 2));
    let many = 1_000_000_u64.to_le_bytes();
    let error = decode::<Vec<(f64, f64)>>(&many).unwrap_err();
    assert_eq!(error, CodecError::UnexpectedEnd);
    let error = decode::<Vec<(f64, f64)>>(&u64::MAX.to_le_bytes()).unwrap_err();
    assert_eq!(error, CodecError::UnexpectedEnd);
}

#[test]
fn a_list_inside_a_value_is_charged_as_before() {
    let bytes = reference(&Some(vec![0_u64; 100_000]));
    // 8 times the bytes is more than enough for the numbers themselves.
    assert!(within(&bytes, 0).read::<Option<Vec<u64>>>().is_ok());
    let many = 1_000_000_u64.to_le_bytes();
    let announced = [&[1][..], &many].concat();
    let error = decode::<Option<Vec<u64>>>(&announced).unwrap_err();
    assert_eq!(error, CodecError::UnexpectedEnd);
    let list = decode::<Vec<[u8; 32]>>(&many).unwrap_err();
    assert_eq!(list, CodecError::TooManyElements);
}
