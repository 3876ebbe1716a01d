//! Everything for an inherent `impl` block.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Path, PathArguments, parse_quote};

use super::describe::value_type;
use super::{Indices, checks, hidden, located, proxy, scope, server};
use crate::model::Interface;
use crate::parse::behind_feature;
use crate::parse::block::Block;
use crate::parse::wrong::Wrong;

/// The proxy, the description, and the driver's side of the calls.
pub(crate) fn expand(block: &Block) -> TokenStream {
    let interface = &block.interface;
    let indices = Indices::new(interface);
    let numbers = indices.declaration(interface);
    let definition = proxy::definition(interface);
    let proxy = proxy::implementations(interface, &indices);
    let wrong = wrong(block);
    let checks = checks::wire_types(interface);
    let part = block.is_servable.then(|| part(block, &indices));
    let remote = (block.is_servable && !block.is_part).then(|| remote(block));
    let scope = scope(
        interface,
        quote!(#numbers #checks #proxy #wrong #part #remote),
    );
    quote!(#definition #scope)
}

/// The methods of the proxy that nobody can call: the compiler has been told, and says it once.
fn wrong(block: &Block) -> TokenStream {
    let Interface {
        krate,
        proxy,
        caller,
        ..
    } = &block.interface;
    let methods = block.wrong.iter().map(|wrong| {
        let Wrong {
            ident,
            cfgs,
            generics,
            inputs,
            output,
        } = wrong;
        let value = value_type(output, krate, &[]);
        let (generics, _, where_clause) = generics.split_for_impl();
        quote! {
            #(#cfgs)*
            #[allow(missing_docs, unused_variables, clippy::unreachable)]
            pub fn #ident #generics(&self, #inputs) -> #caller::Reply<#value> #where_clause {
                ::core::unreachable!()
            }
        }
    });
    let methods: Vec<_> = methods.collect();
    match methods.as_slice() {
        [] => TokenStream::new(),
        methods => {
            quote!(impl<#caller: #krate::private::Caller> #proxy<#caller> { #(#methods)* })
        }
    }
}

/// The proxy type with nobody to call through, which stands for the interface.
fn key(interface: &Interface) -> TokenStream {
    let proxy = &interface.proxy;
    let params = interface.generics.params.iter().map(|param| match param {
        syn::GenericParam::Type(param) => &param.ident,
        syn::GenericParam::Const(param) => &param.ident,
        syn::GenericParam::Lifetime(param) => &param.lifetime.ident,
    });
    quote!(#proxy<#(#params,)* ()>)
}

/// The same for the proxy of another block, which is listed with the parameters that its signatures mention.
fn key_of_part(part: &Path) -> TokenStream {
    let mut part = part.clone();
    if let Some(last) = part.segments.last_mut() {
        match &mut last.arguments {
            PathArguments::AngleBracketed(arguments) => arguments.args.push(parse_quote!(())),
            other => *other = PathArguments::AngleBracketed(parse_quote!(<()>)),
        }
    }
    part.into_token_stream()
}

fn part(block: &Block, indices: &Indices) -> TokenStream {
    let Block {
        interface,
        self_ty,
        generics,
        driver,
        ..
    } = block;
    let krate = &interface.krate;
    let feature = behind_feature(driver.as_ref());
    let key = key(interface);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let arms = server::arms(interface, indices, &quote!(<#self_ty>));
    let (driver, method, call) = (hidden("driver"), hidden("method"), hidden("call"));
    quote! {
        #feature
        #[doc(hidden)]
        #[automatically_derived]
        impl #impl_generics #krate::private::Part<#self_ty> for #key #where_clause {
            fn dispatch(
                #driver: &mut #self_ty,
                #method: ::core::primitive::usize,
                #call: &mut #krate::private::Invocation<'_>,
            ) -> ::core::result::Result<(), #krate::private::Failure> {
                match #method {
                    #arms
                    _ => ::core::result::Result::Err(#call.unknown_method()),
                }
            }
        }
    }
}

fn remote(block: &Block) -> TokenStream {
    let Block {
        interface,
        self_ty,
        generics,
        driver,
        parts,
        ..
    } = block;
    let krate = &interface.krate;
    let feature = behind_feature(driver.as_ref());
    let key = key(interface);
    // What a parameter stands for decides whether the driver can be served; the block itself need not say so.
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        let servable = parse_quote!(#self_ty: ::core::marker::Send + 'static);
        generics.make_where_clause().predicates.push(servable);
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let shared =
        quote!(#krate::private::Shared<dyn #krate::private::Remote + ::core::marker::Send>);
    let served = located(quote!(#krate::private::served), self_ty.span());
    let all: Vec<_> = std::iter::once(key)
        .chain(parts.iter().map(key_of_part))
        .collect();
    let offers = match all.as_slice() {
        [only] => quote!(<#only as #krate::private::Offer>::interface()),
        all => quote!(#krate::private::joined([
            #(<#all as #krate::private::Offer>::interface()),*
        ])),
    };
    quote! {
        #feature
        #[automatically_derived]
        impl #impl_generics #krate::private::Remote for #self_ty #where_clause {
            fn interface() -> #krate::private::Interface {
                #offers
            }

            fn served(driver: #krate::private::Shared<Self>) -> #shared {
                #served::<#self_ty>(driver)
            }

            fn dispatch(
                &mut self,
                method: ::core::primitive::usize,
                invocation: &mut #krate::private::Invocation<'_>,
            ) -> ::core::result::Result<(), #krate::private::Failure> {
                #(let method = match method.checked_sub(<#all as #krate::private::Offer>::METHODS) {
                    ::core::option::Option::Some(beyond) => beyond,
                    ::core::option::Option::None => {
                        return <#all as #krate::private::Part<#self_ty>>::dispatch(
                            self, method, invocation,
                        );
                    }
                };)*
                let _ = method;
                ::core::result::Result::Err(invocation.unknown_method())
            }
        }
    }
}
