//! The code for a free function: a type of the same name, which is in another namespace.

use proc_macro2::TokenStream;
use quote::quote;
use syn::spanned::Spanned;

use super::describe::{self, value_type};
use super::{checks, docs, proxy, scope, server};
use crate::model::{Argument, Interface, Method};
use crate::parse::behind_feature;
use crate::parse::function::Function;
use crate::tokens::hidden;

/// The type that stands for the function. It can be registered and called.
pub(crate) fn expand(function: &Function) -> TokenStream {
    let interface = &function.interface;
    let Some(method) = interface.methods.first() else {
        return TokenStream::new();
    };
    let checks = checks::wire_types(interface);
    let caller = caller(function, method);
    let server = server(function, method);
    let Interface {
        cfgs, lints, vis, ..
    } = interface;
    let ident = &method.ident;
    let doc = format!(
        "Stands for the function of this name: `{ident}::function()` can be served, and `{ident}::call` calls it from \
         elsewhere."
    );
    let scope = scope(interface, quote!(#checks #caller #server));
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(non_camel_case_types, unreachable_pub)]
        #(#lints)*
        #[derive(::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug)]
        #vis struct #ident {
            never: (),
        }
        #scope
    }
}

fn caller(function: &Function, method: &Method) -> TokenStream {
    let interface = &function.interface;
    let krate = &interface.krate;
    let (caller, call, stub) = (hidden("caller"), hidden("call"), hidden("stub"));
    let (by, ident) = (&interface.caller, &method.ident);
    let doc = match method.docs.as_slice() {
        [] => docs::own(&format!("Calls `{}`.", method.name)),
        docs => docs::of_driver(docs),
    };
    let deprecated = &method.deprecated;
    let inputs = method.arguments().map(|argument| {
        let Argument { ident, written, .. } = argument;
        quote!(#ident: #written)
    });
    let value = value_type(&method.output, krate, &[]);
    let description = describe::interface(interface);
    let steps = proxy::steps(interface, method, &call);
    quote! {
        #[automatically_derived]
        impl #ident {
            #doc
            #deprecated
            pub fn call<#by: #krate::private::Caller>(
                #caller: &#by,
                #(#inputs),*
            ) -> #by::Reply<#value> {
                let #stub = #krate::private::Stub::new(#caller, "", || #description);
                #[allow(unused_mut)]
                let mut #call = #stub.begin(0);
                #steps
                (&&#krate::private::Probe::<#value>::NEW).send(&#stub, #call)
            }
        }
    }
}

fn server(function: &Function, method: &Method) -> TokenStream {
    let krate = &function.interface.krate;
    let feature = behind_feature(function.driver.as_ref());
    let ident = &method.ident;
    let call = hidden("call");
    let spec = describe::method(method, krate, &[]);
    let probe = server::probe(krate, &[], method);
    let place = server::error_type(method).span();
    // An argument of the same name hides the function.
    let is_hidden = method.arguments().any(|argument| argument.ident == *ident);
    let (function, kept) = match is_hidden {
        true => {
            let kept = hidden("function");
            (quote!(#kept), quote!(let #kept = #ident;))
        }
        false => (quote!(#ident), TokenStream::new()),
    };
    let body = server::body(krate, &[], method, &function, None, place);
    quote! {
        #feature
        #[automatically_derived]
        impl #ident {
            /// Returns the function for registration at a server.
            pub fn function() -> ::std::boxed::Box<dyn #krate::private::Function> {
                ::std::boxed::Box::new(Self { never: () })
            }
        }

        #feature
        #[automatically_derived]
        impl #krate::private::Function for #ident {
            fn method(&self) -> #krate::private::Method {
                #krate::private::method(&#spec)
            }

            fn probe(&self) -> #krate::private::ArgumentProbe {
                #probe
            }

            fn run(
                &mut self,
                #call: &mut #krate::private::Invocation<'_>,
            ) -> ::core::result::Result<(), #krate::private::Failure> {
                #kept
                #body
            }
        }
    }
}
