//! The mistakes in one item, reported together.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
}

impl Errors {
    /// Adds a mistake at the tokens that have to change.
    pub(crate) fn on(&mut self, tokens: &dyn ToTokens, message: impl Into<String>) {
        let mut stream = TokenStream::new();
        tokens.to_tokens(&mut stream);
        self.found
            .push(syn::Error::new_spanned(stream, message.into()));
    }

    /// Adds a mistake at a place.
    pub(crate) fn at(&mut self, span: Span, message: impl Into<String>) {
        self.found.push(syn::Error::new(span, message.into()));
    }

    /// Adds a mistake that the parser found.
    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// Number of mistakes.
    pub(crate) fn count(&self) -> usize {
        self.found.len()
    }

    /// The mistakes as compile errors.
    pub(crate) fn into_tokens(self) -> TokenStream {
        self.found
            .iter()
            .map(syn::Error::to_compile_error)
            .collect()
    }
}
