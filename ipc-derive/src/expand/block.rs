//! The code for an inherent `impl` block.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Ident, Path, PathArguments, parse_quote};

use super::describe::value_type;
use super::{Indices, checks, proxy, scope, server};
use crate::model::{Handle, Interface};
use crate::parse::behind_feature;
use crate::parse::block::Block;
use crate::parse::wrong::Wrong;
use crate::tokens::{hidden, located};

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
    let remote = (block.is_servable && block.part.is_none()).then(|| remote(block));
    let scope = scope(
        interface,
        quote!(#numbers #checks #proxy #wrong #part #remote),
    );
    quote!(#definition #scope)
}

/// The methods of the proxy for methods with reported mistakes, so that their callers compile.
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

/// The proxy type with `()` as its caller, which stands for the interface.
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
        part,
        ..
    } = block;
    let krate = &interface.krate;
    let feature = behind_feature(driver.as_ref());
    let key = key(interface);
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let probes = server::probe_arms(interface, indices);
    let listed = part.as_ref().map(|word| listed(block, word.span()));
    let urgent = block
        .handle
        .as_ref()
        .map(|handle| urgent(block, indices, handle));
    let (driver, method, call) = (hidden("driver"), hidden("method"), hidden("call"));
    let arms = server::arms(interface, indices, &quote!(<#self_ty>), &driver, false);
    quote! {
        #listed
        #feature
        #[doc(hidden)]
        #[automatically_derived]
        impl #impl_generics #krate::private::Part<#self_ty> for #key #where_clause {
            fn probe(#method: ::core::primitive::usize) -> #krate::private::ArgumentProbe {
                match #method {
                    #probes
                    _ => &[],
                }
            }

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

            #urgent
        }
    }
}

/// The function that returns what runs the urgent methods of the block.
fn urgent(block: &Block, indices: &Indices, handle: &Handle) -> TokenStream {
    let Block {
        interface, self_ty, ..
    } = block;
    let krate = &interface.krate;
    let (driver, method, call) = (hidden("driver"), hidden("method"), hidden("call"));
    let (taken, ident) = (hidden("handle"), &handle.ident);
    let arms = server::arms(interface, indices, &quote!(<#self_ty>), &taken, true);
    let make = located(quote!(#krate::private::urgent), handle.place);
    let is_generic = !block.generics.params.is_empty();
    let servable = is_generic.then(|| quote!(where #self_ty: 'static));
    quote! {
        fn urgent(
            #driver: &#self_ty,
        ) -> ::core::option::Option<#krate::private::Urgent> #servable {
            let #taken = <#self_ty>::#ident(#driver);
            ::core::option::Option::Some(#make(#taken, |#taken, #method, #call| match #method {
                #arms
                _ => ::core::result::Result::Err(#call.unknown_method()),
            }))
        }
    }
}

/// A function that only the block that lists this part calls. If no block does, the compiler warns about it at `place`:
/// the name is the advice.
fn listed(block: &Block, place: Span) -> TokenStream {
    let interface = &block.interface;
    let krate = &interface.krate;
    let feature = behind_feature(block.driver.as_ref());
    let key = key(interface);
    let listed = Ident::new(LISTED, place);
    let (impl_generics, _, where_clause) = interface.generics.split_for_impl();
    let function = quote! {
        #feature
        impl #impl_generics #key #where_clause {
            #[doc(hidden)]
            pub(crate) fn #listed() -> #krate::private::Interface {
                <Self as #krate::private::Offer>::interface()
            }
        }
    };
    // The compiler does not warn about tokens that it knows to be generated.
    located(function, place)
}

const LISTED: &str = "list_this_proxy_in_the_parts_of_the_device";

/// Defined by each block that makes a device. If two blocks of a driver do, the compiler names it as defined twice: the
/// name is the advice.
const ONLY_ONE: &str = "only_one_block_makes_the_device_and_the_others_need_remote_part";

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
    // Whether a generic driver can be served depends on its parameters, so the block need not state these bounds.
    let mut generics = generics.clone();
    if !generics.params.is_empty() {
        let servable = parse_quote!(#self_ty: 'static);
        generics.make_where_clause().predicates.push(servable);
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let offered = quote!(<#key as #krate::private::Offer>::interface());
    let parts: Vec<_> = parts.iter().map(key_of_part).collect();
    let offers = match parts.as_slice() {
        [] => offered,
        parts => {
            let listed = Ident::new(LISTED, Span::call_site());
            quote!(#krate::private::joined([#offered, #(<#parts>::#listed()),*]))
        }
    };
    let all = std::iter::once(&key).chain(&parts);
    let all: Vec<_> = all.collect();
    let urgent = match (&block.handle, all.as_slice()) {
        (None, [_]) => None,
        (Some(_), [only]) => Some(quote!(<#only as #krate::private::Part<#self_ty>>::urgent(self))),
        (_, all) => Some(quote! {
            #krate::private::joined_urgent([#((
                <#all as #krate::private::Offer>::METHODS,
                <#all as #krate::private::Part<#self_ty>>::urgent(self),
            )),*])
        }),
    };
    let urgent = urgent.map(|urgent| {
        quote! {
            fn urgent(&self) -> ::core::option::Option<#krate::private::Urgent> {
                #urgent
            }
        }
    });
    let only_one = Ident::new(ONLY_ONE, self_ty.span());
    quote! {
        #feature
        impl #impl_generics #self_ty #where_clause {
            #[doc(hidden)]
            #[allow(dead_code, non_upper_case_globals)]
            const #only_one: () = ();
        }

        #feature
        #[automatically_derived]
        impl #impl_generics #krate::private::Remote for #self_ty #where_clause {
            fn interface() -> #krate::private::Interface {
                #offers
            }

            fn probe(method: ::core::primitive::usize) -> #krate::private::ArgumentProbe {
                #(let method = match method.checked_sub(<#all as #krate::private::Offer>::METHODS) {
                    ::core::option::Option::Some(beyond) => beyond,
                    ::core::option::Option::None => {
                        return <#all as #krate::private::Part<#self_ty>>::probe(method);
                    }
                };)*
                let _ = method;
                &[]
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

            #urgent
        }
    }
}
