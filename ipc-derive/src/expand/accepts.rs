//! The limits of an argument. The compiler's errors about them stand at the values in the attribute.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{Expr, Path, Type};

use crate::model::{Accepts, Argument};
use crate::tokens::{hidden, located};
use crate::types::{self, is_unsized, sole_argument, unwrapped};

/// An expression of type `String`: the limit for people.
pub(crate) fn text(accepts: &Accepts, argument: &Argument, krate: &Path) -> TokenStream {
    let (limit, place) = limit(accepts, accepted_type(argument), krate);
    let text = located(quote!(#krate::private::Limit::text), place);
    quote!(#text(&#limit))
}

/// A statement that calls `call.check(..)`, followed by `question`, if the argument has a limit and a value.
pub(crate) fn check(
    argument: &Argument,
    index: usize,
    krate: &Path,
    question: &TokenStream,
) -> Option<TokenStream> {
    let accepts = argument.accepts.as_ref()?;
    let (ident, ty) = (&argument.ident, accepted_type(argument));
    let (call, value) = (hidden("call"), hidden("value"));
    let (accepted, shown) = (hidden("accepted"), hidden("shown"));
    let (limit, place) = limit(accepts, ty, krate);
    let function = located(quote!(#krate::private::Limit::check), place);
    let compared = match compared(accepts, ty) {
        Compared::Text => {
            quote!(&<#ty as ::core::convert::AsRef<::core::primitive::str>>::as_ref(#value))
        }
        Compared::Reference => quote!(&#value),
        Compared::Value => quote!(#value),
    };
    let check = quote! {
        let #value: &#ty = #value;
        #function(&#limit, #compared, |#accepted, #shown| {
            #call.check(#index, #accepted, #shown)
        }) #question;
    };
    Some(
        match sole_argument(unwrapped(&argument.written), "Option") {
            Some(_) => quote!(if let ::core::option::Option::Some(#value) = &#ident { #check }),
            None => quote!({ let #value = &#ident; #check }),
        },
    )
}

/// An expression of type `impl Limit`, and where its values stand.
fn limit(accepts: &Accepts, ty: &Type, krate: &Path) -> (TokenStream, Span) {
    let (name, place, values) = match accepts {
        Accepts::Named(range) => ("range", range.span(), quote!(&#range)),
        Accepts::NamedList(list) => ("list", list.span(), quote!(&#list[..])),
        Accepts::OneOf(values) => {
            let values = quote!(#(#values),*);
            ("list", values.span(), quote!(&[#values]))
        }
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let place = quote!(#low #high).span();
            let bound = |bound: &Option<Expr>| {
                let value = hidden("bound");
                bound
                    .as_ref()
                    .map(|bound| quote!({ let #value: #ty = #bound; #value }))
            };
            let (low, high) = (bound(low), bound(high));
            let dots = if *inclusive { quote!(..=) } else { quote!(..) };
            ("range", place, quote!(&(#low #dots #high)))
        }
    };
    let ty = match compared(accepts, ty) {
        Compared::Text => quote!(&::core::primitive::str),
        Compared::Reference => quote!(&#ty),
        Compared::Value => quote!(#ty),
    };
    let name = Ident::new(name, Span::call_site());
    let listed = match accepts {
        Accepts::OneOf(_) => quote!(#ty),
        _ => quote!(_),
    };
    let function = located(quote!(#krate::private::#name::<#ty, #listed>), place);
    let mut values = Group::new(Delimiter::Parenthesis, values);
    values.set_span(place);
    (quote!(#function #values), place)
}

/// How a value is compared with those in a list.
enum Compared {
    Value,
    /// What refers to it, because it is unsized or because the list has references.
    Reference,
    /// The text in a `String`, a `Box<str>` and the like, as `&str`.
    Text,
}

fn compared(accepts: &Accepts, ty: &Type) -> Compared {
    let is_text = types::is_named(ty, "String")
        || types::last_argument(ty).is_some_and(|inner| types::is_named(inner, "str"));
    let has_references = match accepts {
        Accepts::OneOf(values) => values.iter().any(|it| matches!(it, Expr::Reference(_))),
        _ => false,
    };
    if is_text {
        Compared::Text
    } else if has_references || is_unsized(ty) {
        Compared::Reference
    } else {
        Compared::Value
    }
}

/// The type that is limited: without the `Option` and the `&` around it.
fn accepted_type(argument: &Argument) -> &Type {
    let written = unwrapped(&argument.written);
    let inner = sole_argument(written, "Option").map_or(written, unwrapped);
    match inner {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}
