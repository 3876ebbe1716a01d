//! Numbers as people write them: exact, whatever they are converted into.

use ipc_client::Value;

/// A number from a text, with all of its digits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Number {
    /// `digits` times ten to the power of `exponent`.
    Decimal {
        is_negative: bool,
        digits: String,
        exponent: i32,
    },
    /// NaN, or an infinity.
    NotFinite(f64),
}

impl Number {
    /// Reads the number at the beginning of `text`. Returns what follows it as well, which may be a unit.
    ///
    /// `None` if the text does not begin with a number.
    pub(super) fn read(text: &str) -> Option<(Self, &str)> {
        let (is_negative, unsigned) = match text.strip_prefix(['-', '\u{2212}']) {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        not_finite(unsigned, is_negative)
            .or_else(|| with_radix(unsigned, is_negative))
            .or_else(|| decimal(unsigned, is_negative))
    }

    /// Multiplies by ten to the power of `by`.
    pub(super) fn shifted(self, by: i32) -> Self {
        match self {
            Self::Decimal {
                is_negative,
                digits,
                exponent,
            } => Self::Decimal {
                is_negative,
                digits,
                exponent: exponent.saturating_add(by),
            },
            not_finite => not_finite,
        }
    }

    /// The integer that it is. `None` if it has a fraction, or more digits than a 128-bit integer.
    pub(super) fn integer(&self) -> Option<Value> {
        let Self::Decimal {
            is_negative,
            digits,
            exponent,
        } = self
        else {
            return None;
        };
        let significant = digits.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Some(0.into());
        }
        let removed = digits.trim_start_matches('0').len() - significant.len();
        let zeros = i64::from(*exponent) + i64::try_from(removed).ok()?;
        let zeros = usize::try_from(zeros).ok().filter(|it| *it < MAX_DIGITS)?;
        let digits = format!("{significant}{}", "0".repeat(zeros));
        match is_negative {
            true => format!("-{digits}").parse::<i128>().ok().map(Value::from),
            false => digits.parse::<u128>().ok().map(Value::from),
        }
    }

    /// The nearest 64-bit number. `None` if it is too large for one.
    pub(super) fn double(&self) -> Option<f64> {
        match self {
            Self::NotFinite(number) => Some(*number),
            finite => {
                let number: f64 = finite.scientific().parse().ok()?;
                number.is_finite().then_some(number)
            }
        }
    }

    /// The nearest 32-bit number. `None` if it is too large for one.
    pub(super) fn single(&self) -> Option<f32> {
        match self {
            Self::NotFinite(number) if number.is_nan() => Some(f32::NAN),
            Self::NotFinite(number) if *number < 0.0 => Some(f32::NEG_INFINITY),
            Self::NotFinite(_) => Some(f32::INFINITY),
            finite => {
                let number: f32 = finite.scientific().parse().ok()?;
                number.is_finite().then_some(number)
            }
        }
    }

    /// An integer if it is written like one, otherwise a floating-point number: for a type that is not known.
    pub(super) fn plain(&self) -> Option<Value> {
        match self {
            Self::Decimal { exponent: 0, .. } => self.integer(),
            _ => self.double().map(Value::from),
        }
    }

    fn scientific(&self) -> String {
        match self {
            Self::Decimal {
                is_negative,
                digits,
                exponent,
            } => {
                let sign = if *is_negative { "-" } else { "" };
                format!("{sign}{digits}e{exponent}")
            }
            Self::NotFinite(number) => number.to_string(),
        }
    }
}

/// `nan`, `inf` or `infinity`, in any case.
fn not_finite(text: &str, is_negative: bool) -> Option<(Number, &str)> {
    let end = text.find(|c: char| !c.is_alphabetic());
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let number = match word.to_ascii_lowercase().as_str() {
        "nan" => f64::NAN,
        "inf" | "infinity" if is_negative => f64::NEG_INFINITY,
        "inf" | "infinity" => f64::INFINITY,
        _ => return None,
    };
    Some((Number::NotFinite(number), rest))
}

/// `0x1f`, `0o17` or `0b1010`.
fn with_radix(text: &str, is_negative: bool) -> Option<(Number, &str)> {
    let (prefix, rest) = text.split_at_checked(2)?;
    let radix = match prefix {
        "0x" | "0X" => 16,
        "0o" => 8,
        "0b" => 2,
        _ => return None,
    };
    let (digits, rest) = digits(rest, radix)?;
    let number = u128::from_str_radix(&digits, radix).ok()?;
    let number = Number::Decimal {
        is_negative,
        digits: number.to_string(),
        exponent: 0,
    };
    Some((number, rest))
}

/// `20`, `1_000`, `.5`, `2.5e-3`.
fn decimal(text: &str, is_negative: bool) -> Option<(Number, &str)> {
    let (whole, rest) = digits(text, 10).unwrap_or((String::new(), text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => digits(rest, 10).unwrap_or((String::new(), rest)),
        None => (String::new(), rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (power, rest) = power_of_ten(rest).unwrap_or((0, rest));
    let places = i32::try_from(fraction.len()).ok()?;
    let number = Number::Decimal {
        is_negative,
        digits: whole + &fraction,
        exponent: power.checked_sub(places)?,
    };
    Some((number, rest))
}

/// The digits at the beginning of a text, without the `_` between them.
fn digits(text: &str, radix: u32) -> Option<(String, &str)> {
    let end = text.find(|c: char| !c.is_digit(radix) && c != '_');
    let (digits, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_number = digits.starts_with(|c| c != '_') && digits.ends_with(|c| c != '_');
    is_number.then(|| (digits.replace('_', ""), rest))
}

/// `e-3`, but not the `e` of `eV`.
fn power_of_ten(text: &str) -> Option<(i32, &str)> {
    let rest = text.strip_prefix(['e', 'E'])?;
    let (sign, rest) = match rest.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, rest.strip_prefix('+').unwrap_or(rest)),
    };
    let (power, rest) = digits(rest, 10)?;
    let power: i32 = power.parse().ok()?;
    Some((sign * power, rest))
}

/// More digits than a 128-bit integer has.
const MAX_DIGITS: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        let (number, rest) = Number::read(text).unwrap();
        assert_eq!(rest, "", "{text}");
        number
    }

    #[test]
    fn integers_are_exact_in_every_notation() {
        for (text, value) in [
            ("20", Value::from(20)),
            ("+20", 20.into()),
            ("-20", (-20).into()),
            ("\u{2212}20", (-20).into()),
            ("1_000", 1000.into()),
            ("0x1f", 31.into()),
            ("0xFF_FF", 65535.into()),
            ("-0b101", (-5).into()),
            ("0o17", 15.into()),
            ("1e6", 1_000_000.into()),
            ("1.5e3", 1500.into()),
            ("2500e-2", 25.into()),
            ("20.00", 20.into()),
            ("-0", 0.into()),
            ("0e999999", 0.into()),
            ("340282366920938463463374607431768211455", u128::MAX.into()),
            ("-170141183460469231731687303715884105728", i128::MIN.into()),
        ] {
            assert_eq!(number(text).integer(), Some(value), "{text}");
        }
        for text in ["1.5", "1e-1", "1e39", "1e999999999", "nan", "inf"] {
            assert_eq!(number(text).integer(), None, "{text}");
        }
    }

    #[test]
    fn floating_point_numbers_are_the_nearest() {
        for (text, value) in [
            ("0.1", 0.1),
            (".5", 0.5),
            ("5.", 5.0),
            ("-1e-3", -0.001),
            ("1_000.25", 1000.25),
            ("0x10", 16.0),
            ("1e-400", 0.0),
            ("inf", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(number(text).double(), Some(value), "{text}");
        }
        assert!(number("NaN").double().unwrap().is_nan());
        assert!(number("-0").double().unwrap().is_sign_negative());
        assert_eq!(number("1e400").double(), None);
        assert_eq!(number("1e39").single(), None);
        assert_eq!(number("0.1").single(), Some(0.1));
        assert_eq!(number("-inf").single(), Some(f32::NEG_INFINITY));
        // Rounded by way of an `f64`, it would be one unit off.
        let halfway = "1.000000059604644775390626";
        assert_eq!(number(halfway).single(), Some(1.0 + f32::EPSILON));
    }

    #[test]
    fn what_follows_a_number_is_left() {
        for (text, rest) in [
            ("4.2nm", "nm"),
            ("5eV", "eV"),
            ("5e3eV", "eV"),
            ("1e", "e"),
            ("20 %", " %"),
            ("inf V", " V"),
            ("0xzz", "xzz"),
            ("0,5", ",5"),
            ("1_", "1_"),
        ] {
            let read = Number::read(text).map(|(_, rest)| rest);
            assert_eq!(read.unwrap_or(text), rest, "{text}");
        }
        for text in ["", "fast", "-", ".", "e5", "_1", "infV", "é"] {
            assert_eq!(Number::read(text), None, "{text}");
        }
    }
}
