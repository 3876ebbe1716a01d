use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::ser::SerializeStruct;

use super::*;
use crate::wire::codec::MAX_VALUE;

fn check<T: Serialize + LongLists>(value: T, in_place: usize) {
    let mut plain = vec![7];
    codec::encode(&value, &mut plain, MAX_VALUE).unwrap();
    let (out, blocks) = encoded_beside(value, plain.len());
    assert!(joined(&out, &blocks) == plain);
    assert_eq!(blocks.len(), in_place);
}

/// Like `check`, for a value whose lists are all met by the serialiser: none is taken out in vain, which costs time.
fn check_met<T: Serialize + LongLists>(mut value: T, in_place: usize) {
    let mut long = 0;
    value.visit_lists(&mut |list| long += usize::from(list.size() >= LONG));
    assert_eq!(long, in_place);
    check(value, in_place);
}

fn encoded_beside<T: Serialize + LongLists>(value: T, limit: usize) -> (Vec<u8>, Vec<LongBlock>) {
    let (mut out, mut blocks) = (vec![7], Vec::new());
    encode_lists(value, &mut out, &mut blocks, limit).unwrap();
    (out, blocks)
}

#[test]
fn the_bytes_are_those_of_the_codec() {
    check_met(vec![0.0_f64, -1.5, f64::MAX], 0);
    check_met("a text".to_string(), 0);
    check_met(vec![-1.5_f64; LONG / 8], 1);
    check_met(vec![7_i16; LONG], 1);
    check_met(vec![1_u8; LONG - 1], 0);
    check_met(vec![true; LONG], 1);
    check_met(vec![u128::MAX; LONG / 16], 1);
    check_met("x".repeat(LONG), 1);
    check_met(vec!["x".repeat(LONG), String::new(), "y".repeat(LONG)], 2);
    check_met(vec![vec![1_u32; LONG], vec![], vec![2; LONG], vec![3]], 2);
    check_met(
        (1_u8, Some(vec![0.5_f32; LONG]), [vec![true; LONG], vec![]]),
        2,
    );
    let map = BTreeMap::from([(1_u8, vec![1_u64; LONG]), (2, vec![2; 1])]);
    check_met((Box::new(map), Ok::<_, u8>(vec![9_u8; LONG])), 1);
    let set = BTreeSet::from([1_u8]);
    check_met((Duration::from_secs(1), vec![1_u8; LONG], set), 1);
    check_met(vec![vec![vec![1_u8; LONG]]], 0);
    check_met(vec![(1.5_f64, -2.0); LONG], 1);
    check_met(vec![(1_u8, 2_u8, 3_u8); LONG], 1);
    check_met(vec![[1_i16, -2]; LONG], 1);
    check_met(Some(vec![[0.5_f32; 7]; LONG]), 1);
    check_met(vec![(1_u8, 0.5_f64); LONG], 0);
    check_met(vec![(vec![1_u8; LONG], 7_u8); 3], 3);
    check_met(vec![[vec![1_u8; LONG], vec![]]; 2], 2);
    let boxed: Box<[u64]> = vec![7; LONG].into();
    check_met((Some(boxed.clone()), vec![Some(boxed)]), 2);
    check_met(Box::<[Vec<u8>]>::from([vec![7; LONG]]), 0);
    check_met(vec![vec![(0.5_f32, -0.5); LONG]], 0);
    check_met(vec![vec![(vec![1_u8; LONG], 7_u8)]], 1);
    check_met(Box::new(vec![1_u8; LONG]), 0);
}

#[test]
fn long_lists_are_not_copied_and_keep_to_the_limit() {
    let numbers = (1_u8, vec![0.5_f64; LONG]);
    let place = numbers.1.as_ptr().cast::<u8>();
    let whole = 1 + size_of::<u64>() + LONG * 8;
    let (mut out, mut blocks) = (Vec::new(), Vec::new());
    encode_lists(numbers, &mut out, &mut blocks, whole).unwrap();
    assert_eq!(blocks[0].bytes.as_ptr(), place);
    assert_eq!(out.len(), 9);

    let pairs = vec![(0.5_f64, 1.5_f64); LONG];
    let place = pairs.as_ptr().cast::<u8>();
    let (mut out, mut blocks) = (Vec::new(), Vec::new());
    encode_lists(pairs, &mut out, &mut blocks, MAX_VALUE).unwrap();
    assert_eq!(blocks[0].bytes.as_ptr(), place);

    let (mut out, mut blocks) = (vec![7], Vec::new());
    let too_large = (1_u8, vec![0.5_f64; LONG]);
    let error = encode_lists(too_large, &mut out, &mut blocks, whole).unwrap_err();
    assert_eq!(error, CodecError::TooLarge { limit: whole });
    assert!(out == [7] && blocks.is_empty());

    let two = (vec![0.5_f64; LONG], vec![0.5_f64; LONG]);
    let error = encode_lists(two, &mut out, &mut blocks, whole).unwrap_err();
    assert_eq!(error, CodecError::TooLarge { limit: whole });
    assert!(out == [7] && blocks.is_empty());
}

/// What its `Serialize` writes is not the list that `visit_lists` shows.
struct Odd {
    shown: Vec<u8>,
    flags: Vec<bool>,
    text: String,
    boxed: Box<[u8]>,
    pairs: Vec<(i16, i16)>,
    triples: Vec<(u8, u8, u8)>,
    arrays: Vec<[i32; 3]>,
}

impl Serialize for Odd {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let copies = (self.shown.clone(), self.flags.clone(), self.text.clone());
        let (pairs, arrays) = (self.pairs.clone(), self.arrays.clone());
        let boxed = (self.boxed.clone(), self.triples.clone());
        (copies, pairs, arrays, boxed).serialize(serializer)
    }
}

impl LongLists for Odd {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        visit(&mut self.shown);
        visit(&mut self.flags);
        visit(&mut self.text);
        visit(&mut self.boxed);
        visit(&mut self.pairs);
        visit(&mut self.triples);
        visit(&mut self.arrays);
    }
}

#[test]
fn a_list_that_the_serialiser_does_not_meet_is_copied() {
    let odd = Odd {
        shown: vec![3; LONG],
        flags: vec![true; LONG],
        text: "z".repeat(LONG),
        boxed: vec![7; LONG].into(),
        pairs: vec![(1, -2); LONG],
        triples: vec![(1, 2, 3); LONG],
        arrays: vec![[1, -2, 3]; LONG],
    };
    check(odd, 0);
}

/// Its list stands where it begins, but another field is written first.
#[repr(C)]
struct Marked {
    pixels: Box<[u8]>,
    marks: u64,
}

/// What serde's derive makes of a field with `serialize_with`: a reference, which writes what it wants.
struct Bits<'a>(&'a u64);

impl Serialize for Bits<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bits = (0..64_u8).filter(|bit| *self.0 >> bit & 1 == 1);
        bits.collect::<Vec<_>>().serialize(serializer)
    }
}

impl Serialize for Marked {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut parts = serializer.serialize_struct("Marked", 2)?;
        parts.serialize_field("marks", &Bits(&self.marks))?;
        parts.serialize_field("pixels", &self.pixels)?;
        parts.end()
    }
}

impl LongLists for Marked {
    fn visit_lists(&mut self, visit: &mut Visit<'_>) {
        visit(&mut self.pixels);
    }
}

/// An empty list is not taken for the one that was taken out of the value in which both are.
#[test]
fn a_list_is_not_written_in_the_place_of_an_empty_one() {
    for marks in [0, 5] {
        let pixels = vec![7; LONG].into();
        check(Some(Marked { pixels, marks }), 1);
    }
}

#[test]
fn slices_of_numbers_are_written_like_lists() {
    let numbers = [1.5_f64, -2.0];
    let (mut fast, mut plain) = (Vec::new(), Vec::new());
    encode_numbers(&numbers, &mut fast, MAX_VALUE).unwrap();
    codec::encode(&numbers.to_vec(), &mut plain, MAX_VALUE).unwrap();
    assert_eq!(fast, plain);
}
