//! What the tests of this room share, and those that need to see its inside.

mod dictionary;
mod primitives;
mod records;

/// The bytes of a hexadecimal string in a vector file.
pub(super) fn hex(text: &serde_json::Value) -> Vec<u8> {
    unhex(text.as_str().unwrap())
}

/// The bytes of a hexadecimal string; blanks and line ends are skipped.
pub(super) fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// A file of vectors.
pub(super) fn vectors(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}
