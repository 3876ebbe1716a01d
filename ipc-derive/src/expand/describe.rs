//! The description of an interface.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;
use syn::{Path, Type};

use super::limits::{asked, is_plain};
use super::{hidden, option};
use crate::model::{Accepts, Argument, Interface, Kind, Method, Output, Shape};
use crate::parse::{conditional_doc, conditions, deprecation, doc_text, method::error_name};
use crate::types::{is_known, mentions};

/// An expression of type `Interface`.
pub(crate) fn interface(interface: &Interface) -> TokenStream {
    let Interface {
        krate, name, docs, ..
    } = interface;
    let doc = doc(docs, krate);
    let methods = interface.methods.iter().map(|method| {
        let cfgs = &method.cfgs;
        let spec = self::method(method, krate, &interface.parameters);
        quote!(#(#cfgs)* #spec,)
    });
    quote!(#krate::private::interface(#name, #doc, &[#(#methods)*]))
}

/// An expression of type `MethodSpec`.
pub(crate) fn method(method: &Method, krate: &Path, parameters: &[String]) -> TokenStream {
    let name = &method.name;
    let kind = match method.kind {
        Kind::Call => quote!(Call),
        Kind::Get => quote!(Get),
        Kind::Set => quote!(Set),
    };
    let doc = doc(&method.docs, krate);
    let arguments = method.arguments().map(|it| argument(it, krate, parameters));
    let result = result_schema(&method.output, krate, parameters);
    let unit = text(method.unit.as_deref());
    let error = error(&method.output, krate, parameters);
    let idempotent = method.idempotent;
    let deprecated = deprecated(method);
    quote! {
        #krate::private::MethodSpec {
            name: #name,
            kind: #krate::private::MethodKind::#kind,
            doc: #doc,
            arguments: &[#(#arguments),*],
            result: #result,
            unit: #unit,
            error: #error,
            idempotent: #idempotent,
            deprecated: #deprecated,
        }
    }
}

/// An expression of type `&str`.
fn doc(docs: &[syn::Attribute], krate: &Path) -> TokenStream {
    conditional_doc(docs, krate).unwrap_or_else(|| {
        let doc = doc_text(docs);
        quote!(#doc)
    })
}

/// An expression of type `Option<&str>`.
fn deprecated(method: &Method) -> TokenStream {
    let Some(attribute) = &method.deprecated else {
        return option(None);
    };
    let unfolded = conditions::unfolded(attribute).into_iter().next();
    let Some((condition, meta)) = unfolded else {
        return option(None);
    };
    let reason = deprecation(&conditions::folded(None, &meta));
    let some = option(Some(quote!(#reason)));
    match condition {
        None => some,
        Some(_) => {
            let (holds, none) = (conditions::holds(condition.as_ref()), option(None));
            quote!(if #holds { #some } else { #none })
        }
    }
}

/// An expression of type `fn() -> Schema`.
pub(crate) fn schema(ty: &Type, krate: &Path, parameters: &[String]) -> TokenStream {
    if is_known(ty) || mentions(ty, parameters) {
        return quote!(<#ty as #krate::private::Describe>::schema);
    }
    quote!(|| (&&&#krate::private::Probe::<#ty>::NEW).schema())
}

/// The type that a caller gets: as written if the syntax tells, found by the compiler otherwise.
pub(crate) fn value_type(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    let ty = &output.ty;
    match &output.shape {
        Shape::Plain => quote!(#ty),
        Shape::Fallible { value, .. } => quote!(#value),
        Shape::Unknown if mentions(ty, parameters) => quote!(#ty),
        Shape::Unknown => quote! {
            <#ty as #krate::private::Output<{ #krate::private::IsResult::<#ty>::VALUE }>>::Value
        },
    }
}

fn argument(argument: &Argument, krate: &Path, parameters: &[String]) -> TokenStream {
    let name = &argument.name;
    let schema = schema(&argument.owned, krate, parameters);
    let unit = text(argument.unit.as_deref());
    let default = argument.default.as_ref().map(crate::types::text);
    let default = text(default.as_deref());
    let accepts = option(argument.accepts.as_ref().map(|accepts| {
        let text = accepted(accepts, bound_type(argument), krate);
        quote!(|| #text)
    }));

    quote! {
        #krate::private::ArgumentSpec {
            name: #name,
            schema: #schema,
            unit: #unit,
            default: #default,
            accepts: #accepts,
        }
    }
}

/// An expression of type `String`: which values are accepted.
fn accepted(accepts: &Accepts, bound_type: &Type, krate: &Path) -> TokenStream {
    let written = match accepts {
        Accepts::Named(range) => return quote!(::std::format!("{:?}", #range)),
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let dots = if *inclusive { "..=" } else { ".." };
            let is_literal = |bound: &Option<syn::Expr>| {
                let is_number =
                    |bound: &syn::Expr| matches!(bound, syn::Expr::Lit(_) | syn::Expr::Unary(_));
                bound.as_ref().is_none_or(is_number)
            };
            if !is_literal(low) || !is_literal(high) {
                return evaluated(low.as_ref(), dots, high.as_ref(), bound_type, krate);
            }
            let bound = |bound: &Option<syn::Expr>| bound.as_ref().map(crate::types::text);
            format!(
                "{}{dots}{}",
                bound(low).unwrap_or_default(),
                bound(high).unwrap_or_default()
            )
        }
        Accepts::OneOf(values) => {
            let values: Vec<_> = values.iter().map(crate::types::text).collect();
            format!("[{}]", values.join(", "))
        }
    };
    quote!(::std::string::String::from(#written))
}

/// A range whose bounds are constants, with their values: callers do not know the constants.
fn evaluated(
    low: Option<&syn::Expr>,
    dots: &str,
    high: Option<&syn::Expr>,
    bound_type: &Type,
    krate: &Path,
) -> TokenStream {
    let mut pattern = String::new();
    let shown = match is_known(bound_type) {
        true => "{:?}",
        false => "{}",
    };
    pattern.push_str(low.map_or("", |_| shown));
    pattern.push_str(dots);
    pattern.push_str(high.map_or("", |_| shown));
    let bounds = low.into_iter().chain(high).map(|bound| {
        let text = match is_known(bound_type) {
            true => quote!(bound),
            false => quote!((&&#krate::private::Probe::of(&bound)).text(&bound)),
        };
        quote!({ let bound: #bound_type = #bound; #text })
    });
    quote!(::std::format!(#pattern #(, #bounds)*))
}

fn result_schema(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    match &output.shape {
        Shape::Plain => schema(&output.ty, krate, parameters),
        Shape::Fallible { value, .. } => schema(value, krate, parameters),
        Shape::Unknown if mentions(&output.ty, parameters) => schema(&output.ty, krate, parameters),
        Shape::Unknown => {
            let ty = value_type(output, krate, parameters);
            quote!(|| (&&&#krate::private::Probe::<#ty>::NEW).schema())
        }
    }
}

fn error(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    let none = option(None);
    if let Some(name) = error_name(output) {
        let name = option(Some(quote!(::std::string::String::from(#name))));
        return quote!(|| #name);
    }
    let ty = &output.ty;
    let is_hidden = mentions(ty, parameters) || matches!(output.shape, Shape::Plain);
    if is_hidden {
        return quote!(|| #none);
    }
    quote!(|| #krate::private::IsResult::<#ty>::error_name())
}

fn text(text: Option<&str>) -> TokenStream {
    option(text.map(|text| quote!(#text)))
}

/// An expression that is true if `value`, of the type in the signature, is accepted.
pub(crate) fn is_accepted(accepts: &Accepts, argument: &Argument, krate: &Path) -> TokenStream {
    let ident = &argument.ident;
    let value = hidden("value");
    let is_optional = crate::types::sole_argument(&argument.written, "Option").is_some();
    let (given, reference) = match (is_optional, &argument.written) {
        (true, _) | (false, Type::Reference(_)) => (quote!(#value), quote!(#value)),
        _ => (quote!(*#value), quote!(#value)),
    };
    let borrowed = match (is_optional, &argument.written) {
        (true, _) | (false, Type::Reference(_)) => quote!(&#value),
        _ => quote!(#value),
    };
    let bound_type = bound_type(argument);
    let is_plain = is_plain(argument);
    let test = match accepts {
        Accepts::Named(range) => quote!(::core::ops::RangeBounds::contains(&#range, #reference)),
        Accepts::Range {
            low,
            high,
            inclusive,
        } => {
            let place = quote!(#low #high).span();
            let low = low.as_ref().map(|low| {
                let test = match is_plain {
                    true => quote!(low <= *#value),
                    false => asked(place, krate, "is_at_least", [quote!(#value), quote!(&low)]),
                };
                quote!({ let low: #bound_type = #low; #test })
            });
            let high = high.as_ref().map(|high| {
                let (less, most) = match inclusive {
                    true => (quote!(<=), "is_at_most"),
                    false => (quote!(<), "is_below"),
                };
                let test = match is_plain {
                    true => quote!(*#value #less high),
                    false => asked(place, krate, most, [quote!(#value), quote!(&high)]),
                };
                quote!({ let high: #bound_type = #high; #test })
            });
            match (low, high) {
                (Some(low), Some(high)) => quote!((#low) && (#high)),
                (one, other) => quote!(#one #other),
            }
        }
        Accepts::OneOf(values) => {
            let place = quote!(#(#values),*).span();
            let tests = values.iter().map(|it| match is_plain {
                true => quote!(#given == #it),
                false => asked(place, krate, "is_listed", [borrowed.clone(), quote!(&#it)]),
            });
            quote!(#(#tests)||*)
        }
    };
    match is_optional {
        true => quote! {
            match &#ident {
                ::core::option::Option::Some(#value) => { let #value = #value; #test }
                ::core::option::Option::None => true,
            }
        },
        false if matches!(argument.written, Type::Reference(_)) => {
            quote!({ let #value = #ident; #test })
        }
        false => quote!({ let #value = &#ident; #test }),
    }
}

/// The type of the bounds of a range.
pub(super) fn bound_type(argument: &Argument) -> &Type {
    let written = crate::types::unwrapped(&argument.written);
    let inner = crate::types::sole_argument(written, "Option").unwrap_or(written);
    match inner {
        Type::Reference(reference) => &reference.elem,
        other => other,
    }
}
