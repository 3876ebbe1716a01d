//! Every type is asked once whether it can travel, on the first place where it stands.

use std::collections::HashSet;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Type;

use super::describe::value_type;
use super::{hidden, located, underlined};
use crate::advice;
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
    let ask = |ty: &Type, asked: TokenStream| {
        let place = types::span(ty);
        let question = advice::question(ty, &interface.name);
        let question = located(quote!(#krate::private::#question), place);
        // The same key as for another place where it stands: it is the same type, unless it is an alias of `Result`.
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
