//! Which values of an argument are accepted: as words, and as a test.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Expr, Type};

use super::hidden;
use crate::model::{Accepts, Argument};
use crate::types::{self, is_unsized, sole_argument, unwrapped};

/// An expression of type `String`.
pub(crate) fn text(accepts: &Accepts, argument: &Argument) -> TokenStream {
    let written = match accepts {
        Accepts::Named(range) => return quote!(::std::format!("{:?}", #range)),
        Accepts::NamedList(list) => return quote!(::std::format!("{:?}", #list)),
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let dots = if *inclusive { "..=" } else { ".." };
            let is_number = |bound: &Expr| matches!(bound, Expr::Lit(_) | Expr::Unary(_));
            if ![low, high].into_iter().flatten().all(is_number) {
                return evaluated(low.as_ref(), dots, high.as_ref(), accepted_type(argument));
            }
            let bound = |bound: &Option<Expr>| bound.as_ref().map(types::text);
            format!(
                "{}{dots}{}",
                bound(low).unwrap_or_default(),
                bound(high).unwrap_or_default()
            )
        }
        Accepts::OneOf(values) => {
            let values: Vec<_> = values.iter().map(types::text).collect();
            format!("[{}]", values.join(", "))
        }
    };
    quote!(::std::string::String::from(#written))
}

/// A range whose bounds are constants, with their values: callers do not know the constants.
fn evaluated(low: Option<&Expr>, dots: &str, high: Option<&Expr>, ty: &Type) -> TokenStream {
    let mut pattern = String::new();
    pattern.push_str(if low.is_some() { "{:?}" } else { "" });
    pattern.push_str(dots);
    pattern.push_str(if high.is_some() { "{:?}" } else { "" });
    let bounds = low.into_iter().chain(high);
    quote!(::std::format!(#pattern #(, { let bound: #ty = #bounds; bound })*))
}

/// An expression that is true if the argument, of the type in the signature, is accepted.
pub(crate) fn test(accepts: &Accepts, argument: &Argument) -> TokenStream {
    let ident = &argument.ident;
    let value = hidden("value");
    let ty = accepted_type(argument);
    let test = of_value(accepts, &value, ty);
    let written = unwrapped(&argument.written);
    if sole_argument(written, "Option").is_some() {
        return quote! {
            match &#ident {
                ::core::option::Option::Some(#value) => { let #value: &#ty = #value; #test }
                ::core::option::Option::None => true,
            }
        };
    }
    quote!({ let #value: &#ty = &#ident; #test })
}

/// The same for what is behind `Option` and `&`; `value` is a reference to it.
fn of_value(accepts: &Accepts, value: &syn::Ident, ty: &Type) -> TokenStream {
    match accepts {
        Accepts::Named(range) => quote!(::core::ops::RangeBounds::contains(&#range, #value)),
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let low = low
                .as_ref()
                .map(|low| quote!({ let low: #ty = #low; low <= *#value }));
            let less = if *inclusive { quote!(<=) } else { quote!(<) };
            let high = high
                .as_ref()
                .map(|high| quote!({ let high: #ty = #high; *#value #less high }));
            match (low, high) {
                (Some(low), Some(high)) => quote!((#low) && (#high)),
                (one, other) => quote!(#one #other),
            }
        }
        Accepts::OneOf(values) => {
            let tests = values.iter().map(|it| {
                let is_reference = matches!(it, Expr::Reference(_));
                let given = comparable(value, ty, is_reference);
                quote!(#given == #it)
            });
            quote!(#(#tests)||*)
        }
        Accepts::NamedList(list) => {
            let (item, given) = (hidden("item"), comparable(value, ty, false));
            quote!(#list.iter().any(|#item| #given == *#item))
        }
    }
}

/// What is compared with the values of a list. Text is compared as `&str`, whatever holds it.
fn comparable(value: &syn::Ident, ty: &Type, with_reference: bool) -> TokenStream {
    let holds_text = types::last_argument(ty).is_some_and(|inner| types::is_named(inner, "str"));
    if holds_text {
        quote!(<#ty as ::core::convert::AsRef<::core::primitive::str>>::as_ref(#value))
    } else if with_reference || is_unsized(ty) {
        quote!(#value)
    } else {
        quote!(*#value)
    }
}

/// The type of the values that are accepted: what is behind `Option` and `&`.
fn accepted_type(argument: &Argument) -> &Type {
    let written = unwrapped(&argument.written);
    let inner = sole_argument(written, "Option").map_or(written, unwrapped);
    match inner {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}
