//! Which values of an argument are accepted.

use syn::{Expr, RangeLimits, Type};

use super::literal;
use crate::errors::Errors;
use crate::model::Accepts;
use crate::options::{Options, ungrouped};
use crate::types::{self, sole_argument, unwrapped};

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
        (None, Some(list)) => read_list(ty, list, errors),
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
    let inclusive = matches!(range.limits, RangeLimits::Closed(_));
    if literal::is_everything(low.as_ref(), high.as_ref(), inclusive, inner) {
        errors.on(
            range,
            "this range accepts everything; leave it out or give it a bound",
        );
        return None;
    }
    let is_text = ["String", "str", "Path", "PathBuf", "bool", "Vec"];
    let referred = types::referred(inner);
    let is_text = is_text.iter().any(|name| types::is_named(referred, name));
    if is_text || matches!(referred, Type::Slice(_) | Type::Tuple(_) | Type::Array(_)) {
        errors.on(
            range,
            "a range is for numbers and characters; list the values with `one_of = [..]`",
        );
        return None;
    }
    for bound in [&low, &high].into_iter().flatten() {
        if let Some(text) = literal::mismatch(bound, inner) {
            errors.on(bound, text);
            return None;
        }
    }
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

fn read_list(ty: &Type, list: &Expr, errors: &mut Errors) -> Option<Accepts> {
    match list {
        Expr::Array(array) if !array.elems.is_empty() => {
            let ty = sole_argument(unwrapped(ty), "Option").unwrap_or(ty);
            let mut values = array.elems.iter();
            let wrong = values.find_map(|value| Some((value, literal::mismatch(value, ty)?)));
            if let Some((value, text)) = wrong {
                errors.on(value, text);
                return None;
            }
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

/// True for a default that is not accepted itself, as far as literals tell.
pub(crate) fn is_outside(default: &Expr, accepts: &Accepts) -> bool {
    match accepts {
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let bound = |bound: &Option<Expr>| bound.as_ref().and_then(number);
            number(default).is_some_and(|value| {
                bound(low).is_some_and(|low| value < low)
                    || bound(high).is_some_and(|high| value > high || (value == high && !inclusive))
            })
        }
        Accepts::OneOf(values) => {
            let is_literal =
                |value: &Expr| matches!(value, Expr::Lit(_)) || number(value).is_some();
            let is_same = |value: &Expr| match (number(value), number(default)) {
                (Some(value), Some(default)) => value == default,
                _ => types::text(value) == types::text(default),
            };
            is_literal(default) && values.iter().all(is_literal) && !values.iter().any(is_same)
        }
        Accepts::Named(_) | Accepts::NamedList(_) => false,
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
