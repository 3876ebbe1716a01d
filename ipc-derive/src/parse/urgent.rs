//! Urgent methods, which run beside any call, and the handle that they act on.

use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    FnArg, GenericParam, Ident, ImplItemFn, ReceiverKind, ReturnType, Safety, Signature, Type,
};

use super::{attributes, method};
use crate::errors::Errors;
use crate::model::Handle;
use crate::options::{Options, Place};
use crate::types::unwrapped;

/// The error about an urgent method, or a handle, in a trait.
pub(super) const NOT_IN_A_TRAIT: &str = "the methods of a trait cannot be urgent, because its proxy has no handle; write an `impl` block with `#[remote]` for the driver instead";

/// What one block says about its urgent methods.
#[derive(Default)]
pub(super) struct Urgency {
    handle: Option<Handle>,
    /// The first `handle` among the options of the methods.
    handle_word: Option<Ident>,
    /// The first `urgent` among the options of the methods.
    urgent_word: Option<Ident>,
}

impl Urgency {
    /// Reads the method with the option `handle`, which is `word`.
    pub(super) fn read_handle(
        &mut self,
        function: &ImplItemFn,
        word: &Ident,
        options: &Options,
        errors: &mut Errors,
    ) {
        if let Some(option) = options.beside("handle") {
            let text = "this has no effect: the handle is not offered to callers";
            errors.on(option, text);
        }
        if self.handle_word.is_some() {
            let text = "this block has a handle already: let one method return all that its urgent methods need";
            errors.on(word, text);
            return;
        }
        self.handle_word = Some(word.clone());
        self.handle = read_handle(function, errors);
    }

    /// Notes a method with the option `urgent`, which is `word`.
    pub(super) fn note_urgent(&mut self, word: &Ident) {
        self.urgent_word.get_or_insert_with(|| word.clone());
    }

    /// Applies the rules between the methods, and returns the handle.
    pub(super) fn finish(self, errors: &mut Errors) -> Option<Handle> {
        match (&self.handle_word, &self.urgent_word) {
            (None, Some(word)) => errors.on(
                word,
                "an urgent method acts on a handle, but this block has none: mark a method with `#[remote(handle)]` that takes `&self` and returns what the driver shares with its urgent methods",
            ),
            (Some(word), None) => errors.on(
                word,
                "this has no effect: no method of this block is urgent; mark one with `#[remote(urgent)]`",
            ),
            _ => {}
        }
        self.handle.filter(|_| self.urgent_word.is_some())
    }
}

/// Takes the handle out of the parameters of the urgent method with this signature. Returns false if there is a mistake.
pub(super) fn take_handle(sig: &mut Signature, options: &Options, errors: &mut Errors) -> bool {
    if let Some(property) = options.get.as_ref().or(options.set.as_ref()) {
        let text = "a property cannot be urgent: remove the `urgent`, or make this a plain method";
        errors.on(property, text);
    }
    if let Some(receiver) = sig.receiver() {
        let text = "an urgent method runs while another call is inside the driver, so it cannot use `self`: take a reference to the handle in its place";
        errors.on(receiver, text);
        return false;
    }
    take_parameter(sig, errors)
}

fn read_handle(function: &ImplItemFn, errors: &mut Errors) -> Option<Handle> {
    let before = errors.count();
    let sig = &function.sig;
    if let Some(cfg) = attributes(&function.attrs, "cfg").first() {
        errors.on(
            cfg.path(),
            "the urgent methods need their handle under all conditions; put the `#[cfg]` inside the method",
        );
    }
    match sig.receiver() {
        Some(receiver) if matches!(&receiver.kind, ReceiverKind::Reference(_, _, None)) => {}
        Some(receiver) => errors.on(receiver, BY_REFERENCE),
        None => errors.on(&sig.ident, BY_REFERENCE),
    }
    let taken = "the handle is taken once, when the device is made";
    let mut typed = sig.inputs.iter();
    if let Some(argument) = typed.find(|input| matches!(input, FnArg::Typed(_))) {
        let text = format!("{taken}, so this method cannot have arguments");
        errors.on(argument, text);
    }
    if let Some(token) = &sig.asyncness {
        errors.on(token, format!("{taken}, so this method cannot be `async`"));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.on(token, format!("{taken}, so this method cannot be `unsafe`"));
    }
    let is_open = |param: &&GenericParam| !matches!(param, GenericParam::Lifetime(_));
    if let Some(param) = sig.generics.params.iter().find(is_open) {
        errors.on(param, format!("{taken}, so this method cannot be generic"));
    }
    let ty = match &sig.output {
        ReturnType::Type(_, ty) => Some(ty),
        ReturnType::Default => {
            errors.on(
                &sig.ident,
                "the handle is what urgent methods act on, but this method returns nothing",
            );
            None
        }
    };
    ty.filter(|_| errors.count() == before).map(|ty| Handle {
        ident: sig.ident.clone(),
        place: ty.span(),
    })
}

fn take_parameter(sig: &mut Signature, errors: &mut Errors) -> bool {
    let Some(FnArg::Typed(first)) = sig.inputs.first_mut() else {
        errors.on(&sig.ident, FIRST);
        return false;
    };
    let is_reference = matches!(unwrapped(&first.ty), Type::Reference(reference) if reference.mutability.is_none());
    if !is_reference || method::is_context(&first.ty) {
        errors.on(&first.ty.to_token_stream(), FIRST);
        return false;
    }
    let options = Options::take(&mut first.attrs, Place::Argument, errors);
    if let Some(option) = options.first() {
        let text = "callers do not see the handle, so it has no options";
        errors.on(option, text);
    }
    sig.inputs = std::mem::take(&mut sig.inputs)
        .into_iter()
        .skip(1)
        .collect();
    true
}

const BY_REFERENCE: &str = "the handle is a part of the driver: take `&self`";
const FIRST: &str = "the first parameter of an urgent method is a reference to the handle, such as `handle: &Handle`";
