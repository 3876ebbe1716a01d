//! The serving side: dispatch from the number of a method to the method.

use std::collections::HashMap;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;
use syn::spanned::Spanned;

use super::{Indices, accepts};
use crate::model::{Argument, Input, Interface, Method, Passing, Shape};
use crate::tokens::{self, hidden, hidden_at};
use crate::types::{is_known, mentions, unwrapped};

/// The arms of a `match` on the number of the method, for the methods that are urgent or for the others. `path` is the path
/// to the methods, and `receiver` what is passed to them first.
pub(crate) fn arms(
    interface: &Interface,
    indices: &Indices,
    path: &TokenStream,
    receiver: &Ident,
    are_urgent: bool,
) -> TokenStream {
    let mut places = HashMap::new();
    let methods = interface.methods.iter().enumerate();
    let methods = methods.filter(|(_, method)| method.urgent == are_urgent);
    let arms = methods.map(|(index, method)| {
        // The compiler reports a wrong error type once if all its uses have the same span.
        let place = error_type(method);
        let place = *places.entry(tokens::text(place)).or_insert(place.span());
        let number = indices.number(index);
        let (cfgs, lints) = (&method.cfgs, &method.lints);
        let ident = &method.ident;
        let function = quote!(#path::#ident);
        let mut receiver = receiver.clone();
        if are_urgent {
            // The compiler reports a handle of another type at the method.
            receiver.set_span(receiver.span().located_at(ident.span()));
        }
        let body = body(
            &interface.krate,
            &interface.parameters,
            method,
            &function,
            Some(&quote!(#receiver)),
            place,
        );
        quote!(#(#cfgs)* #(#lints)* #number => { #body })
    });
    arms.collect()
}

/// The arms of a `match` on the number of the method, each an expression of type `ArgumentProbe`.
pub(crate) fn probe_arms(interface: &Interface, indices: &Indices) -> TokenStream {
    let arms = interface.methods.iter().enumerate().map(|(index, method)| {
        let number = indices.number(index);
        let cfgs = &method.cfgs;
        let probe = probe(&interface.krate, &interface.parameters, method);
        quote!(#(#cfgs)* #number => #probe,)
    });
    arms.collect()
}

/// An expression of type `ArgumentProbe`: reads the arguments of a method to find the long lists in them.
pub(crate) fn probe(krate: &syn::Path, parameters: &[String], method: &Method) -> TokenStream {
    let reader = hidden("reader");
    let probes = method.arguments().map(|argument| {
        let owned = &argument.owned;
        let probe = match is_direct(owned, parameters) {
            true => quote!(#krate::private::probe::<#owned>),
            false => quote! {
                |#reader: &mut #krate::private::ValueReader<'_>| {
                    (&&#krate::private::Probe::<#owned>::NEW).probe(#reader)
                }
            },
        };
        quote!((#probe) as #krate::private::ValueProbe)
    });
    quote!(const { &[#(#probes),*] })
}

/// Takes the arguments, calls `function`, and answers.
pub(crate) fn body(
    krate: &syn::Path,
    parameters: &[String],
    method: &Method,
    function: &TokenStream,
    receiver: Option<&TokenStream>,
    place: Span,
) -> TokenStream {
    let call = hidden("call");
    let takes = method
        .arguments()
        .map(|argument| take(argument, krate, parameters));
    let checks = method
        .arguments()
        .enumerate()
        .filter_map(|(index, argument)| accepts::check(argument, index, krate, &quote!(?)));
    let borrows = method.arguments().filter_map(borrow);
    let receiver = receiver.map(|receiver| quote!(#receiver,));
    let passed = method.inputs.iter().map(|input| match input {
        Input::Context => quote!(#call.context()),
        Input::Argument(argument) => {
            let ident = &argument.ident;
            quote!(#ident)
        }
    });
    let run = quote_spanned!(method.ident.span()=> #function(#receiver #(#passed),*));
    let run = if method.is_async {
        quote!(#call.block_on(#run)?)
    } else {
        run
    };
    let answer = answer(method, krate, parameters, &run, place);
    quote! {
        #(#takes)*
        #call.finish_arguments()?;
        #(#borrows)*
        #(#checks)*
        #answer
    }
}

fn take(argument: &Argument, krate: &syn::Path, parameters: &[String]) -> TokenStream {
    let owned = &argument.owned;
    let (call, ident) = (hidden("call"), decoded(argument));
    let default = argument.default.as_ref().map(|_| default(argument));
    let taken = match (is_direct(owned, parameters), default) {
        (true, None) => quote!(#call.argument::<#owned>()?),
        (true, Some(default)) => quote!(#call.argument_or::<#owned>(#default)?),
        (false, None) => quote!((&&#krate::private::Probe::<#owned>::NEW).take(#call)?),
        (false, Some(default)) => {
            quote!((&&#krate::private::Probe::<#owned>::NEW).take_or(#call, #default)?)
        }
    };
    quote!(let #ident: #owned = #taken;)
}

/// True for types of arguments that need no probe.
fn is_direct(owned: &syn::Type, parameters: &[String]) -> bool {
    is_known(owned) || mentions(owned, parameters) || is_std(owned)
}

/// The name of the decoded value: that of the argument, unless the method takes a value that is made from it.
fn decoded(argument: &Argument) -> syn::Ident {
    match argument.passing {
        Passing::Value => argument.ident.clone(),
        _ => hidden(&format!("owned_{}", argument.name)),
    }
}

/// True for the owned forms of `str` and `Path` that this crate generates.
fn is_std(owned: &syn::Type) -> bool {
    matches!(unwrapped(owned), syn::Type::Path(path)
        if path.path.leading_colon.is_some() && path.path.segments.first().is_some_and(|s| s.ident == "std")
            && path.path.segments.last().is_some_and(|s| s.arguments.is_none()))
}

/// A closure that makes the owned form of the default. The default itself has the type in the signature.
fn default(argument: &Argument) -> TokenStream {
    let Argument { written, owned, .. } = argument;
    let Some(expr) = &argument.default else {
        return TokenStream::new();
    };
    let value = hidden("value");
    let is_text =
        matches!(expr, syn::Expr::Lit(literal) if matches!(literal.lit, syn::Lit::Str(_)));
    match argument.passing {
        Passing::Value if is_text && crate::types::is_named(owned, "String") => {
            quote!(|| <#owned as ::core::convert::From<&::core::primitive::str>>::from(#expr))
        }
        Passing::Value => quote!(|| #expr),
        Passing::Reference => quote! {
            || { let #value: #written = #expr; ::std::borrow::ToOwned::to_owned(#value) }
        },
        Passing::OptionDeref | Passing::OptionRef => quote! {
            || { let #value: #written = #expr; #value.map(::std::borrow::ToOwned::to_owned) }
        },
    }
}

/// Makes the value that the method takes from the owned form.
fn borrow(argument: &Argument) -> Option<TokenStream> {
    let Argument { ident, written, .. } = argument;
    let owned = decoded(argument);
    let borrowed = match argument.passing {
        Passing::Value => return None,
        Passing::Reference => quote!(&#owned),
        Passing::OptionDeref => quote!(#owned.as_deref()),
        Passing::OptionRef => quote!(#owned.as_ref()),
    };
    Some(quote!(let #ident: #written = #borrowed;))
}

fn answer(
    method: &Method,
    krate: &syn::Path,
    parameters: &[String],
    run: &TokenStream,
    place: Span,
) -> TokenStream {
    let (call, result, value, error) = (
        hidden("call"),
        hidden("result"),
        hidden("value"),
        hidden("error"),
    );
    let ty = match &method.output.shape {
        Shape::Fallible { value, .. } => value,
        Shape::Plain | Shape::Unknown => &method.output.ty,
    };
    let is_unknown = matches!(method.output.shape, Shape::Unknown);
    let succeed = if mentions(ty, parameters) {
        quote!(#call.succeed(#value))
    } else if is_known(ty) && !is_unknown {
        quote!(#call.succeed_in_place(#value))
    } else {
        quote!((&&&#krate::private::Probe::of(&#value)).answer(#call, #value))
    };
    if matches!(method.output.shape, Shape::Plain) {
        return quote! {
            let #value = #run;
            #succeed
        };
    }
    let told = hidden_at("error", place);
    let way = quote!((&&&&&&#krate::private::Probe::of(&#error)).way().failure(#told));
    quote! {
        let #result = #krate::private::Returned(#run).into_result();
        match #result {
            ::core::result::Result::Ok(#value) => #succeed,
            ::core::result::Result::Err(#error) => ::core::result::Result::Err(#way),
        }
    }
}

/// The error type, or the whole return type if it may be an alias of a `Result`.
pub(crate) fn error_type(method: &Method) -> &syn::Type {
    match &method.output.shape {
        Shape::Fallible {
            error: Some(error), ..
        } => error,
        _ => &method.output.ty,
    }
}
