//! From the model to code.
//!
//! All that is generated for an item, apart from the types that users name, stands in one `const _`, where the traits of
//! the probes are in scope. Every path is absolute, and names of our own are not seen by the user's code.

pub(crate) mod accepts;
pub(crate) mod block;
pub(crate) mod checks;
pub(crate) mod data;
pub(crate) mod describe;
pub(crate) mod docs;
pub(crate) mod function;
pub(crate) mod interface;
mod limits;
pub(crate) mod proxy;
pub(crate) mod server;

use proc_macro2::{Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::{Ident, Type};

use crate::model::Interface;

/// A name that nothing of the user's can see or shadow.
pub(crate) fn hidden(name: &str) -> Ident {
    Ident::new(&format!("__{name}"), Span::mixed_site())
}

/// A hidden name at a place of the user's, for what the compiler may have to say there.
pub(crate) fn hidden_at(name: &str, place: Span) -> Ident {
    let mut ident = hidden(name);
    ident.set_span(ident.span().located_at(place));
    ident
}

/// The same tokens, which mean the same, at a place of the user's.
pub(crate) fn moved(tokens: TokenStream, place: Span) -> TokenStream {
    let at = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), moved(group.stream(), place));
            inner.set_span(group.span().located_at(place));
            TokenTree::Group(inner)
        }
        mut token => {
            token.set_span(token.span().located_at(place));
            token
        }
    };
    tokens.into_iter().map(at).collect()
}

/// The same tokens, all at a place of the user's, where the compiler's words about them will be.
pub(crate) fn located(tokens: TokenStream, place: Span) -> TokenStream {
    let at = |token: TokenTree| match token {
        TokenTree::Group(group) => {
            let mut moved = Group::new(group.delimiter(), located(group.stream(), place));
            moved.set_span(place);
            TokenTree::Group(moved)
        }
        mut token => {
            token.set_span(place);
            token
        }
    };
    tokens.into_iter().map(at).collect()
}

/// The same tokens at a type of the user's, which the compiler underlines from its first to its last token.
pub(crate) fn underlined(tokens: TokenStream, ty: &Type) -> TokenStream {
    let mut underlined: Vec<_> = located(tokens, ty.span()).into_iter().collect();
    if let (Some(token), Some(last)) = (underlined.last_mut(), quote!(#ty).into_iter().last()) {
        token.set_span(last.span());
    }
    underlined.into_iter().collect()
}

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
                CannotPut as _, CannotShow as _, CannotTravel as _, IsNoResult as _, Puts as _, RaisesError as _,
                RaisesInto as _, RaisesIntoLocal as _, RaisesText as _, RaisesTextValue as _,
                RaisesValue as _, ReturnedPlain as _, SchemaByName as _, SchemaDescribed as _,
                SchemaFromJson as _, Shows as _, Travels as _,
            };
            #items
        };
    }
}

/// The numbers of the methods: literals, unless a `#[cfg]` decides about some of them.
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

    /// An enum that counts the methods that are there, if that has to be left to the compiler.
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
