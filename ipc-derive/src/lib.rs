//! The `#[remote]` attribute: a driver on one computer, called from another as if it were there.
//!
//! Drivers use it as `ipc_core::remote`. The whole manual is at [`macro@remote`].
//!
//! An item goes through four rooms: `parse` reads it into the `model` and reports what is wrong with each part, `check`
//! knows the rules between the parts, `expand` writes the code. What is wrong is left out of the model, so that the rest
//! of the item compiles beside the errors.

mod advice;
mod arrays;
mod borrows;
mod check;
mod errors;
mod expand;
mod model;
mod neighbours;
mod options;
mod parse;
mod rename;
mod siblings;
mod source;
mod text;
mod types;

use proc_macro2::{Span, TokenStream};
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

/// The item as it was, what is generated for it, and what is wrong with it.
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
    let mut options = Options::of_item(options, Place::Block, errors);
    if item.trait_.is_none() && !parse::beside::fits(&item, &mut options, errors) {
        parse::block::strip(&mut item, &mut Errors::default());
        return item.into_token_stream();
    }
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
    if !parse::interface::fits_beside(&item, &options, errors) {
        parse::interface::strip(&mut item);
        return item.into_token_stream();
    }
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
    let is_taken = neighbours::is_taken(&item.sig.ident, &Item::Fn(item.clone()));
    if is_taken {
        errors.on(&item.sig.ident, TAKEN_BY_A_TYPE);
    }
    let read = parse::function::read(&mut item, options, errors).filter(|_| !is_taken);
    let feature = parse::behind_feature(driver.as_ref());
    let generated = read.map(|function| expand::function::expand(&function));
    quote!(#feature #item #generated)
}

const TAKEN_BY_A_TYPE: &str = "a type of the same name is made beside the function, but there is a type or module of \
    this name already; give one of the two another name";

fn expand_data(options: TokenStream, mut item: Item, errors: &mut Errors) -> TokenStream {
    let options = Options::of_item(options, Place::Data, errors);
    let derives_above = neighbours::derives_above(&item);
    if derives_above {
        errors.at(Span::call_site(), "put `#[remote]` above `#[derive(..)]`: it has to see what serde derives, and derives what is missing");
    }
    let Some(mut data) = parse::data::read(&mut item, options, errors) else {
        return item.into_token_stream();
    };
    if derives_above {
        data.derives.clear();
    }
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
