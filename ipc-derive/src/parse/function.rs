//! A free function.

use quote::ToTokens;
use syn::{Generics, ItemFn, LitStr};

use super::{attributes, caller, krate, lints, method};
use crate::errors::Errors;
use crate::model::Interface;
use crate::options::{Options, Place};

/// The model of a free function: an interface with one method and no driver.
pub(crate) struct Function {
    pub(crate) interface: Interface,
    /// The cargo feature that the function is behind.
    pub(crate) driver: Option<LitStr>,
}

/// Reads a function. Takes all `#[remote(..)]` out of it.
pub(crate) fn read(item: &mut ItemFn, options: Options, errors: &mut Errors) -> Option<Function> {
    let krate = krate(&options);
    let interface = Interface {
        caller: caller(item, &krate),
        krate,
        name: item.sig.ident.to_string(),
        docs: vec![],
        cfgs: attributes(&item.attrs, "cfg"),
        lints: lints(&item.attrs),
        proxy: item.sig.ident.clone(),
        vis: item.vis.to_token_stream(),
        generics: Generics::default(),
        parameters: vec![],
        methods: vec![],
    };
    let driver = options.driver.clone();
    let mut sig = item.sig.clone();
    for lifetime in item.sig.generics.lifetimes() {
        errors.on(
            lifetime,
            "an argument of a remote call lives until the function returns; remove the named lifetime",
        );
    }
    let generics = Generics::default();
    let mut method = method::read(
        &mut sig,
        &item.attrs,
        options,
        Place::Function,
        &generics,
        errors,
    );
    method::strip_arguments(&mut item.sig, &mut Errors::default());
    // The whole item has the condition already.
    if let Some(method) = &mut method {
        method.cfgs.clear();
    }
    Some(Function {
        interface: Interface {
            methods: vec![method?],
            ..interface
        },
        driver,
    })
}
