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
