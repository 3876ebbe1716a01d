//! Checks that all types can travel: once per type, at its first use.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

use super::describe::value_type;
use crate::advice;
use crate::model::{Interface, Method, Shape};
use crate::tokens::{hidden, located, underlined};
use crate::types::{is_known, leaves, mentions};

/// A function that is never called, and that compiles if all types can travel.
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
    let ask = |ty: &Type, asked: TokenStream| {
        let place = ty.span();
        let question = advice::question(ty, &interface.name);
        let question = located(quote!(#krate::private::#question), place);
        // The key is the text of the type, so that another use of the type is not checked again.
        let key = quote!(#ty).to_string();
        (key, quote_spanned!(place=> #question::<#asked>();))
    };
    let mut questions: Vec<_> = types
        .into_iter()
        .filter(|ty| !is_known(ty) && !mentions(ty, parameters))
        .map(|ty| ask(ty, quote!(#ty)))
        .collect();
    let output = &method.output;
    if let (Shape::Unknown, false) = (&output.shape, mentions(&output.ty, parameters)) {
        let value = value_type(output, krate, parameters);
        questions.push(ask(&output.ty, underlined(value, &output.ty)));
    }
    questions
}
