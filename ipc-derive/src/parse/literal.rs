//! Literals that are no values of the type they stand beside. The compiler would say it of the code that is made from them.

use syn::{Expr, Lit, Type};

use crate::types::{self, text};

/// What is wrong with `value` as a value of type `ty`, as far as the syntax tells.
pub(crate) fn mismatch(value: &Expr, ty: &Type) -> Option<String> {
    let Type::Path(path) = types::referred(ty) else {
        return None;
    };
    let name = path.path.get_ident()?.to_string();
    let (literal, is_negative) = literal(value)?;
    let shown = text(value);
    let number = integer_type(&name);
    match (name.as_str(), literal) {
        ("f64" | "f32", Lit::Int(int)) if int.suffix().is_empty() => {
            let sign = if is_negative { "-" } else { "" };
            let digits = int.base10_digits();
            Some(format!(
                "`{name}` needs a decimal point: `{sign}{digits}.0`"
            ))
        }
        (_, Lit::Int(int)) if number.is_some() && int.suffix().is_empty() => {
            let (low, high) = number?;
            let digits: u128 = int.base10_parse().unwrap_or(u128::MAX);
            let limit = if is_negative { low } else { high };
            (digits > limit).then(|| {
                let low = if low == 0 { String::new() } else { "-".into() } + &low.to_string();
                format!("`{shown}` is no `{name}`, whose values are {low} to {high}")
            })
        }
        (_, Lit::Float(_)) if number.is_some() => {
            Some(format!("`{shown}` is no `{name}`; write a whole number"))
        }
        ("str" | "String", Lit::Int(_) | Lit::Float(_) | Lit::Bool(_)) => {
            Some(format!("`{shown}` is no text; write `\"{shown}\"`"))
        }
        ("str" | "String", Lit::Char(char)) => Some(format!(
            "`{shown}` is a character and no text; write `\"{}\"`",
            char.value()
        )),
        ("bool", Lit::Int(_) | Lit::Float(_) | Lit::Str(_) | Lit::Char(_))
        | ("f64" | "f32" | "char", Lit::Str(_) | Lit::Bool(_)) => Some(other(&shown, &name)),
        (_, Lit::Str(_) | Lit::Bool(_)) if number.is_some() => Some(other(&shown, &name)),
        _ => None,
    }
}

/// True for a range without bounds, and for one that every value of an integer type lies in.
pub(crate) fn is_everything(
    low: Option<&Expr>,
    high: Option<&Expr>,
    inclusive: bool,
    ty: &Type,
) -> bool {
    let name = types::last_name(types::referred(ty)).map(ToString::to_string);
    let limits = name.filter(|name| !name.ends_with("size"));
    let Some((lowest, highest)) = limits.and_then(|name| integer_type(&name)) else {
        return low.is_none() && high.is_none();
    };
    let digits = |bound: &Expr| match literal(bound) {
        Some((Lit::Int(int), is_negative)) => Some((int.base10_parse::<u128>().ok()?, is_negative)),
        _ => None,
    };
    let is_low =
        |(digits, is_negative): (u128, bool)| digits == lowest && (is_negative || lowest == 0);
    let is_high =
        |(digits, is_negative): (u128, bool)| digits == highest && !is_negative && inclusive;
    low.is_none_or(|low| digits(low).is_some_and(is_low))
        && high.is_none_or(|high| digits(high).is_some_and(is_high))
}

fn other(value: &str, ty: &str) -> String {
    format!("`{value}` is no `{ty}`; write a value of this type, or give the argument another type")
}

/// A literal, and whether a minus stands before it.
fn literal(value: &Expr) -> Option<(&Lit, bool)> {
    match value {
        Expr::Lit(literal) => Some((&literal.lit, false)),
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => match &*unary.expr {
            Expr::Lit(literal) => Some((&literal.lit, true)),
            _ => None,
        },
        _ => None,
    }
}

/// How far the values of a type of integers go down and up. Where it depends on the computer: on a large one.
fn integer_type(name: &str) -> Option<(u128, u128)> {
    let bits: u32 = match name.get(1..)? {
        "size" => 64,
        digits => digits.parse().ok()?,
    };
    let half = 1_u128.checked_shl(bits.checked_sub(1)?)?;
    match name.get(..1)? {
        "u" => Some((0, half - 1 + half)),
        "i" => Some((half, half - 1)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(value: &str, ty: &str) -> bool {
        let value = syn::parse_str(value).unwrap();
        mismatch(&value, &syn::parse_str(ty).unwrap()).is_some()
    }

    #[test]
    fn a_range_of_all_values_is_everything() {
        let everything = |low: &str, high: &str, inclusive, ty: &str| {
            let bound = |text: &str| syn::parse_str::<Expr>(text).ok();
            let ty = syn::parse_str(ty).unwrap();
            is_everything(bound(low).as_ref(), bound(high).as_ref(), inclusive, &ty)
        };
        assert!(everything("", "", false, "f64"));
        assert!(everything("0", "255", true, "u8"));
        assert!(everything("0", "", false, "u32"));
        assert!(everything("-128", "127", true, "i8"));
        assert!(everything("", "0xffff", true, "u16"));
        assert!(!everything("0", "255", false, "u8"));
        assert!(!everything("0", "", false, "i32"));
        assert!(!everything("1", "", false, "u8"));
        assert!(!everything("0", "18446744073709551615", true, "usize"));
        assert!(!everything("0.0", "", false, "f64"));
        assert!(!everything("LOW", "255", true, "u8"));
    }

    #[test]
    fn only_what_can_never_be_a_value_is_wrong() {
        for (value, ty) in [
            ("255", "u8"),
            ("-128", "i8"),
            ("0xff", "u8"),
            ("b'a'", "u8"),
            ("1.0", "f64"),
            ("-1.5", "f32"),
            ("1e3", "f64"),
            ("'a'", "char"),
            ("true", "bool"),
            ("\"a\"", "&str"),
            ("\"a\"", "String"),
            ("\"a\"", "Mode"),
            ("1", "Volts"),
            ("MAX", "u8"),
            ("-1", "isize"),
            ("340282366920938463463374607431768211455", "u128"),
        ] {
            assert!(!wrong(value, ty), "{value} {ty}");
        }
        for (value, ty) in [
            ("256", "u8"),
            ("-129", "i8"),
            ("128", "i8"),
            ("-1", "u32"),
            ("1.0", "u8"),
            ("1", "f64"),
            ("\"a\"", "u8"),
            ("true", "f64"),
            ("1", "bool"),
            ("1", "&str"),
            ("'a'", "String"),
        ] {
            assert!(wrong(value, ty), "{value} {ty}");
        }
    }
}
