//! Code generation from the model.
//!
//! Apart from the types that users name, all code for an item is in one `const _`, where the traits of the probes are in
//! scope. All paths are absolute, and the user's code does not see hidden names.

pub(crate) mod accepts;
pub(crate) mod block;
pub(crate) mod checks;
pub(crate) mod data;
pub(crate) mod describe;
pub(crate) mod docs;
pub(crate) mod function;
pub(crate) mod interface;
pub(crate) mod proxy;
pub(crate) mod server;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::Ident;

use crate::model::Interface;
use crate::tokens::hidden;

/// `Some(value)` or `None`.
pub(crate) fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

/// A `const _` around implementations, with the probes in scope.
pub(crate) fn scope(interface: &Interface, items: TokenStream) -> TokenStream {
    let Interface {
        krate, cfgs, lints, ..
    } = interface;
    quote! {
        #(#cfgs)*
        #[allow(
            deprecated, unreachable_pub, unused_imports, unused_parens, unused_qualifications,
            clippy::too_many_arguments,
        )]
        #(#lints)*
        const _: () = {
            use #krate::private::{
                CannotPut as _, CannotTravel as _, IsNoResult as _, LendsLists as _, Puts as _, RaisesError as _,
                RaisesInto as _, RaisesIntoLocal as _, RaisesText as _, RaisesTextValue as _,
                RaisesValue as _, ReturnedPlain as _, SchemaByName as _, SchemaDescribed as _, Travels as _,
            };
            #items
        };
    }
}

/// The numbers of the methods: literals, unless some methods have a `#[cfg]`.
pub(crate) struct Indices {
    conditional: bool,
}

impl Indices {
    pub(crate) fn new(interface: &Interface) -> Self {
        let conditional = interface
            .methods
            .iter()
            .any(|method| !method.cfgs.is_empty());
        Self { conditional }
    }

    /// An enum that numbers the methods, if some of them depend on a `#[cfg]`.
    pub(crate) fn declaration(&self, interface: &Interface) -> TokenStream {
        if !self.conditional {
            return TokenStream::new();
        }
        let numbers = hidden("Numbers");
        let variants = interface.methods.iter().enumerate().map(|(index, method)| {
            let cfgs = &method.cfgs;
            let variant = format_ident!("M{index}");
            quote!(#(#cfgs)* #variant,)
        });
        let constants = interface.methods.iter().enumerate().map(|(index, method)| {
            let cfgs = &method.cfgs;
            let (variant, constant) = (format_ident!("M{index}"), constant(index));
            quote!(#(#cfgs)* const #constant: usize = #numbers::#variant as usize;)
        });
        quote! {
            enum #numbers { #(#variants)* }
            #(#constants)*
        }
    }

    /// The number of a method, as an expression and as a pattern.
    pub(crate) fn number(&self, index: usize) -> TokenStream {
        if self.conditional {
            let constant = constant(index);
            quote!(#constant)
        } else {
            let index = proc_macro2::Literal::usize_suffixed(index);
            quote!(#index)
        }
    }
}

fn constant(index: usize) -> Ident {
    Ident::new(&format!("__M{index}"), Span::mixed_site())
}
