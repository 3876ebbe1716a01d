//! Which values of an argument are accepted: as words, and as a test.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, Path, Type};

use super::hidden;
use super::limits::{asked, is_plain};
use crate::model::{Accepts, Argument};
use crate::types::{self, is_known, is_unsized, sole_argument, unwrapped};

/// An expression of type `String`.
pub(crate) fn text(accepts: &Accepts, argument: &Argument, krate: &Path) -> TokenStream {
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
                let ty = accepted_type(argument);
                return evaluated(low.as_ref(), dots, high.as_ref(), ty, krate);
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
fn evaluated(
    low: Option<&Expr>,
    dots: &str,
    high: Option<&Expr>,
    ty: &Type,
    krate: &Path,
) -> TokenStream {
    let shown = |bound: Option<&Expr>| match (bound, is_known(ty)) {
        (None, _) => "",
        (Some(_), true) => "{:?}",
        (Some(_), false) => "{}",
    };
    let pattern = format!("{}{dots}{}", shown(low), shown(high));
    let bounds = low.into_iter().chain(high).map(|bound| {
        let text = match is_known(ty) {
            true => quote!(bound),
            false => quote!((&&#krate::private::Probe::of(&bound)).text(&bound)),
        };
        quote!({ let bound: #ty = #bound; #text })
    });
    quote!(::std::format!(#pattern #(, #bounds)*))
}

/// An expression that is true if the argument, of the type in the signature, is accepted.
pub(crate) fn test(accepts: &Accepts, argument: &Argument, krate: &Path) -> TokenStream {
    let ident = &argument.ident;
    let value = hidden("value");
    let ty = accepted_type(argument);
    let test = match is_plain(argument) {
        true => of_plain_value(accepts, &value, ty),
        false => of_value(accepts, &value, ty, krate),
    };
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

/// The same for what is behind `Option` and `&`, if it has all that limits ask for; `value` is a reference to it.
fn of_plain_value(accepts: &Accepts, value: &syn::Ident, ty: &Type) -> TokenStream {
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

/// The same for a type that only the compiler knows, which is asked at the values in the attribute.
fn of_value(accepts: &Accepts, value: &syn::Ident, ty: &Type, krate: &Path) -> TokenStream {
    let given = quote!(#value);
    match accepts {
        Accepts::Named(range) => quote!(::core::ops::RangeBounds::contains(&#range, #value)),
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let place = quote!(#low #high).span();
            let most = if *inclusive { "is_at_most" } else { "is_below" };
            let test = |bound: &Expr, question: &str| {
                let asked = asked(place, krate, question, [given.clone(), quote!(&bound)]);
                quote!({ let bound: #ty = #bound; #asked })
            };
            let low = low.as_ref().map(|low| test(low, "is_at_least"));
            let high = high.as_ref().map(|high| test(high, most));
            match (low, high) {
                (Some(low), Some(high)) => quote!((#low) && (#high)),
                (one, other) => quote!(#one #other),
            }
        }
        Accepts::OneOf(values) => {
            let place = quote!(#(#values),*).span();
            let tests = values.iter().map(|it| {
                let listed = match it {
                    Expr::Reference(_) => quote!(#it),
                    _ => quote!(&#it),
                };
                asked(place, krate, "is_listed", [given.clone(), listed])
            });
            quote!(#(#tests)||*)
        }
        Accepts::NamedList(list) => {
            let item = hidden("item");
            let asked = asked(list.span(), krate, "is_listed", [given, quote!(#item)]);
            quote!(#list.iter().any(|#item| #asked))
        }
    }
}

/// What is compared with the values of a list. Text is compared as `&str`, whatever holds it.
fn comparable(value: &syn::Ident, ty: &Type, with_reference: bool) -> TokenStream {
    if holds_text(ty) {
        quote!(<#ty as ::core::convert::AsRef<::core::primitive::str>>::as_ref(#value))
    } else if with_reference || is_unsized(ty) {
        quote!(#value)
    } else {
        quote!(*#value)
    }
}

/// True for `Box<str>` and its like.
pub(super) fn holds_text(ty: &Type) -> bool {
    types::last_argument(ty).is_some_and(|inner| types::is_named(inner, "str"))
}

/// The type of the values that are accepted: what is behind `Option` and `&`.
pub(super) fn accepted_type(argument: &Argument) -> &Type {
    let written = unwrapped(&argument.written);
    let inner = sole_argument(written, "Option").map_or(written, unwrapped);
    match inner {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}
