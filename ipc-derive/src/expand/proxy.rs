//! The calling side: the proxy.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use super::describe::value_type;
use super::{Indices, accepts, docs};
use crate::model::{Argument, Interface, Method, Shape};
use crate::tokens::hidden;
use crate::types::{self, is_known, mentions, unwrapped};

/// The proxy type, which users name.
pub(crate) fn definition(interface: &Interface) -> TokenStream {
    let Interface {
        krate,
        name,
        cfgs,
        lints,
        proxy,
        vis,
        generics,
        caller,
        ..
    } = interface;
    let doc = format!("Calls the methods of a `{name}` on any computer.");
    let params = &generics.params;
    let where_clause = &generics.where_clause;
    let comma = (!params.is_empty()).then(|| quote!(,));
    let phantom = phantom_type(interface).map(|ty| quote!(phantom: #ty,));
    quote! {
        #(#cfgs)*
        #[doc = #doc]
        #[allow(unreachable_pub)]
        #(#lints)*
        #vis struct #proxy<#params #comma #caller> #where_clause {
            stub: #krate::private::Stub<#caller>,
            #phantom
        }
    }
}

/// The implementations for the proxy.
pub(crate) fn implementations(interface: &Interface, indices: &Indices) -> TokenStream {
    let Interface {
        krate,
        proxy,
        generics,
        caller,
        ..
    } = interface;
    let methods = interface
        .methods
        .iter()
        .enumerate()
        .map(|(index, method)| self::method(interface, method, &indices.number(index)));
    let constructors = constructors(interface);
    let counted = interface.methods.iter().map(|method| {
        let cfgs = &method.cfgs;
        quote!(#(#cfgs)* (),)
    });
    let mut called = generics.clone();
    called
        .params
        .push(parse_quote!(#caller: #krate::private::Caller));
    let mut plain = generics.clone();
    plain.params.push(parse_quote!(#caller));
    let mut cloned = generics.clone();
    cloned
        .params
        .push(parse_quote!(#caller: ::core::clone::Clone));
    let (_, ty, where_clause) = plain.split_for_impl();
    let (called, plain, cloned) = (
        called.split_for_impl().0,
        plain.split_for_impl().0,
        cloned.split_for_impl().0,
    );
    let phantom = phantom_type(interface).map(|_| quote!(phantom: ::core::marker::PhantomData,));
    let description = super::describe::interface(interface);
    quote! {
        #[automatically_derived]
        #[allow(rustdoc::broken_intra_doc_links, rustdoc::private_intra_doc_links)]
        impl #called #proxy #ty #where_clause {
            #constructors
            #(#methods)*
        }

        #[automatically_derived]
        impl #called #krate::private::Proxy<#caller> for #proxy #ty #where_clause {
            fn over(stub: #krate::private::Stub<#caller>) -> Self {
                Self { stub, #phantom }
            }
        }

        #[doc(hidden)]
        #[automatically_derived]
        impl #plain #krate::private::Offer for #proxy #ty #where_clause {
            const METHODS: ::core::primitive::usize = <[()]>::len(&[#(#counted)*]);

            fn interface() -> #krate::private::Interface {
                #description
            }
        }

        #[automatically_derived]
        impl #cloned ::core::clone::Clone for #proxy #ty #where_clause {
            fn clone(&self) -> Self {
                Self { stub: ::core::clone::Clone::clone(&self.stub), #phantom }
            }
        }

        #[automatically_derived]
        impl #plain ::core::fmt::Debug for #proxy #ty #where_clause {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Debug::fmt(&self.stub, f)
            }
        }
    }
}

/// The functions of the trait `Proxy` as functions of the proxy, except for those that the driver has as methods.
fn constructors(interface: &Interface) -> TokenStream {
    let Interface {
        krate,
        methods,
        caller,
        ..
    } = interface;
    let is_free = |name: &str| !methods.iter().any(|method| method.ident == name);
    let new = is_free("new").then(|| {
        quote! {
            /// Calls the only device of its type, which was registered without a prefix.
            pub fn new(caller: &#caller) -> Self {
                <Self as #krate::private::Proxy<#caller>>::new(caller)
            }
        }
    });
    let with_prefix = is_free("with_prefix").then(|| {
        quote! {
            /// Calls the device that was registered with `prefix`.
            pub fn with_prefix(caller: &#caller, prefix: &::core::primitive::str) -> Self {
                <Self as #krate::private::Proxy<#caller>>::with_prefix(caller, prefix)
            }
        }
    });
    let named = is_free("named").then(|| {
        quote! {
            /// Calls the device that is called `device` at the server, which is asked once for its description. Blocks
            /// until it answers.
            pub fn named(
                caller: &#caller,
                device: &::core::primitive::str,
            ) -> ::core::result::Result<Self, #krate::private::DeviceError>
            where
                #caller: #krate::private::BlockingCaller,
            {
                <Self as #krate::private::Proxy<#caller>>::named(caller, device)
            }
        }
    });
    let named_async = is_free("named_async").then(|| {
        quote! {
            /// Calls the device that is called `device` at the server, which is asked once for its description.
            pub async fn named_async(
                caller: &#caller,
                device: &::core::primitive::str,
            ) -> ::core::result::Result<Self, #krate::private::DeviceError>
            where
                #caller: #krate::private::AsyncCaller + ::core::marker::Sync,
            {
                <Self as #krate::private::Proxy<#caller>>::named_async(caller, device).await
            }
        }
    });
    quote!(#new #with_prefix #named #named_async)
}

fn method(interface: &Interface, method: &Method, number: &TokenStream) -> TokenStream {
    let Interface {
        krate,
        parameters,
        caller,
        ..
    } = interface;
    let Method {
        ident,
        cfgs,
        deprecated,
        lints,
        ..
    } = method;
    let doc = match method.docs.as_slice() {
        [] => docs::of_kind(method),
        docs => docs::of_driver(docs),
    };
    let facts = docs::facts(method);
    let value = value_type(&method.output, krate, parameters);
    let inputs = method.arguments().map(|argument| {
        let Argument { ident, written, .. } = argument;
        quote!(#ident: #written)
    });
    let call = hidden("call");
    let steps = steps(interface, method, &call);
    let binding = if steps.is_empty() {
        quote!(let #call = self.stub.begin(#number);)
    } else {
        quote!(let mut #call = self.stub.begin(#number);)
    };
    let is_direct = is_direct(&value, parameters);
    let send = if is_direct {
        quote!(self.stub.send(#call))
    } else {
        quote!((&&#krate::private::Probe::<#value>::NEW).send(&self.stub, #call))
    };
    let head = quote!(#doc #facts #(#cfgs)* #deprecated #(#lints)*);
    let signature = quote!(pub fn #ident(&self, #(#inputs),*));
    let body = quote!({ #binding #steps #send });
    match &method.output.shape {
        Shape::Unknown => {
            // Only the compiler knows the value type here. The docs show the type that the author wrote.
            let written = &method.output.ty;
            quote! {
                #[cfg(not(doc))]
                #head
                #signature -> #caller::Reply<#value> #body
                #[cfg(doc)]
                #head
                #signature -> #caller::Reply<#written> { loop {} }
            }
        }
        _ => quote!(#head #signature -> #caller::Reply<#value> #body),
    }
}

/// True for types that need no probe.
fn is_direct(ty: &TokenStream, parameters: &[String]) -> bool {
    mentions(ty, parameters) || syn::parse2(ty.clone()).is_ok_and(|ty| is_known(&ty))
}

/// Checks and encodes the arguments.
pub(crate) fn steps(interface: &Interface, method: &Method, call: &syn::Ident) -> TokenStream {
    let Interface {
        krate, parameters, ..
    } = interface;
    let checks = method
        .arguments()
        .enumerate()
        .filter_map(|(index, argument)| {
            accepts::check(argument, index, krate, &TokenStream::new())
        });
    let puts = method.arguments().map(|argument| {
        let ident = &argument.ident;
        let is_borrowed = matches!(unwrapped(&argument.written), syn::Type::Reference(_));
        let is_generic = mentions(&argument.owned, parameters);
        match is_borrowed {
            true if types::is_list_of_numbers(&argument.written) => {
                quote!(#call.numbers(#ident);)
            }
            true if is_generic || is_known(&argument.owned) => quote!(#call.argument(#ident);),
            true => quote!((&&#krate::private::Probe::of(#ident)).put(&mut #call, #ident);),
            false if is_generic => quote!(#call.argument(&#ident);),
            false if is_known(&argument.written) => quote!(#call.owned_argument(#ident);),
            false => quote! {
                (&&&#krate::private::Probe::of(&#ident)).put_owned(&mut #call, #ident);
            },
        }
    });
    quote!(#(#checks)* #(#puts)*)
}

fn phantom_type(interface: &Interface) -> Option<TokenStream> {
    let params = interface
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            syn::GenericParam::Type(param) => {
                let ident = &param.ident;
                Some(quote!(#ident))
            }
            _ => None,
        });
    let params: Vec<_> = params.collect();
    (!interface.generics.params.is_empty())
        .then(|| quote!(::core::marker::PhantomData<fn() -> (#(#params,)*)>))
}
