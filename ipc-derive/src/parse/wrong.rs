//! Methods with reported mistakes that make calls impossible. The proxy has them all the same, so that their callers get no
//! errors.

use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, Generics, Ident, ReturnType, Signature, Token, parse_quote};

use super::{attributes, method, passing};
use crate::errors::Errors;
use crate::model::{Output, Shape};
use crate::types;

/// What a caller sees of such a method.
pub(crate) struct Wrong {
    pub(crate) ident: Ident,
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) inputs: Punctuated<FnArg, Token![,]>,
    pub(crate) output: Output,
}

/// Reads a method with mistakes; `None` if its return type cannot be used in the proxy.
pub(crate) fn read(sig: &Signature, attrs: &[Attribute]) -> Option<Wrong> {
    let output = match &sig.output {
        ReturnType::Default => Output {
            ty: parse_quote!(()),
            shape: Shape::Plain,
        },
        ReturnType::Type(_, ty) => passing::output(ty, &mut Errors::default())?,
    };
    let open: Vec<_> = sig.generics.type_params().collect();
    let open: Vec<_> = open.iter().map(|param| param.ident.to_string()).collect();
    if types::mentions(&output.ty, &open) {
        return None;
    }
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(argument) if !method::is_context(&argument.ty) => {
            let mut argument = argument.clone();
            argument.attrs.clear();
            Some(FnArg::Typed(argument))
        }
        _ => None,
    });
    Some(Wrong {
        ident: sig.ident.clone(),
        cfgs: attributes(attrs, "cfg"),
        generics: sig.generics.clone(),
        inputs: typed.collect(),
        output,
    })
}
