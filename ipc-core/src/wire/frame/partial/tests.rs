use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::wire::block::{Payload, ValueProbe};
use crate::wire::codec::{self, CodecError, DECODE_MEMORY, MAX_VALUE};
use crate::wire::ctrl::CtrlMsg;
use crate::wire::frame;
use crate::wire::message::RESULT as VALUE_AT;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wave {
    name: String,
    x: Vec<f64>,
    unit: Option<String>,
    y: Vec<u16>,
    on: Vec<bool>,
}

fn wave() -> Wave {
    Wave {
        name: "a".into(),
        x: (0..100_000).map(f64::from).collect(),
        unit: Some("V".into()),
        y: (0..300_000).map(|n| n as u16).collect(),
        on: (0..400_000).map(|n| n % 3 == 0).collect(),
    }
}

fn frame_of<T: Serialize>(value: &T) -> Vec<u8> {
    let mut frame = frame::begin(CtrlMsg::Ok);
    frame.extend_from_slice(&7_u64.to_le_bytes());
    codec::encode(value, &mut frame, MAX_VALUE).unwrap();
    frame::finish(&mut frame, 0);
    frame
}

/// Reads the frame `step` bytes at a time. Its first `first` bytes have come by another way.
fn read(frame: &[u8], first: usize, step: usize, probe: Option<Probe>) -> (Payload, usize) {
    let (begun, mut rest) = frame.split_at(first);
    let mut partial = PartialFrame::new(begun.to_vec(), frame.len());
    partial.explain(probe, VALUE_AT);
    while partial.missing() > 0 {
        let most = step.min(rest.len());
        let room = partial.room();
        let count = room.len().min(most);
        assert!(count > 0);
        room[..count].copy_from_slice(&rest[..count]);
        partial.advance(count);
        rest = &rest[count..];
        let held = partial.bytes.memory.capacity()
            + partial
                .blocks
                .iter()
                .map(|(_, block)| block.memory.capacity())
                .sum::<usize>();
        assert!(held <= 2 * frame.len() + AHEAD);
    }
    assert!(rest.is_empty());
    let (bytes, blocks) = partial.finish();
    let apart = blocks.len();
    let bytes = bytes.slice(VALUE_AT..);
    (Payload { bytes, blocks }, apart)
}

fn check<T>(value: T, apart: usize)
where
    T: Serialize + DeserializeOwned + PartialEq,
{
    let frame = frame_of(&value);
    for first in [VALUE_AT, VALUE_AT + 3, 5000, frame.len() / 2] {
        for step in [1000, 70_000, usize::MAX] {
            let (payload, found) = read(
                &frame,
                first,
                step,
                Some(const { &[codec::probe::<T> as ValueProbe] }),
            );
            assert!(
                found == apart || first > VALUE_AT + 3,
                "{found} of {apart} lists"
            );
            assert_eq!(payload.len(), frame.len() - VALUE_AT);
            assert!(payload.clone().into_bytes() == frame[VALUE_AT..]);
            let decoded: T = codec::decode_payload(payload, DECODE_MEMORY).unwrap();
            assert!(decoded == value);
        }
    }
    let (payload, found) = read(&frame, VALUE_AT, usize::MAX, None);
    assert_eq!(found, 0);
    assert!(codec::decode_payload::<T>(payload, DECODE_MEMORY).unwrap() == value);
}

#[test]
fn long_lists_are_read_into_memory_of_their_own() {
    check(wave(), 3);
    check(vec![1.5_f64; 50_000], 1);
    check((1_u8, Some("x".repeat(300_000))), 1);
    check(vec![vec![7_u32; 100_000]; 5], 5);
    check(vec![i128::MAX; 20_000], 1);
    check((0..50_000).map(|n| (n, -n)).collect::<Vec<_>>(), 1);
    check(vec![[1.5_f64, -2.0, 0.5]; 50_000], 1);
    check(vec![vec![(1_u8, 2_u8, 3_u8); 100_000]; 2], 2);
    check(
        BTreeMap::from([(1_u8, vec![2_i16; 200_000]), (2, vec![3; 200_000])]),
        2,
    );
    check(Some(Ok::<Box<[f32]>, String>(vec![0.5; 100_000].into())), 1);
}

#[test]
fn other_values_are_read_in_one_piece() {
    check(vec![(1.5_f64, true); 50_000], 0);
    check(vec!["text".to_string(); 50_000], 0);
    check(vec![vec![1_u8; 1000]; 500], 0);
    check(vec![Some(1_u64); 50_000], 0);
}

#[test]
fn the_list_is_the_memory_that_was_read_into() {
    let frame = frame_of(&vec![1.5_f64; 100_000]);
    let (payload, _) = read(
        &frame,
        VALUE_AT + 8,
        usize::MAX,
        Some(&[codec::probe::<Vec<f64>>]),
    );
    let place = payload.blocks[0].memory.bytes().as_ptr();
    let list: Vec<f64> = codec::decode_payload(payload, DECODE_MEMORY).unwrap();
    assert_eq!(list.as_ptr().cast(), place);

    let frame = frame_of(&vec![(1.5_f64, -2.0_f64); 100_000]);
    let probe: Probe = &[codec::probe::<Vec<(f64, f64)>>];
    let (payload, _) = read(&frame, VALUE_AT + 8, usize::MAX, Some(probe));
    let place = payload.blocks[0].memory.bytes().as_ptr();
    let list: Vec<(f64, f64)> = codec::decode_payload(payload, DECODE_MEMORY).unwrap();
    assert_eq!(list.as_ptr().cast(), place);
}

#[test]
fn a_list_that_does_not_fit_into_the_frame_is_no_list() {
    let mut frame = frame_of(&vec![1.5_f64; 100_000]);
    for count in [100_001, 1 << 40, u64::MAX] {
        frame[VALUE_AT..VALUE_AT + 8].copy_from_slice(&u64::to_le_bytes(count));
        let (payload, found) = read(
            &frame,
            VALUE_AT + 8,
            10_000,
            Some(&[codec::probe::<Vec<f64>>]),
        );
        assert_eq!(found, 0);
        codec::decode_payload::<Vec<f64>>(payload, DECODE_MEMORY).unwrap_err();
    }
}

#[test]
fn wrong_bytes_in_a_list_are_refused() {
    let mut frame = frame_of(&vec![true; 300_000]);
    frame[200_000] = 2;
    let (payload, found) = read(
        &frame,
        VALUE_AT + 8,
        10_000,
        Some(&[codec::probe::<Vec<bool>>]),
    );
    assert_eq!(found, 1);
    let error = codec::decode_payload::<Vec<bool>>(payload, DECODE_MEMORY).unwrap_err();
    assert!(matches!(error, CodecError::Invalid(_)), "{error}");

    let mut frame = frame_of(&"x".repeat(300_000));
    frame[200_000] = 0xff;
    let (payload, found) = read(
        &frame,
        VALUE_AT + 8,
        10_000,
        Some(&[codec::probe::<String>]),
    );
    assert_eq!(found, 1);
    let error = codec::decode_payload::<String>(payload, DECODE_MEMORY).unwrap_err();
    assert!(matches!(error, CodecError::Invalid(_)), "{error}");
}

#[test]
fn what_is_left_over_is_refused() {
    // Bytes behind the value, and a value that is not there.
    let frame = frame_of(&(vec![1.5_f64; 100_000], 1_u8));
    let probe: Probe = &[codec::probe::<Vec<f64>>];
    let (payload, _) = read(&frame, VALUE_AT + 8, 10_000, Some(probe));
    let error = codec::decode_payload::<Vec<f64>>(payload.clone(), DECODE_MEMORY).unwrap_err();
    assert_eq!(error, CodecError::TrailingBytes { extra: 1 });
    let error = codec::decode_payload::<(u64, u8)>(payload, DECODE_MEMORY).unwrap_err();
    assert!(matches!(error, CodecError::TrailingBytes { .. }), "{error}");
}
