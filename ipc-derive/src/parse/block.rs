//! An inherent `impl` block.

use proc_macro2::TokenStream;
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{
    GenericParam, Generics, Ident, ImplItem, ImplItemFn, ItemImpl, LitStr, Path, Type, Visibility,
    WherePredicate,
};

use super::urgent::Urgency;
use super::wrong::{self, Wrong};
use super::{attributes, caller, effect, krate, lints, method, urgent};
use crate::errors::Errors;
use crate::model::{Handle, Interface, Method};
use crate::options::{Options, Place};
use crate::tokens;
use crate::types::{self, unwrapped};

/// The model of a driver's block.
pub(crate) struct Block {
    pub(crate) interface: Interface,
    /// The type of the driver.
    pub(crate) self_ty: TokenStream,
    /// All generic parameters of the block.
    pub(crate) generics: Generics,
    /// The cargo feature that the driver is behind.
    pub(crate) driver: Option<LitStr>,
    /// The word `part`, if another block makes the driver a device and this one belongs to it.
    pub(crate) part: Option<Ident>,
    /// The proxies of other blocks that belong to this device.
    pub(crate) parts: Vec<Path>,
    /// What its urgent methods act on.
    pub(crate) handle: Option<Handle>,
    /// Methods with mistakes that make calls impossible.
    pub(crate) wrong: Vec<Wrong>,
    /// False if the driver cannot be served, so that only its proxy is made.
    pub(crate) is_servable: bool,
}

/// Reads a block. Takes all `#[remote(..)]` out of it.
pub(crate) fn read(item: &mut ItemImpl, options: Options, errors: &mut Errors) -> Option<Block> {
    if let Some((path, _)) = &item.trait_ {
        errors.on(
            path,
            "put `#[remote]` on the trait itself, so that all its implementors can be served",
        );
        strip(item, errors);
        return None;
    }
    if let Some(token) = &item.unsafety {
        errors.on(token, "an `unsafe impl` cannot be served");
    }
    for lifetime in item.generics.lifetimes() {
        errors.on(lifetime, "a served driver lives as long as its server, so it cannot borrow; let it own what it needs");
    }
    let Some(name) = types::last_name(&item.self_ty).cloned() else {
        errors.on(
            &item.self_ty,
            "only a struct or an enum can be served as a driver",
        );
        strip(item, errors);
        return None;
    };
    let proxy = proxy(&name, &options, errors);
    let self_ty = item.self_ty.to_token_stream();
    let mut wrong = Vec::new();
    let (methods, handle) = read_methods(item, &self_ty, &mut wrong, errors);
    let parameters = parameter_names(&item.generics);
    let generics = mentioned(&item.generics, &methods);
    let krate = krate(&options);
    let interface = Interface {
        caller: caller(item, &krate),
        krate,
        docs: attributes(&item.attrs, "doc"),
        cfgs: attributes(&item.attrs, "cfg"),
        lints: lints(&item.attrs),
        proxy,
        name: name.to_string(),
        vis: quote!(pub),
        generics,
        parameters,
        methods,
    };
    Some(Block {
        interface,
        self_ty,
        generics: item.generics.clone(),
        driver: options.driver,
        part: options.part,
        parts: options.parts,
        handle,
        wrong,
        is_servable: item.generics.lifetimes().next().is_none(),
    })
}

/// The name of the proxy. Each part needs one of its own.
fn proxy(name: &Ident, options: &Options, errors: &mut Errors) -> Ident {
    if let (Some(_), Some(first)) = (&options.part, options.parts.first()) {
        let text =
            "a part cannot have parts of its own; list them all at the block that makes the device";
        errors.on(first, text);
    }
    match (&options.proxy, &options.part) {
        (Some(proxy), _) => proxy.clone(),
        (None, None) => format_ident!("{name}Proxy"),
        (None, Some(part)) => {
            let proxy = format_ident!("{name}PartProxy");
            let text = format!(
                "a part needs a proxy of its own: write `part, proxy = {proxy}`, and list `{proxy}` in the `parts(..)` of the block that makes the device"
            );
            errors.on(part, text);
            proxy
        }
    }
}

fn read_methods(
    item: &mut ItemImpl,
    self_ty: &TokenStream,
    wrong: &mut Vec<Wrong>,
    errors: &mut Errors,
) -> (Vec<Method>, Option<Handle>) {
    let generics = &item.generics;
    let is_generic = !generics.params.is_empty();
    let before = errors.count();
    let mut methods = Vec::new();
    let mut urgency = Urgency::default();
    for item in &mut item.items {
        match item {
            ImplItem::Fn(function) => {
                match read_method(function, self_ty, generics, &mut urgency, errors) {
                    Ok(method) => methods.push(method),
                    Err(unread) => {
                        wrong.extend(unread.filter(|_| !is_generic).map(|unread| *unread));
                    }
                }
            }
            ImplItem::Const(other) => forbid(&mut other.attrs, errors),
            ImplItem::Type(other) => forbid(&mut other.attrs, errors),
            _ => {}
        }
    }
    if methods.is_empty() && errors.count() == before {
        let text = "there is nothing to call: make at least one method with `&self` or `&mut self` a `pub fn`";
        errors.on(&unwrapped(&item.self_ty), text);
    }
    (methods, urgency.finish(errors))
}

/// Reads a method that is offered to callers. The error is the substitute in the proxy for a method with mistakes.
fn read_method(
    function: &mut ImplItemFn,
    self_ty: &TokenStream,
    generics: &Generics,
    urgency: &mut Urgency,
    errors: &mut Errors,
) -> Result<Method, Option<Box<Wrong>>> {
    let options = Options::take(&mut function.attrs, Place::Method, errors);
    if let Some(word) = &options.handle {
        urgency.read_handle(function, word, &options, errors);
        method::strip_arguments(&mut function.sig, errors);
        return Err(None);
    }
    if let Some(word) = &options.urgent {
        urgency.note_urgent(word);
    }
    if let Err(reason) = offered(function, &options, self_ty) {
        if let Some((word, text)) = reason {
            errors.on(word, text);
        }
        method::strip_arguments(&mut function.sig, errors);
        return Err(None);
    }
    if let syn::ReturnType::Type(_, ty) = &function.sig.output
        && matches!(unwrapped(ty), Type::Reference(reference) if types::is_named(&reference.elem, "Self"))
    {
        errors.on(ty, "a reference to the driver cannot be returned to a remote caller: return nothing, or hide the method with `#[remote(skip)]`");
        method::strip_arguments(&mut function.sig, &mut Errors::default());
        return Err(None);
    }
    let mut sig = without_self(&function.sig, self_ty);
    if options.urgent.is_some() && !urgent::take_handle(&mut sig, &options, errors) {
        method::strip_arguments(&mut function.sig, &mut Errors::default());
        return Err(wrong::read(&sig, &function.attrs).map(Box::new));
    }
    let read = method::read(
        &mut sig,
        &function.attrs,
        options,
        Place::Method,
        generics,
        errors,
    );
    // The attributes of the arguments have been read from the copy.
    method::strip_arguments(&mut function.sig, &mut Errors::default());
    read.ok_or_else(|| wrong::read(&sig, &function.attrs).map(Box::new))
}

/// Whether a function is offered to callers; if not, the mistake in it, if any.
fn offered<'a>(
    function: &'a ImplItemFn,
    options: &'a Options,
    self_ty: &TokenStream,
) -> Result<(), Option<(&'a dyn ToTokens, &'static str)>> {
    let said = |word: Option<&'a Ident>, text| Err(word.map(|word| (word as &dyn ToTokens, text)));
    if options.skip.is_some() {
        return said(options.beside("skip"), effect::BESIDE_SKIP);
    }
    let receiver = function.sig.receiver();
    if receiver.is_none() && options.urgent.is_none() {
        return said(
            options.first(),
            "this function has no `&self` or `&mut self`, so it is not offered to callers; remove the attribute, or add a receiver",
        );
    }
    if !matches!(function.vis, Visibility::Public(_)) {
        return said(
            options.first(),
            "only a `pub fn` is offered to callers; make it `pub`, or remove the attribute",
        );
    }
    let receiver = receiver.filter(|_| options.urgent.is_none());
    if let Some(receiver) = receiver
        && !method::borrows_driver(receiver, &tokens::text(self_ty))
    {
        let text = "a call only borrows the driver: take `&self` or `&mut self`, or hide the method with `#[remote(skip)]`";
        return Err(Some((receiver, text)));
    }
    Ok(())
}

/// The signature with the driver's type for `Self`, because the proxy is another type. The receiver is unchanged.
fn without_self(sig: &syn::Signature, self_ty: &TokenStream) -> syn::Signature {
    let mut sig = sig.clone();
    let replace = |ty: &mut Type| {
        let tokens = types::without_self(ty.to_token_stream(), self_ty);
        *ty = syn::parse2(tokens.clone()).unwrap_or(Type::Verbatim(tokens));
    };
    for input in &mut sig.inputs {
        if let syn::FnArg::Typed(argument) = input {
            replace(&mut argument.ty);
            for attribute in &mut argument.attrs {
                if let syn::Meta::List(list) = &mut attribute.meta {
                    list.tokens = types::without_self(list.tokens.clone(), self_ty);
                }
            }
        }
    }
    if let syn::ReturnType::Type(_, ty) = &mut sig.output {
        replace(ty);
    }
    sig
}

/// Takes all `#[remote(..)]` out of a block that will not be served.
fn strip(item: &mut ItemImpl, errors: &mut Errors) {
    for item in &mut item.items {
        if let ImplItem::Fn(function) = item {
            Options::take(&mut function.attrs, Place::Method, errors);
            method::strip_arguments(&mut function.sig, &mut Errors::default());
        }
    }
}

fn forbid(attrs: &mut Vec<syn::Attribute>, errors: &mut Errors) {
    for attribute in attrs.extract_if(.., |attribute| attribute.path().is_ident("remote")) {
        errors.at(attribute.span(), "only methods can be offered to callers");
    }
}

fn parameter_names(generics: &Generics) -> Vec<String> {
    let name = |param: &GenericParam| match param {
        GenericParam::Type(param) => Some(param.ident.to_string()),
        GenericParam::Const(param) => Some(param.ident.to_string()),
        GenericParam::Lifetime(_) => None,
    };
    generics.params.iter().filter_map(name).collect()
}

/// The generic parameters that signatures mention. The proxy has these.
fn mentioned(generics: &Generics, methods: &[Method]) -> Generics {
    let names = parameter_names(generics);
    let mentions = |name: &str| {
        let name = [name.to_string()];
        methods.iter().any(|method| {
            types::mentions(method.output.value(), &name)
                || method
                    .arguments()
                    .any(|argument| types::mentions(&argument.written, &name))
        })
    };
    let (kept, dropped): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| mentions(name));
    let mut generics = generics.clone();
    generics.params = generics
        .params
        .into_iter()
        .filter(|param| match param {
            GenericParam::Type(param) => kept.contains(&param.ident.to_string()),
            GenericParam::Const(param) => kept.contains(&param.ident.to_string()),
            GenericParam::Lifetime(_) => false,
        })
        .collect();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => param.default = None,
            GenericParam::Const(param) => param.default = None,
            GenericParam::Lifetime(_) => {}
        }
    }
    if let Some(clause) = &mut generics.where_clause {
        clause.predicates = std::mem::take(&mut clause.predicates)
            .into_iter()
            .filter(|predicate: &WherePredicate| {
                types::mentions(predicate, &kept) && !types::mentions(predicate, &dropped)
            })
            .collect();
    }
    generics
}
