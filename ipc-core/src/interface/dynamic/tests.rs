//! Values by schema: the bytes are those of the type, through every form that a value can take.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use serde::Serialize;

use super::read::read_payload;
use super::write::{Misfit, write};
use crate::interface::schema::{Describe, Field, Schema, Variant};
use crate::interface::value::{Value, pack, unpack};
use crate::wire::bulk;
use crate::wire::codec::{self, CodecError, DECODE_MEMORY, MAX_VALUE};

mod random;

fn read(schema: &Schema, bytes: &[u8]) -> Result<Value, CodecError> {
    let payload = Bytes::copy_from_slice(bytes).into();
    read_payload(schema, payload, DECODE_MEMORY)
}

fn written(value: &Value, schema: &Schema) -> Result<Vec<u8>, Misfit> {
    let (mut out, mut blocks) = (Vec::new(), Vec::new());
    write(value, schema, &mut out, &mut blocks)?;
    Ok(bulk::joined(&out, &blocks))
}

/// Checks that reading and writing by the schema are what the codec does with the type.
fn is_like_its_type<T: Describe + Serialize>(value: T) {
    let schema = T::schema();
    let mut bytes = Vec::new();
    codec::encode(&value, &mut bytes, MAX_VALUE).unwrap();
    let read = read(&schema, &bytes).unwrap();
    assert_eq!(written(&read, &schema).unwrap(), bytes, "{read}");
    let by_name = Value::from_serialize(&value).unwrap();
    assert_eq!(written(&by_name, &schema).unwrap(), bytes, "{by_name}");
    assert_eq!(
        read.to_string(),
        unpack::<Value>(&pack(&read).unwrap()).unwrap().to_string()
    );
}

#[test]
fn values_have_the_bytes_of_their_types() {
    is_like_its_type((true, 'µ', "text".to_string(), ()));
    is_like_its_type((1_u8, 2_u16, 3_u32, 4_u64));
    is_like_its_type((-1_i8, 2_i16, -3_i32, i64::MIN));
    is_like_its_type((0.5_f32, f64::INFINITY, -0.0));
    is_like_its_type((Some(vec![1_u8, 2]), None::<u8>, [1.5_f64; 3]));
    is_like_its_type(BTreeMap::from([("a".to_string(), vec![-1_i32])]));
    is_like_its_type((Ok::<u8, String>(7), Err::<u8, _>("no".to_string())));
    is_like_its_type(vec![(1.0, 2.0), (3.0, 4.0)]);
    is_like_its_type((Some(None::<u8>), Some(Some(3_u8)), None::<Option<u8>>));
    is_like_its_type(vec![vec![true, false], vec![]]);
    let long: Vec<f64> = (0..10_000).map(f64::from).collect();
    is_like_its_type((7_u8, long, "behind it".to_string()));
}

#[test]
fn wide_integers_come_back() {
    for wide in [0, u128::from(u64::MAX) + 1, u128::MAX] {
        let bytes = wide.to_le_bytes();
        let value = read(&u128::schema(), &bytes).unwrap();
        assert_eq!(value.to_string(), wide.to_string());
        assert_eq!(written(&value, &u128::schema()).unwrap(), bytes);
    }
}

proptest! {
    #[test]
    fn any_value_of_any_described_type_keeps_its_bytes(seed: u64) {
        let mut random = random::Random(seed);
        let schema = random.schema(4);
        let mut bytes = Vec::new();
        random.value(&schema, &mut bytes);
        let value = read(&schema, &bytes).unwrap();
        prop_assert_eq!(&written(&value, &schema).unwrap(), &bytes, "{:?}", value);
        let packed: Value = unpack(&pack(&value).unwrap()).unwrap();
        prop_assert_eq!(&written(&packed, &schema).unwrap(), &bytes, "{:?}", packed);
        #[cfg(feature = "json")]
        for json in [value.json(), value.json().packed_arrays()] {
            let json = json.to_string();
            let read = Value::from_json(&json).unwrap();
            prop_assert_eq!(&written(&read, &schema).unwrap(), &bytes, "{}", json);
        }
    }

    #[test]
    fn no_bytes_panic_and_what_is_read_is_written_alike(seed: u64, bytes: Vec<u8>) {
        let schema = random::Random(seed).schema(3);
        if let Ok(value) = read(&schema, &bytes) {
            prop_assert_eq!(written(&value, &schema).unwrap(), bytes);
        }
    }

    #[test]
    fn bytes_that_end_early_or_late_are_refused(seed: u64, cut: prop::sample::Index) {
        let mut random = random::Random(seed);
        let schema = random.schema(3);
        let mut bytes = Vec::new();
        random.value(&schema, &mut bytes);
        if !bytes.is_empty() {
            let cut = cut.index(bytes.len());
            prop_assert!(read(&schema, bytes.get(..cut).unwrap_or_default()).is_err());
        }
        bytes.push(0);
        prop_assert!(read(&schema, &bytes).is_err());
    }

    /// A float of 32 bits survives as the shortest decimal number that means it.
    #[test]
    #[cfg(feature = "json")]
    fn every_float_of_32_bits_survives_json(bits: u32) {
        let value = Value::Float32(f32::from_bits(bits));
        let read = Value::from_json(&value.json().to_string()).unwrap();
        prop_assert_eq!(written(&read, &f32::schema()).unwrap(), bits.to_le_bytes());
    }
}

#[test]
fn memory_follows_the_bytes_that_came() {
    let counts = [u64::MAX, 1 << 40, 1 << 62];
    let of_nothing = Schema::List(Box::new(Schema::Unit));
    let texts = Schema::List(Box::new(Schema::String));
    let of_arrays = Schema::List(Box::new(Schema::Array(
        Box::new(Schema::Float(64)),
        1 << 61,
    )));
    for count in counts {
        for schema in [&of_nothing, &texts, &of_arrays, &<Vec<f64>>::schema()] {
            assert!(read(schema, &u64::to_le_bytes(count)).is_err(), "{schema}");
        }
    }
    let endless = Schema::Array(Box::new(Schema::Unit), u64::MAX);
    assert!(matches!(
        read(&endless, &[]),
        Err(CodecError::TooMuchMemory { .. })
    ));
    let itself = Schema::Struct {
        name: "Chain".into(),
        doc: String::new(),
        fields: vec![Field {
            name: "next".into(),
            schema: Schema::Recursive("Chain".into()),
            ..Field::default()
        }],
    };
    assert_eq!(read(&itself, &[]), Err(CodecError::TooDeep));
}

/// Regression test: a kilobyte of empty maps took gigabytes, each of its missing fields a value.
#[test]
fn fields_that_were_left_out_take_no_memory_without_bound() {
    let fields = (0..20_000).map(|number| Field {
        name: format!("f{number}"),
        schema: <Option<()>>::schema(),
        ..Field::default()
    });
    let of = Schema::Struct {
        name: "S".into(),
        doc: String::new(),
        fields: fields.collect(),
    };
    let schema = Schema::List(Box::new(of));
    let maps = Value::List(vec![Value::Map(vec![]); 1000]);
    assert_eq!(super::shaped(&maps, &schema, 64 * 1024, 1 << 20), None);
}

fn mode() -> Schema {
    let variant = |name: &str, fields| Variant {
        name: name.into(),
        doc: String::new(),
        fields,
    };
    let watts = Field {
        name: "watts".into(),
        schema: Schema::Float(64),
        ..Field::default()
    };
    Schema::Enum {
        name: "Mode".into(),
        doc: String::new(),
        variants: vec![variant("Off", vec![]), variant("Heat", vec![watts])],
    }
}

fn heat(field: &str, value: impl Into<Value>) -> Value {
    let fields = Value::Map(vec![(field.into(), value.into())]);
    Value::Map(vec![("Heat".into(), fields)])
}

#[test]
fn misfits_say_where_what_and_what_instead() {
    let text = |value: Value, schema: Schema| written(&value, &schema).unwrap_err().text();
    assert_eq!(
        text("fast".into(), u8::schema()),
        "expected `u8`, given \"fast\""
    );
    assert_eq!(text(300.into(), u8::schema()), "expected `u8`, given 300");
    assert_eq!(text(2.5.into(), i32::schema()), "expected `i32`, given 2.5");
    assert_eq!(
        text(1e300.into(), f32::schema()),
        "expected `f32`, given 1e300"
    );
    let of_three = text(vec![1_u8, 2].into(), <[u8; 3]>::schema());
    assert_eq!(of_three, "expected `[u8; 3]`, given [1, 2]");
    let list = Value::List(vec![1.into(), "x".into()]);
    assert_eq!(
        text(list, <Vec<u8>>::schema()),
        "`[1]`: expected `u8`, given \"x\""
    );
    let unknown = "expected `Mode`: Off or Heat, given \"heat\"; did you mean `Heat`?";
    assert_eq!(text("heat".into(), mode()), unknown);
    let misspelt =
        "`.Heat`: expected `Mode` with watts, given a field \"wats\"; did you mean `watts`?";
    assert_eq!(text(heat("wats", 1.0), mode()), misspelt);
    let wrong = "`.Heat.watts`: expected `f64`, given \"much\"";
    assert_eq!(text(heat("watts", "much"), mode()), wrong);
    let missing = "`.Heat`: expected `Mode` with watts, given a map of 0 without `watts`";
    let empty = Value::Map(vec![("Heat".into(), Value::Map(vec![]))]);
    assert_eq!(text(empty, mode()), missing);
}

#[test]
fn numbers_are_taken_for_what_they_mean() {
    let is =
        |value: Value, schema: Schema| read(&schema, &written(&value, &schema).unwrap()).unwrap();
    assert_eq!(is(20.into(), f64::schema()), 20.0.into());
    assert_eq!(is(1e3.into(), u32::schema()), 1000.into());
    assert_eq!(is(0.1.into(), f32::schema()), 0.1_f32.into());
    assert_eq!(
        is(vec![1_u16, 2].into(), <Vec<f64>>::schema()),
        vec![1.0, 2.0].into()
    );
    assert_eq!(
        is(Value::Bytes(vec![1, 2]), <Vec<u8>>::schema()),
        vec![1_u8, 2].into()
    );
    assert_eq!(is("Infinity".into(), f64::schema()), f64::INFINITY.into());
    assert_eq!(is(heat("watts", 2), mode()), heat("watts", 2.0));
}
