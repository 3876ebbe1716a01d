//! The limits of an argument: `range` and `one_of`.

use syn::{Expr, RangeLimits, Type};

use crate::errors::Errors;
use crate::model::Accepts;
use crate::options::{Options, ungrouped};
use crate::tokens;
use crate::types::{self, sole_argument, unwrapped};

/// Reads `range` and `one_of` of an argument of type `ty`.
pub(crate) fn read(ty: &Type, options: &Options, errors: &mut Errors) -> Option<Accepts> {
    match (&options.range, &options.one_of) {
        (Some(_), Some(list)) => {
            errors.on(list, "an argument has either `range` or `one_of`, not both");
            None
        }
        (Some(range), None) => read_range(ty, range, errors),
        (None, Some(list)) => read_list(list, errors),
        (None, None) => None,
    }
}

fn read_range(ty: &Type, range: &Expr, errors: &mut Errors) -> Option<Accepts> {
    let referred = types::referred(sole_argument(unwrapped(ty), "Option").unwrap_or(ty));
    let others = ["String", "str", "Path", "PathBuf", "bool", "Vec"];
    let is_other = others.iter().any(|name| types::is_named(referred, name));
    if is_other || matches!(referred, Type::Slice(_) | Type::Tuple(_) | Type::Array(_)) {
        let text = "ranges are for numbers and characters; list the values with `one_of = [..]`";
        errors.on(range, text);
        return None;
    }
    let wrong = match range {
        Expr::Path(_) => return Some(Accepts::Named(range.clone())),
        Expr::Range(range) => {
            let bound = |bound: &Option<Box<Expr>>| bound.as_deref().cloned().map(ungrouped);
            let (low, high) = (bound(&range.start), bound(&range.end));
            let inclusive = matches!(range.limits, RangeLimits::Closed(_));
            let number = |bound: &Option<Expr>| bound.as_ref().and_then(number);
            match (number(&low), number(&high)) {
                (Some(low), Some(high)) if low > high || (low == high && !inclusive) => {
                    "this range is empty; its first bound must be the smaller one"
                }
                _ if low.is_none() && high.is_none() => {
                    "this range accepts everything; leave it out or give it a bound"
                }
                _ => {
                    return Some(Accepts::Range {
                        low,
                        high,
                        inclusive,
                    });
                }
            }
        }
        _ => {
            "expected a range such as `1..=5` or `0.0..2.5`, or the name of a constant that holds one"
        }
    };
    errors.on(range, wrong);
    None
}

fn read_list(list: &Expr, errors: &mut Errors) -> Option<Accepts> {
    let wrong = match list {
        Expr::Path(_) => return Some(Accepts::NamedList(list.clone())),
        Expr::Array(array) if !array.elems.is_empty() => {
            return Some(Accepts::OneOf(array.elems.iter().cloned().collect()));
        }
        Expr::Array(_) => "this list accepts nothing; add at least one value",
        _ => {
            "expected a list of values such as `[\"low\", \"high\"]`, or the name of a constant that holds one"
        }
    };
    errors.on(list, wrong);
    None
}

/// True for a default that is outside of the limits, as far as literals show it.
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
                _ => tokens::text(value) == tokens::text(default),
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
