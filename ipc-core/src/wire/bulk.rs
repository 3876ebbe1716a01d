//! Long arrays of numbers, sent from where they lie.
//!
//! The bytes are the same as those of the codec; only the path is faster. Which types qualify is decided at compile
//! time, so there is no check at run time.

use std::any::Any;

use bytemuck::NoUninit;
use bytes::Bytes;
use serde::Serialize;

use super::codec::{self, CodecError, for_each_plain};

/// Appends `value` to `out` like [`codec::encode`]. Of a long array of numbers it appends only the beginning and
/// returns the rest without a copy, to be sent right after `out`. Both together stay within `limit`.
pub(crate) fn encode_owned<T: Serialize + Any>(
    value: T,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<Bytes, CodecError> {
    let mut value = Some(value);
    macro_rules! try_vec {
        ($number:ty) => {
            if let Some(slot) = (&mut value as &mut dyn Any).downcast_mut::<Option<Vec<$number>>>()
                && let Some(numbers) = slot.take_if(|numbers| size_of_val(&numbers[..]) >= LONG)
            {
                return append_owned(numbers, out, limit);
            }
        };
    }
    if cfg!(target_endian = "little") {
        for_each_plain!(try_vec);
    }
    match &value {
        Some(value) => codec::encode(value, out, limit)?,
        None => return Err(CodecError::UnexpectedEnd),
    }
    Ok(Bytes::new())
}

/// Appends `numbers` to `out` like [`codec::encode`], for types known to be numbers.
pub(crate) fn encode_numbers<T: NoUninit + Serialize>(
    numbers: &[T],
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), CodecError> {
    if cfg!(target_endian = "little") {
        return append(numbers.len(), bytemuck::cast_slice(numbers), out, limit);
    }
    codec::encode(numbers, out, limit)
}

fn append(count: usize, bytes: &[u8], out: &mut Vec<u8>, limit: usize) -> Result<(), CodecError> {
    begin_list(count, bytes.len(), out, limit)?;
    out.extend_from_slice(bytes);
    Ok(())
}

fn append_owned<T: NoUninit + Send>(
    numbers: Vec<T>,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<Bytes, CodecError> {
    let count = numbers.len();
    let mut bytes = Bytes::from_owner(Numbers(numbers));
    begin_list(count, bytes.len(), out, limit)?;
    // The beginning is sent in one write with the header.
    out.extend_from_slice(&bytes.split_to(FIRST.min(bytes.len())));
    Ok(bytes)
}

/// Appends the length of a list whose elements take `size` bytes each, if all of the list fits into the limit.
fn begin_list(
    count: usize,
    size: usize,
    out: &mut Vec<u8>,
    limit: usize,
) -> Result<(), CodecError> {
    let prefix = (count as u64).to_le_bytes();
    let end = out.len().saturating_add(prefix.len()).saturating_add(size);
    if end > limit {
        return Err(CodecError::TooLarge { limit });
    }
    out.reserve(prefix.len() + size.min(FIRST));
    out.extend_from_slice(&prefix);
    Ok(())
}

/// Owns numbers and gives access to them as bytes.
struct Numbers<T>(Vec<T>);

impl<T: NoUninit> AsRef<[u8]> for Numbers<T> {
    fn as_ref(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}

/// Minimum size in bytes of an array that is sent without a copy.
const LONG: usize = 256 * 1024;
/// Number of its bytes that are sent together with the header.
const FIRST: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::codec::MAX_VALUE;

    fn check<T: Serialize + Any>(value: T) {
        let mut plain = Vec::new();
        codec::encode(&value, &mut plain, MAX_VALUE).unwrap();
        let mut owned = Vec::new();
        let tail = encode_owned(value, &mut owned, plain.len()).unwrap();
        assert!([&owned[..], &tail[..]].concat() == plain);
    }

    #[test]
    fn the_fast_way_writes_the_same_bytes() {
        check(vec![0.0_f64, -1.5, f64::MAX]);
        check("not a list of numbers".to_string());
        check(vec![-1.5_f64; LONG / 8]);
        check(vec![7_i16; LONG]);
        check(vec![1_u8; LONG - 1]);
        check(vec![true; LONG]);
        check(vec![u128::MAX; LONG]);
    }

    #[test]
    fn a_long_array_is_not_copied_and_keeps_to_the_limit() {
        let numbers = vec![0.5_f64; LONG];
        let place = numbers.as_ptr().cast::<u8>().wrapping_add(FIRST);
        let whole = size_of::<u64>() + LONG * 8;
        let mut out = Vec::new();
        let tail = encode_owned(numbers, &mut out, whole).unwrap();
        assert_eq!(tail.as_ptr(), place);
        assert_eq!(out.len(), size_of::<u64>() + FIRST);

        let mut out = vec![7];
        let error = encode_owned(vec![0.5_f64; LONG], &mut out, whole).unwrap_err();
        assert_eq!(error, CodecError::TooLarge { limit: whole });
        assert_eq!(out, [7]);
    }

    #[test]
    fn slices_of_numbers_are_written_like_lists() {
        let numbers = [1.5_f64, -2.0];
        let (mut fast, mut plain) = (Vec::new(), Vec::new());
        encode_numbers(&numbers, &mut fast, MAX_VALUE).unwrap();
        codec::encode(&numbers.to_vec(), &mut plain, MAX_VALUE).unwrap();
        assert_eq!(fast, plain);
    }
}
