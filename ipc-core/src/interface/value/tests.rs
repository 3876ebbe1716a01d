//! Round trips of values by name.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::*;

mod property;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Trigger {
    Off,
    Level(f64),
    Window { low: f64, high: Option<f64> },
    Pair(u8, i8),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Settings {
    name: String,
    triggers: Vec<Trigger>,
    raw: Vec<u8>,
    wide: Option<i64>,
}

fn settings() -> Settings {
    Settings {
        name: "scope".into(),
        triggers: vec![
            Trigger::Off,
            Trigger::Level(f64::INFINITY),
            Trigger::Window {
                low: -1.0,
                high: None,
            },
            Trigger::Pair(1, -1),
        ],
        raw: vec![1, 2, 255],
        wide: Some(i64::MIN),
    }
}

#[test]
fn any_serde_value_goes_through_the_self_describing_form() {
    let value = Value::from_serialize(&settings()).unwrap();
    assert_eq!(value.clone().into_typed::<Settings>(), Ok(settings()));
    assert!(value.to_string().contains(r#""name": "scope""#), "{value}");
    assert_eq!(unpack::<Value>(&pack(&value).unwrap()), Ok(value));
}

#[test]
fn bytes_and_lists_of_small_numbers_are_interchangeable() {
    assert_eq!(
        Value::Bytes(vec![1, 2]).into_typed::<Vec<u8>>(),
        Ok(vec![1, 2])
    );
}

#[test]
fn wide_integers_and_empty_structs_come_back() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Nothing;

    let odd = (u128::MAX, i128::MIN, Nothing);
    let value = Value::from_serialize(&odd).unwrap();
    assert_eq!(value.into_typed(), Ok(odd));
    assert_eq!(Value::UInt(7).into_typed(), Ok(7_u128));
    assert_eq!(Value::Null.into_typed(), Ok(Nothing));
    assert!(Value::Bytes(vec![1; 15]).into_typed::<u128>().is_err());
}

#[test]
fn errors_name_what_came_and_what_was_expected() {
    let error = Value::String("many".into())
        .into_typed::<u32>()
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(r#"string "many""#) && error.contains("u32"),
        "{error}"
    );
    let error = Value::UInt(300).into_typed::<u8>().unwrap_err().to_string();
    assert!(error.contains("300") && error.contains("u8"), "{error}");
}

#[test]
fn deep_nesting_is_refused() {
    assert_eq!(unpack::<Value>(&[0x91; 100_000]), Err(CodecError::TooDeep));
}

fn packed<T: Serialize>(value: T) -> Vec<u8> {
    pack(&value).unwrap()
}

#[test]
fn some_of_nothing_is_told_from_nothing() {
    const NONE: Option<Option<Option<u8>>> = None;
    assert_eq!(packed(NONE), [0xc0]);
    assert_eq!(packed(Some(None::<Option<u8>>)), [0xd4, 1, 1]);
    assert_eq!(packed(Some(Some(None::<u8>))), [0xd4, 1, 2]);
    assert_eq!(packed(Some(Some(Some(7_u8)))), [7]);
    assert_eq!(packed(Some(())), [0xd4, 1, 1]);
    assert_eq!(packed(Some(Value::Null)), [0xd4, 1, 1]);
    assert_eq!(
        packed(BTreeMap::from([(Some(()), None::<()>)])),
        [0x81, 0xd4, 1, 1, 0xc0]
    );
    let some = |value| Value::Some(Box::new(value));
    let value: Value = unpack(&[0xd4, 1, 2]).unwrap();
    assert_eq!(value, some(some(Value::Null)));
    assert_eq!(value.to_string(), "Some(Some(null))");
    assert_eq!(unpack(&[0xd4, 1, 1]), Ok(Some(Value::Null)));
    // The header may be longer than necessary, as with numbers.
    assert_eq!(unpack(&[0xc7, 1, 1, 1]), Ok(Some(())));
}

#[test]
fn some_of_nothing_is_no_other_value() {
    let some = [0xd4, 1, 1];
    for error in [
        unpack::<u8>(&some).unwrap_err(),
        unpack::<()>(&some).unwrap_err(),
        unpack::<Vec<u8>>(&some).unwrap_err(),
        unpack::<(u8, u8)>(&some).unwrap_err(),
        unpack::<Settings>(&some).unwrap_err(),
        unpack::<Option<u8>>(&some).unwrap_err(),
        unpack::<Trigger>(&some).unwrap_err(),
    ] {
        assert!(matches!(&error, CodecError::Invalid(_)), "{error}");
    }
    let others: [&[u8]; 6] = [
        &[0xd4, 1, 0],
        &[0xd4, 2, 1],
        &[0xd5, 1, 1, 1],
        &[0xc7, 0, 1],
        &[0xd4, 0xff, 1],
        &[0xc1],
    ];
    for other in others {
        assert!(unpack::<Value>(other).is_err(), "{other:x?}");
    }
}

/// Reads a number through infinitely nested options.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

#[test]
fn options_that_take_no_bytes_nest_within_bounds() {
    let chain = |links: u32| (0..links).fold(Chain(None), |inner, _| Chain(Some(Box::new(inner))));
    for links in [0, 1, 60] {
        assert_eq!(unpack::<Chain>(&packed(chain(links))), Ok(chain(links)));
    }
    assert_eq!(unpack::<Chain>(&[7]), Err(CodecError::TooDeep));
    assert_eq!(unpack::<Chain>(&[0xd4, 1, 0xff]), Err(CodecError::TooDeep));
    assert_eq!(pack(&chain(256)), Err(CodecError::TooDeep));
}

/// An iterator that does not announce how many elements it has.
struct Odd;

impl Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((0..40_u8).filter(|number| number % 2 == 1))
    }
}

/// A list that is shorter than it announces.
struct Short;

impl Serialize for Short {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(3))?;
        serde::ser::SerializeSeq::serialize_element(&mut list, &1)?;
        serde::ser::SerializeSeq::end(list)
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: BTreeMap<String, Option<Option<u8>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u8>,
    #[serde(flatten)]
    choice: Choice,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Choice {
    Limits { low: Option<Option<u8>> },
    Other(u8),
}

#[test]
fn unusual_serde_travels_by_name() {
    let odd: Vec<u8> = (0..20).map(|n| 2 * n + 1).collect();
    assert_eq!(packed(&Odd), packed(&odd));
    assert_eq!(packed((&Odd, 7)), packed((&odd, 7)));
    let flat = Flat {
        inner: BTreeMap::from([("a".into(), Some(None)), ("b".into(), None)]),
        left_out: None,
        choice: Choice::Limits { low: Some(None) },
    };
    let read = unpack::<Flat>(&packed(&flat)).unwrap();
    assert_eq!(read.choice, flat.choice);
    assert_eq!(read.inner["a"], Some(None));
    let error = pack(&Short).unwrap_err().to_string();
    assert!(
        error.contains("announces 3 elements and writes 1"),
        "{error}"
    );
}
