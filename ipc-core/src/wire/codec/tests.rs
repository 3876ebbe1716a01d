//! Values there and back, and what is refused.

use std::collections::HashMap;

use serde::Deserialize;

use super::*;

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
