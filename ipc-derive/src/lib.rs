//! The `#[remote]` attribute.

mod check;
mod errors;
mod expand;
mod model;
mod options;
mod parse;
mod text;
mod types;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Item;

use crate::errors::Errors;
use crate::options::{Options, Place};

/// Makes a driver callable from elsewhere.
#[proc_macro_attribute]
pub fn remote(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand_item(options.into(), item.into()).into()
}

/// The item as it was, what is generated for it, and what is wrong with it.
fn expand_item(options: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = match syn::parse2::<Item>(tokens.clone()) {
        Ok(Item::Impl(mut item)) => {
            let options = Options::of_item(options, Place::Block, &mut errors);
            let block = parse::block::read(&mut item, options, &mut errors);
            let feature = block.as_ref().and_then(|block| block.driver.as_ref());
            let feature = parse::behind_feature(feature);
            let generated = block.map(|mut block| {
                let has_errors = errors.count() > 0;
                check::methods(&mut block.interface.methods, has_errors, &mut errors);
                expand::block::expand(&block)
            });
            quote!(#feature #item #generated)
        }
        Ok(other) => {
            errors.on(
                &other,
                "`#[remote]` goes on an `impl` block, a trait, a function, a struct or an enum",
            );
            other.into_token_stream()
        }
        Err(error) => {
            errors.push(error);
            tokens
        }
    };
    let errors = errors.into_tokens();
    quote!(#expanded #errors)
}
