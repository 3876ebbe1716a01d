//! The description of an interface.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Path, Type};

use super::{accepts, option};
use crate::model::{Argument, Interface, Kind, Method, Output, Shape};
use crate::parse::{conditions, deprecation, doc, method::error_name};
use crate::tokens;
use crate::types::{is_known, mentions};

/// An expression of type `Interface`.
pub(crate) fn interface(interface: &Interface) -> TokenStream {
    let Interface {
        krate, name, docs, ..
    } = interface;
    let doc = doc(docs, krate);
    let methods = interface.methods.iter().map(|method| {
        let cfgs = &method.cfgs;
        let spec = self::method(method, krate, &interface.parameters);
        quote!(#(#cfgs)* #spec,)
    });
    quote!(#krate::private::interface(#name, #doc, &[#(#methods)*]))
}

/// An expression of type `MethodSpec`.
pub(crate) fn method(method: &Method, krate: &Path, parameters: &[String]) -> TokenStream {
    let name = &method.name;
    let kind = match method.kind {
        Kind::Call => quote!(Call),
        Kind::Get => quote!(Get),
        Kind::Set => quote!(Set),
    };
    let doc = doc(&method.docs, krate);
    let arguments = method.arguments().map(|it| argument(it, krate, parameters));
    let result = match &method.schema {
        Some(ty) => described(ty, krate),
        None => result_schema(&method.output, krate, parameters),
    };
    let unit = text(method.unit.as_deref());
    let error = error(&method.output, krate, parameters);
    let (idempotent, urgent) = (method.idempotent, method.urgent);
    let reads = method.reads;
    let deprecated = deprecated(method);
    quote! {
        #krate::private::MethodSpec {
            name: #name,
            kind: #krate::private::MethodKind::#kind,
            doc: #doc,
            arguments: &[#(#arguments),*],
            result: #result,
            unit: #unit,
            error: #error,
            idempotent: #idempotent,
            urgent: #urgent,
            reads: #reads,
            deprecated: #deprecated,
        }
    }
}

/// An expression of type `Option<&str>`.
fn deprecated(method: &Method) -> TokenStream {
    let Some(attribute) = &method.deprecated else {
        return option(None);
    };
    let unfolded = conditions::unfolded(attribute).into_iter().next();
    let Some((condition, meta)) = unfolded else {
        return option(None);
    };
    let reason = deprecation(&conditions::folded(None, &meta));
    let some = option(Some(quote!(#reason)));
    match condition {
        None => some,
        Some(_) => {
            let (holds, none) = (conditions::holds(condition.as_ref()), option(None));
            quote!(if #holds { #some } else { #none })
        }
    }
}

/// An expression of type `fn() -> Schema`, for a type that has to describe itself.
pub(crate) fn described(ty: &Type, krate: &Path) -> TokenStream {
    quote!(<#ty as #krate::private::Describe>::schema)
}

/// An expression of type `fn() -> Schema`. A type that does not describe itself counts by its name.
pub(crate) fn schema(ty: &Type, krate: &Path, parameters: &[String]) -> TokenStream {
    if is_known(ty) || mentions(ty, parameters) {
        return described(ty, krate);
    }
    quote!(|| (&&#krate::private::Probe::<#ty>::NEW).schema())
}

/// The type that a caller gets: from the syntax if possible, otherwise inferred by the compiler.
pub(crate) fn value_type(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    let ty = &output.ty;
    match &output.shape {
        Shape::Plain => quote!(#ty),
        Shape::Fallible { value, .. } => quote!(#value),
        Shape::Unknown if mentions(ty, parameters) => quote!(#ty),
        Shape::Unknown => quote! {
            <#ty as #krate::private::Output<{ #krate::private::IsResult::<#ty>::VALUE }>>::Value
        },
    }
}

fn argument(argument: &Argument, krate: &Path, parameters: &[String]) -> TokenStream {
    let name = &argument.name;
    let schema = match &argument.schema {
        Some(ty) => described(ty, krate),
        None => schema(&argument.owned, krate, parameters),
    };
    let unit = text(argument.unit.as_deref());
    let default = argument.default.as_ref().map(tokens::text);
    let default = text(default.as_deref());
    let accepts = option(argument.accepts.as_ref().map(|accepts| {
        let text = accepts::text(accepts, argument, krate);
        quote!(|| #text)
    }));

    quote! {
        #krate::private::ArgumentSpec {
            name: #name,
            schema: #schema,
            unit: #unit,
            default: #default,
            accepts: #accepts,
        }
    }
}

fn result_schema(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    match &output.shape {
        Shape::Plain => schema(&output.ty, krate, parameters),
        Shape::Fallible { value, .. } => schema(value, krate, parameters),
        Shape::Unknown if mentions(&output.ty, parameters) => schema(&output.ty, krate, parameters),
        Shape::Unknown => {
            let ty = value_type(output, krate, parameters);
            quote!(|| (&&#krate::private::Probe::<#ty>::NEW).schema())
        }
    }
}

fn error(output: &Output, krate: &Path, parameters: &[String]) -> TokenStream {
    let none = option(None);
    if let Some(name) = error_name(output) {
        let name = option(Some(quote!(::std::string::String::from(#name))));
        return quote!(|| #name);
    }
    let ty = &output.ty;
    let is_hidden = mentions(ty, parameters) || matches!(output.shape, Shape::Plain);
    if is_hidden {
        return quote!(|| #none);
    }
    quote!(|| #krate::private::IsResult::<#ty>::error_name())
}

fn text(text: Option<&str>) -> TokenStream {
    option(text.map(|text| quote!(#text)))
}
