//! Every type is asked once whether it can travel, on the first place where it stands.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use super::describe::value_type;
use super::{hidden, located};
use crate::model::{Interface, Method, Shape};
use crate::types::{self, is_known, leaves, mentions};

/// A function that nobody calls and that compiles if all types can travel.
pub(crate) fn wire_types(interface: &Interface) -> TokenStream {
    let mut asked = HashSet::new();
    let mut questions = Vec::new();
    for method in &interface.methods {
        for (key, question) in of_method(interface, method) {
            let cfgs = &method.cfgs;
            let conditional = quote!(#(#cfgs)*).to_string();
            if asked.insert((key, conditional)) {
                questions.push(quote!(#(#cfgs)* #question));
            }
        }
    }
    if questions.is_empty() {
        return TokenStream::new();
    }
    let function = hidden("wire_types");
    quote! {
        #[allow(dead_code)]
        fn #function() {
            #(#questions)*
        }
    }
}

fn of_method(interface: &Interface, method: &Method) -> Vec<(String, TokenStream)> {
    let Interface {
        krate, parameters, ..
    } = interface;
    let mut types: Vec<&Type> = Vec::new();
    for argument in method.arguments() {
        leaves(&argument.owned, &mut types);
    }
    match &method.output.shape {
        Shape::Plain => leaves(&method.output.ty, &mut types),
        Shape::Fallible { value, .. } => leaves(value, &mut types),
        Shape::Unknown => {}
    }
    let ask = |ty: &Type, span: proc_macro2::Span| {
        let question = match types::is_named(ty, &interface.name) {
            true => quote!(wire_driver),
            false => quote!(wire),
        };
        let question = located(question, span);
        (
            quote!(#ty).to_string(),
            quote_spanned!(span=> #krate::private::#question::<#ty>();),
        )
    };
    let mut questions: Vec<_> = types
        .into_iter()
        .filter(|ty| !is_known(ty) && !mentions(ty, parameters))
        .map(|ty| ask(ty, types::span(ty)))
        .collect();
    if let (Shape::Unknown, false) = (
        &method.output.shape,
        mentions(&method.output.ty, parameters),
    ) {
        let written = &method.output.ty;
        let value = value_type(&method.output, krate, parameters);
        let question = match types::is_named(written, &interface.name) {
            true => quote!(#krate::private::wire_driver::<#value>();),
            false => quote!(#krate::private::wire::<#value>();),
        };
        let question = located(question, types::span(written));
        // The same key as for an argument of this type: it is the same type, unless it is an alias of `Result`.
        questions.push((quote!(#written).to_string(), question));
    }
    questions
}
