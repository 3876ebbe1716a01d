//! The `#[remote]` attribute: calls a driver on another computer as if it were local.
//!
//! Drivers use it as `ipc_core::remote`. The manual is at [`macro@remote`].
//!
//! `parse` reads an item into the `model` and reports mistakes in its parts, `check` applies the rules between the parts,
//! and `expand` generates code. Parts with mistakes are left out of the model, so that the rest of the item compiles beside
//! the errors.

mod advice;
mod check;
mod errors;
mod expand;
mod model;
mod options;
mod parse;
mod rename;
mod tokens;
mod types;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, ItemFn, ItemImpl, ItemTrait};

use crate::errors::Errors;
use crate::options::{Options, Place};

#[doc = include_str!("manual.md")]
#[proc_macro_attribute]
pub fn remote(
    options: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    expand_item(options.into(), item.into()).into()
}

/// The item itself, the code generated for it, and the errors.
fn expand_item(options: TokenStream, tokens: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let expanded = match syn::parse2::<Item>(tokens.clone()) {
        Ok(Item::Impl(item)) => expand_block(options, item, &mut errors),
        Ok(Item::Trait(item)) => expand_trait(options, item, &mut errors),
        Ok(Item::Fn(item)) => expand_function(options, item, &mut errors),
        Ok(item @ (Item::Struct(_) | Item::Enum(_))) => expand_data(options, item, &mut errors),
        Ok(other) => {
            let text =
                "`#[remote]` goes on an `impl` block, a trait, a function, a struct or an enum";
            errors.on(&other, text);
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

fn expand_block(options: TokenStream, mut item: ItemImpl, errors: &mut Errors) -> TokenStream {
    let options = Options::of_item(options, Place::Block, errors);
    let Some(mut block) = parse::block::read(&mut item, options, errors) else {
        return item.into_token_stream();
    };
    let has_errors = errors.count() > 0;
    check::methods(&mut block.interface.methods, has_errors, errors);
    let feature = parse::behind_feature(block.driver.as_ref());
    let generated = expand::block::expand(&block);
    quote!(#feature #item #generated)
}

fn expand_trait(options: TokenStream, mut item: ItemTrait, errors: &mut Errors) -> TokenStream {
    let options = Options::of_item(options, Place::Trait, errors);
    let Some(mut read) = parse::interface::read(&mut item, options, errors) else {
        return item.into_token_stream();
    };
    let before = read.interface.methods.len();
    let has_errors = errors.count() > 0;
    check::methods(&mut read.interface.methods, has_errors, errors);
    read.is_complete &= read.interface.methods.len() == before;
    let generated = expand::interface::expand(&read);
    quote!(#item #generated)
}

fn expand_function(options: TokenStream, mut item: ItemFn, errors: &mut Errors) -> TokenStream {
    let options = Options::of_item(options, Place::Function, errors);
    let driver = options.driver.clone();
    let read = parse::function::read(&mut item, options, errors);
    let feature = parse::behind_feature(driver.as_ref());
    let generated = read.map(|function| expand::function::expand(&function));
    quote!(#feature #item #generated)
}

fn expand_data(options: TokenStream, mut item: Item, errors: &mut Errors) -> TokenStream {
    let options = Options::of_item(options, Place::Data, errors);
    let Some(data) = parse::data::read(&mut item, options, errors) else {
        return item.into_token_stream();
    };
    let derives = expand::data::derives(&data);
    let generated = expand::data::expand(&data);
    quote!(#derives #item #generated)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(options: TokenStream, item: TokenStream) -> String {
        expand_item(options, item).to_string()
    }

    #[test]
    fn another_path_to_the_library_is_used_everywhere() {
        let items = [
            quote!(impl Meter { pub fn read(&self, text: &str, x: X) -> Result<Y, Z> {} }),
            quote!(
                trait Reads {
                    type Error: Error;
                    fn read(&mut self) -> Result<u8, Self::Error>;
                }
            ),
            quote!(
                fn add(#[remote(default = 1)] n: u32) -> Sum {}
            ),
            quote!(
                struct Reading {
                    #[remote(unit = "V")]
                    volts: f64,
                }
            ),
        ];
        for item in items {
            let text = expanded(quote!(crate = lab::ipc), item);
            assert!(text.contains("lab :: ipc :: private"), "{text}");
            assert!(!text.contains("ipc_core"), "{text}");
        }
    }

    #[test]
    fn examples_are_not_run_again_at_the_proxy() {
        let documented = quote!(#[doc = "```"] #[doc = include_str!("x.md")] pub fn read);
        let items = [
            quote!(impl Meter { #documented(&self) {} }),
            quote!(#documented() {}),
        ];
        for item in items {
            let text = expanded(quote!(), item);
            assert_eq!(text.matches("# [doc = \"```\"]").count(), 1, "{text}");
            assert_eq!(text.matches("# [doc = include_str ! ").count(), 1, "{text}");
            let hidden = text.matches("cfg_attr (not (doctest) , doc = ");
            assert_eq!(hidden.count(), 2, "{text}");
        }
    }

    #[test]
    fn nothing_that_is_not_rust_makes_it_panic() {
        let odd = [
            quote!(),
            quote!(impl),
            quote!(fn f(),),
            quote!(impl Meter { pub fn f(&self, #[remote(range = )] x: u8); }),
            quote!(impl [u8] { pub fn f(&self, ...) {} }),
            quote!(
                impl (A, B) {
                    #[remote(get = )]
                    pub fn f(&self, self::X { y }: X) {}
                }
            ),
            quote!(
                trait T {
                    #[remote(default)]
                    fn f(&self, x: _) -> !;
                }
            ),
            quote!(
                enum E {
                    #[serde(rename = 1)]
                    A,
                    #[serde(with)]
                    B,
                }
            ),
        ];
        for item in odd {
            let text = expanded(quote!(), item.clone());
            let _ = expanded(quote!(crate = , proxy, parts = 1, driver(x)), item);
            let _ = text;
        }
    }
}
