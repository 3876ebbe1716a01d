//! Which values of an argument are accepted.

use syn::{Expr, RangeLimits, Type};

use crate::errors::Errors;
use crate::model::Accepts;
use crate::options::{Options, ungrouped};
use crate::types::{self, sole_argument, text, unwrapped};

/// Reads `range` and `one_of` of an argument of type `ty`.
pub(crate) fn read(ty: &Type, options: &Options, errors: &mut Errors) -> Option<Accepts> {
    match (&options.range, &options.one_of) {
        (Some(_), Some(list)) => {
            errors.on(
                list,
                "an argument has either a `range` or a list of values, not both",
            );
            None
        }
        (Some(range), None) => read_range(ty, range, errors),
        (None, Some(list)) => read_list(list, errors),
        (None, None) => None,
    }
}

fn read_range(ty: &Type, range: &Expr, errors: &mut Errors) -> Option<Accepts> {
    let inner = sole_argument(unwrapped(ty), "Option").unwrap_or(ty);
    let range = match range {
        Expr::Range(range) => range,
        Expr::Path(_) => return Some(Accepts::Named(range.clone())),
        other => {
            errors.on(other, "expected a range such as `1..=5` or `0.0..2.5`, or the name of a constant that holds one");
            return None;
        }
    };
    let bound = |bound: &Option<Box<Expr>>| bound.as_deref().cloned().map(ungrouped);
    let (low, high) = (bound(&range.start), bound(&range.end));
    if low.is_none() && high.is_none() {
        errors.on(
            range,
            "this range accepts everything; leave it out or give it a bound",
        );
        return None;
    }
    let is_text = ["String", "str", "Path", "PathBuf", "bool", "Vec"];
    let is_text = is_text
        .iter()
        .any(|name| types::is_named(referred(inner), name));
    if is_text
        || matches!(
            referred(inner),
            Type::Slice(_) | Type::Tuple(_) | Type::Array(_)
        )
    {
        errors.on(
            range,
            "a range is for numbers and characters; list the values with `one_of = [..]`",
        );
        return None;
    }
    let is_float = types::is_named(inner, "f64") || types::is_named(inner, "f32");
    for bound in [&low, &high].into_iter().flatten() {
        if is_float && let Some(digits) = integer(bound) {
            errors.on(
                bound,
                format!(
                    "the bounds for `{}` need a decimal point: `{digits}.0`",
                    text(inner)
                ),
            );
            return None;
        }
    }
    let inclusive = matches!(range.limits, RangeLimits::Closed(_));
    if let (Some(low), Some(high)) = (&low, &high)
        && let (Some(low), Some(high)) = (number(low), number(high))
        && (low > high || (low == high && !inclusive))
    {
        errors.on(
            range,
            "no value lies in this range; its first bound must be the smaller one",
        );
        return None;
    }
    Some(Accepts::Range {
        low,
        high,
        inclusive,
    })
}

/// The type behind a reference.
fn referred(ty: &Type) -> &Type {
    match unwrapped(ty) {
        Type::Reference(reference) => unwrapped(&reference.elem),
        other => other,
    }
}

fn read_list(list: &Expr, errors: &mut Errors) -> Option<Accepts> {
    match list {
        Expr::Array(array) if !array.elems.is_empty() => {
            Some(Accepts::OneOf(array.elems.iter().cloned().collect()))
        }
        Expr::Array(array) => {
            errors.on(array, "this list accepts nothing; name at least one value");
            None
        }
        Expr::Path(_) => Some(Accepts::NamedList(list.clone())),
        other => {
            errors.on(
                other,
                "expected a list of values such as `[\"low\", \"high\"]`, or the name of a constant that holds one",
            );
            None
        }
    }
}

/// The digits of an integer literal, with its sign.
fn integer(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(int) => Some(int.base10_digits().to_string()),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => {
            integer(&unary.expr).map(|digits| format!("-{digits}"))
        }
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            syn::Lit::Int(int) => int.base10_digits().parse().ok(),
            syn::Lit::Float(float) => float.base10_digits().parse().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => {
            number(&unary.expr).map(|value| -value)
        }
        _ => None,
    }
}
