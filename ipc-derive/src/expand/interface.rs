//! The code for a trait: a proxy that implements it, and an adapter that serves its implementors.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Signature;
use syn::spanned::Spanned;

use super::{Indices, checks, proxy, scope, server};
use crate::model::{Interface, Method, Shape};
use crate::parse::behind_feature;
use crate::parse::interface::{Trait, is_own_error};
use crate::tokens::{hidden, located};

/// The proxy, the adapter, the description, and the driver's side of the calls.
pub(crate) fn expand(item: &Trait) -> TokenStream {
    let interface = &item.interface;
    let indices = Indices::new(interface);
    let numbers = indices.declaration(interface);
    let definition = proxy::definition(interface);
    let adapter = adapter(item);
    let proxy = proxy::implementations(interface, &indices);
    let checks = checks::wire_types(interface);
    let implementation = item.is_complete.then(|| implementation(item));
    let part = part(item, &indices);
    let scope = scope(
        interface,
        quote!(#numbers #checks #proxy #implementation #part),
    );
    quote!(#definition #adapter #scope)
}

fn adapter_name(item: &Trait) -> syn::Ident {
    format_ident!("{}Device", item.ident)
}

fn adapter(item: &Trait) -> TokenStream {
    let name = adapter_name(item);
    let Interface {
        cfgs, lints, vis, ..
    } = &item.interface;
    let feature = behind_feature(item.driver.as_ref());
    let doc = format!("Serves a driver by its [`{}`].", item.ident);
    quote! {
        #(#cfgs)*
        #feature
        #[doc = #doc]
        #[derive(
            ::core::clone::Clone, ::core::marker::Copy, ::core::fmt::Debug, ::core::default::Default,
        )]
        #[allow(unreachable_pub, clippy::exhaustive_structs)]
        #(#lints)*
        #vis struct #name<T>(
            /// The driver.
            pub T,
        );
    }
}

/// The implementation of the trait for the proxy.
fn implementation(item: &Trait) -> TokenStream {
    let Trait {
        interface,
        ident,
        has_error_type,
        signatures,
        wrong,
        is_async,
        demands,
        ..
    } = item;
    let Interface {
        krate,
        proxy,
        caller,
        ..
    } = interface;
    let (bound, wait) = if *is_async {
        (quote!(AsyncCaller), quote!(.await))
    } else {
        (quote!(BlockingCaller), TokenStream::new())
    };
    let error = has_error_type.then(|| quote!(type Error = #krate::private::CallError;));
    let methods = interface.methods.iter().zip(signatures);
    let methods = methods.map(|(method, signature)| {
        let inherent = forwarded(method);
        let signature = plain(signature);
        let (cfgs, lints) = (&method.cfgs, &method.lints);
        let reply = hidden("reply");
        let outcome = quote!(<#caller as #krate::private::#bound>::wait(#reply) #wait);
        let outcome = converted(item, method, &outcome);
        quote! {
            #(#cfgs)*
            #(#lints)*
            #signature {
                let #reply = #inherent;
                #outcome
            }
        }
    });
    let wrong = wrong.iter().map(|(cfgs, signature)| {
        quote! {
            #(#cfgs)*
            #[allow(unused_variables, clippy::unreachable)]
            #signature {
                ::core::unreachable!()
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl<#caller: #krate::private::#bound> #ident for #proxy<#caller>
        where
            #(#demands,)*
        {
            #error
            #(#methods)*
            #(#wrong)*
        }
    }
}

/// Converts the outcome of a call to the return type of the trait's method.
fn converted(item: &Trait, method: &Method, outcome: &TokenStream) -> TokenStream {
    let krate = &item.interface.krate;
    match &method.output.shape {
        _ if is_own_error(method) => quote!(#outcome),
        Shape::Fallible {
            error: Some(error), ..
        } => {
            let hold = quote!(<#error as #krate::private::HoldsCallError>::hold);
            let hold = located(hold, error.span());
            quote!(#outcome.map_err(#hold))
        }
        _ => {
            let ty = &method.output.ty;
            let place = ty.span();
            let from_call = quote!(<#ty as #krate::private::MayFail<_>>::from_call);
            let from_call = located(from_call, place);
            quote!(#from_call(#outcome))
        }
    }
}

/// A call of the proxy's inherent method.
fn forwarded(method: &Method) -> TokenStream {
    let ident = &method.ident;
    let arguments = method.arguments().map(|argument| &argument.ident);
    quote!(Self::#ident(self, #(#arguments),*))
}

/// The signature of the trait, with names for the arguments and without attributes.
fn plain(signature: &Signature) -> TokenStream {
    let mut signature = signature.clone();
    for input in &mut signature.inputs {
        match input {
            syn::FnArg::Typed(argument) => {
                argument.attrs.clear();
                if let syn::Pat::Ident(pat) = &mut *argument.pat {
                    pat.mutability = None;
                }
            }
            syn::FnArg::Receiver(receiver) => receiver.attrs.clear(),
        }
    }
    quote!(#signature)
}

fn part(item: &Trait, indices: &Indices) -> TokenStream {
    let Trait {
        interface,
        ident,
        implementor: ty,
        ..
    } = item;
    let (krate, proxy) = (&interface.krate, &interface.proxy);
    let feature = behind_feature(item.driver.as_ref());
    let adapter = adapter_name(item);
    let (driver, method, call) = (hidden("driver"), hidden("method"), hidden("call"));
    let arms = server::arms(interface, indices, &quote!(<#ty as #ident>), &driver, false);
    let probes = server::probe_arms(interface, indices);
    quote! {
        #feature
        #[doc(hidden)]
        #[automatically_derived]
        impl<#ty: #ident> #krate::private::Part<#ty> for #proxy<()> {
            fn probe(#method: ::core::primitive::usize) -> #krate::private::ArgumentProbe {
                match #method {
                    #probes
                    _ => &[],
                }
            }

            fn dispatch(
                #driver: &mut #ty,
                #method: ::core::primitive::usize,
                #call: &mut #krate::private::Invocation<'_>,
            ) -> ::core::result::Result<(), #krate::private::Failure> {
                match #method {
                    #arms
                    _ => ::core::result::Result::Err(#call.unknown_method()),
                }
            }
        }

        #feature
        #[automatically_derived]
        impl<#ty: #ident + 'static> #krate::private::Remote for #adapter<#ty> {
            fn interface() -> #krate::private::Interface {
                <#proxy<()> as #krate::private::Offer>::interface()
            }

            fn probe(#method: ::core::primitive::usize) -> #krate::private::ArgumentProbe {
                <#proxy<()> as #krate::private::Part<#ty>>::probe(#method)
            }

            fn dispatch(
                &mut self,
                #method: ::core::primitive::usize,
                #call: &mut #krate::private::Invocation<'_>,
            ) -> ::core::result::Result<(), #krate::private::Failure> {
                <#proxy<()> as #krate::private::Part<#ty>>::dispatch(&mut self.0, #method, #call)
            }
        }
    }
}
