//! A trait whose implementors can be served.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::{
    Attribute, Generics, Ident, ItemTrait, LitStr, Signature, TraitItem, TraitItemFn,
    WherePredicate,
};

use super::trait_error::{error_type, is_error};
use super::{attributes, caller, effect, krate, lints, method, parameter, urgent};
use crate::errors::Errors;
use crate::model::{Interface, Method, Shape};
use crate::options::{Options, Place};
use crate::tokens;
use crate::types;

/// The model of a trait.
pub(crate) struct Trait {
    pub(crate) interface: Interface,
    pub(crate) ident: Ident,
    /// The generic parameter for what implements it.
    pub(crate) implementor: Ident,
    /// True if the trait has a `type Error`.
    pub(crate) has_error_type: bool,
    /// The signatures of the methods, which the proxy repeats.
    pub(crate) signatures: Vec<Signature>,
    pub(crate) is_async: bool,
    /// The cargo feature that all drivers are behind.
    pub(crate) driver: Option<LitStr>,
    /// The bounds on all implementors of the trait, including the proxy.
    pub(crate) demands: Vec<TokenStream>,
    /// Methods with reported mistakes. The proxy has them all the same.
    pub(crate) wrong: Vec<(Vec<Attribute>, Signature)>,
    /// False if the proxy lacks an item that the trait requires.
    pub(crate) is_complete: bool,
}

/// Reads a trait. Takes all `#[remote(..)]` out of it.
pub(crate) fn read(item: &mut ItemTrait, options: Options, errors: &mut Errors) -> Option<Trait> {
    if let Some(param) = item.generics.params.first() {
        errors.on(
            param,
            "both ends must know all types, so a served trait has no parameters",
        );
    }
    if let Some(token) = &item.unsafety {
        errors.on(
            token,
            "an `unsafe trait` cannot be served: its proxy cannot uphold the contract",
        );
    }
    let name = item.ident.clone();
    let before = errors.count();
    let mut signatures = Vec::new();
    let mut methods = Vec::new();
    let mut wrong = Vec::new();
    let has_error_type = error_type(item, errors);
    let mut is_complete = true;
    for item in &mut item.items {
        match item {
            TraitItem::Fn(function) => match read_method(function, has_error_type, errors) {
                Read::Offered(method) => {
                    signatures.push(function.sig.clone());
                    methods.push(*method);
                }
                Read::Provided => {}
                Read::Wrong if function.default.is_some() => {}
                Read::Wrong => {
                    is_complete &= !has_open_result(&function.sig);
                    wrong.push((attributes(&function.attrs, "cfg"), function.sig.clone()));
                }
            },
            TraitItem::Type(ty) if is_error(ty) => {}
            TraitItem::Type(ty) => {
                is_complete = false;
                errors.on(
                    &ty.ident,
                    "remote callers do not know this type; `type Error` is the only associated type allowed",
                );
            }
            TraitItem::Const(constant) if constant.default.is_none() => {
                is_complete = false;
                errors.on(
                    &constant.ident,
                    "the proxy cannot know this constant; give it a value here, or make it a method",
                );
            }
            _ => {}
        }
    }
    if methods.is_empty() && errors.count() == before {
        errors.on(
            &name,
            "there is nothing to call: the trait needs a method with `&self` or `&mut self`",
        );
    }
    let is_async = check_async(&methods, errors);
    let is_plain = item.generics.params.is_empty();
    let krate = krate(&options);
    is_plain.then(|| Trait {
        is_complete,
        implementor: parameter("D", "Driver", item, &krate),
        interface: Interface {
            caller: caller(item, &krate),
            krate,
            docs: attributes(&item.attrs, "doc"),
            cfgs: attributes(&item.attrs, "cfg"),
            lints: lints(&item.attrs),
            proxy: options
                .proxy
                .clone()
                .unwrap_or_else(|| format_ident!("{name}Proxy")),
            name: name.to_string(),
            vis: item.vis.to_token_stream(),
            generics: Generics::default(),
            parameters: vec![],
            methods,
        },
        ident: name,
        driver: options.driver,
        demands: demands(item),
        has_error_type,
        signatures,
        wrong,
        is_async,
    })
}

/// The supertraits of a trait, wherever they are written, as predicates about `Self`.
fn demands(item: &ItemTrait) -> Vec<TokenStream> {
    let supertraits = item.supertraits.iter().map(|it| quote!(Self: #it));
    let clause = item.generics.where_clause.iter();
    let conditions = clause.flat_map(|it| &it.predicates).filter(
        |it| matches!(it, WherePredicate::Type(it) if tokens::text(&it.bounded_ty) == "Self"),
    );
    supertraits
        .chain(conditions.map(ToTokens::to_token_stream))
        .collect()
}

/// True for an `impl Trait` result, whose type depends on the body of the method.
fn has_open_result(sig: &Signature) -> bool {
    types::mentions(&sig.output, &["impl".to_string()])
}

/// True if the error type in the signature is the trait's own.
pub(crate) fn is_own_error(method: &Method) -> bool {
    match &method.output.shape {
        Shape::Fallible {
            error: Some(error), ..
        } => tokens::text(error) == "Self::Error",
        _ => false,
    }
}

enum Read {
    /// Offered to callers.
    Offered(Box<Method>),
    /// Not offered; its body is used for the proxy as well.
    Provided,
    Wrong,
}

fn read_method(function: &mut TraitItemFn, has_error_type: bool, errors: &mut Errors) -> Read {
    let options = Options::take(&mut function.attrs, Place::Method, errors);
    if let Some(option) = options.urgent.as_ref().or(options.handle.as_ref()) {
        errors.on(option, urgent::NOT_IN_A_TRAIT);
        method::strip_arguments(&mut function.sig, &mut Errors::default());
        return Read::Wrong;
    }
    if options.skip.is_some() {
        if let Some(option) = options.beside("skip") {
            errors.on(option, effect::BESIDE_SKIP);
        }
        method::strip_arguments(&mut function.sig, errors);
        if function.default.is_some() {
            return Read::Provided;
        }
        errors.on(&function.sig.ident, "a hidden method needs a body, so that the proxy has it as well: give it one, or remove the `skip`");
        return Read::Wrong;
    }
    let borrows = function
        .sig
        .receiver()
        .map(|it| method::borrows_driver(it, "Self"));
    match borrows {
        None if function.default.is_some() && options.first().is_none() => {
            method::strip_arguments(&mut function.sig, errors);
            return Read::Provided;
        }
        None => {
            errors.on(&function.sig.ident, "the proxy stands for an existing device: take `&self` or `&mut self`, or move this function out of the trait");
            method::strip_arguments(&mut function.sig, &mut Errors::default());
            return Read::Wrong;
        }
        Some(false) => errors.on(
            &function.sig.receiver(),
            "a call only borrows the driver: take `&self` or `&mut self`",
        ),
        Some(true) => {}
    }
    let mut sig = function.sig.clone();
    let generics = Generics::default();
    let read = method::read(
        &mut sig,
        &function.attrs,
        options,
        Place::Method,
        &generics,
        errors,
    );
    method::strip_arguments(&mut function.sig, &mut Errors::default());
    let before = errors.count();
    if let Some(method) = &read {
        check_types(method, has_error_type, errors);
    }
    let is_callable = errors.count() == before && borrows == Some(true);
    match read.filter(|_| is_callable) {
        Some(method) => Read::Offered(Box::new(method)),
        None => Read::Wrong,
    }
}

/// Checks the rules for types in a trait's methods, beyond those for all methods.
fn check_types(method: &Method, has_error_type: bool, errors: &mut Errors) {
    let own = ["Self".to_string()];
    for argument in method.arguments() {
        if types::mentions(&argument.written, &own) {
            errors.on(
                &argument.written,
                "remote callers do not know `Self`; use a concrete type",
            );
        }
    }
    match &method.output.shape {
        Shape::Fallible { value, .. } if types::mentions(value, &own) => {
            errors.on(
                value,
                "remote callers do not know `Self`; use a concrete type",
            );
        }
        Shape::Fallible { .. } => {}
        Shape::Unknown if !types::mentions(&method.output.ty, &own) => {}
        _ => {
            let value = tokens::text(&method.output.ty);
            let add = match has_error_type {
                true => "",
                false => ", and add `type Error: std::error::Error;` to the trait",
            };
            let text = format!(
                "a remote call can fail, so the method must be able to report that: return `Result<{value}, Self::Error>`{add}"
            );
            match value.as_str() {
                "()" => errors.on(&method.ident, text),
                _ => errors.on(&method.output.ty, text),
            }
        }
    }
}

fn check_async(methods: &[Method], errors: &mut Errors) -> bool {
    let is_async = methods.first().is_some_and(|method| method.is_async);
    if let Some(odd) = methods.iter().find(|method| method.is_async != is_async) {
        errors.on(&odd.ident, "some methods are `async` and some are not; make them all `async` or none, because a proxy is either blocking or async");
    }
    is_async
}
