//! Numbers in as few digits as they need.

use std::fmt::LowerExp;

use ipc_client::Value;
use ipc_core::wire::sanitize::fit_to_show;

/// A number; read back, it is the same.
pub(super) fn number(value: &Value) -> String {
    match value {
        Value::Float(number) => float(*number, number.abs()),
        Value::Float32(number) => float(*number, number.abs().into()),
        value => value.to_string(),
    }
}

/// A number with at most so many significant digits.
pub(crate) fn rounded(number: f64, digits: usize) -> String {
    let text = format!("{number:.*e}", digits.saturating_sub(1));
    self::number(&text.parse().unwrap_or(number).into())
}

/// `text` followed by the unit, if there is one.
pub(super) fn with_unit(text: String, unit: Option<&str>) -> String {
    match unit {
        Some(unit) => format!("{text} {}", fit_to_show(unit)),
        None => text,
    }
}

fn float<N: ToString + LowerExp>(number: N, size: f64) -> String {
    match size == 0.0 || (1e-4..1e16).contains(&size) || !size.is_finite() {
        true => number.to_string(),
        false => format!("{number:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_lossless() {
        for (value, text) in [
            (Value::from(0.7342), "0.7342"),
            (20.0.into(), "20"),
            (0.1_f32.into(), "0.1"),
            ((-0.0).into(), "-0"),
            (1e-9.into(), "1e-9"),
            (6.02214076e23.into(), "6.02214076e23"),
            (1e15.into(), "1000000000000000"),
            (f64::NAN.into(), "NaN"),
            (f64::NEG_INFINITY.into(), "-inf"),
            (f32::MAX.into(), "3.4028235e38"),
            (i128::MIN.into(), "-170141183460469231731687303715884105728"),
        ] {
            assert_eq!(number(&value), text);
        }
        let mut state = 1_u64;
        for _ in 0..10_000 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let value = f64::from_bits(state);
            let read: f64 = number(&value.into()).parse().unwrap();
            assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan());
        }
        assert_eq!(rounded(2.0 / 3.0, 4), "0.6667");
        assert_eq!(rounded(f64::INFINITY, 4), "inf");
    }
}
