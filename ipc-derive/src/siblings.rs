//! Another `#[remote]` block on the same driver, without a word about which of the two makes the device.
//!
//! A macro sees one block at a time, and the compiler says nine times that two of them do not fit together. So the source
//! file is asked: if an earlier block beside this one serves the same type, that is said once, in words that help. What
//! cannot be found this way (blocks in different files, or made by macros) is left to the compiler.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Attribute, Block, Item, ItemImpl, Stmt};

use crate::types;

/// Whether an earlier block in the same scope of the same file makes the same driver a device.
pub(crate) fn has_earlier(block: &ItemImpl) -> bool {
    source().is_some_and(|text| has_earlier_in(&text, block))
}

fn source() -> Option<String> {
    if !proc_macro::is_available() {
        return None;
    }
    let file = Span::call_site().unwrap().local_file()?;
    std::fs::read_to_string(file).ok()
}

fn has_earlier_in(text: &str, block: &ItemImpl) -> bool {
    let Some(name) = types::last_name(&block.self_ty).map(ToString::to_string) else {
        return false;
    };
    // Most files have one such block: they need not be parsed.
    let candidates = text
        .lines()
        .filter(|line| line.contains("impl") && line.contains(&name));
    if candidates.count() < 2 {
        return false;
    }
    syn::parse_file(text).is_ok_and(|file| follows_another(&file.items, block))
}

/// Looks through a scope and those inside it.
fn follows_another(items: &[Item], block: &ItemImpl) -> bool {
    let mut mains = items.iter().filter_map(main_block);
    let first = mains.find(|other| same(&other.self_ty, &block.self_ty));
    let is_first = first.is_none_or(|first| same_block(first, block));
    if !is_first && mains.any(|other| same_block(other, block)) {
        return true;
    }
    items.iter().any(|item| match item {
        Item::Mod(module) => module
            .content
            .as_ref()
            .is_some_and(|(_, items)| follows_another(items, block)),
        Item::Fn(function) => follows_another(&local_items(&function.block), block),
        _ => false,
    })
}

fn local_items(block: &Block) -> Vec<Item> {
    let item = |statement: &Stmt| match statement {
        Stmt::Item(item) => Some(item.clone()),
        _ => None,
    };
    block.stmts.iter().filter_map(item).collect()
}

/// A block that makes a device, whatever is compiled.
fn main_block(item: &Item) -> Option<&ItemImpl> {
    let Item::Impl(block) = item else {
        return None;
    };
    let is = |attribute: &Attribute, word: &str| {
        let last = attribute.path().segments.last();
        last.is_some_and(|segment| segment.ident == word)
    };
    let is_conditional = |attribute| is(attribute, "cfg") || is(attribute, "cfg_attr");
    let remote = block
        .attrs
        .iter()
        .find(|attribute| is(attribute, "remote"))?;
    let options = remote.to_token_stream().to_string();
    let is_part = options
        .split(|c: char| !c.is_alphanumeric())
        .any(|word| word == "part");
    (!is_part && !block.attrs.iter().any(is_conditional)).then_some(block)
}

fn same_block(one: &ItemImpl, other: &ItemImpl) -> bool {
    same(&one.self_ty, &other.self_ty)
        && one.items.len() == other.items.len()
        && one.items.iter().zip(&other.items).all(|(a, b)| same(a, b))
}

fn same(one: &impl ToTokens, other: &impl ToTokens) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(text: &str) -> Vec<bool> {
        let file = syn::parse_file(text).unwrap();
        let mut blocks = Vec::new();
        collect(&file.items, &mut blocks);
        blocks
            .iter()
            .map(|block| has_earlier_in(text, block))
            .collect()
    }

    fn collect(items: &[Item], blocks: &mut Vec<ItemImpl>) {
        for item in items {
            match item {
                Item::Impl(block) => blocks.push(block.clone()),
                Item::Mod(module) => collect(&module.content.as_ref().unwrap().1, blocks),
                _ => {}
            }
        }
    }

    #[test]
    fn the_second_of_two_is_found() {
        let text = "
            #[remote]
            impl Meter { pub fn a(&self) {} }
            #[ipc_core::remote(proxy = B)]
            impl Meter { pub fn b(&self) {} }";
        assert_eq!(blocks(text), [false, true]);
        let inside = format!("mod lab {{ {text} }}");
        assert_eq!(blocks(&inside), [false, true]);
    }

    #[test]
    fn what_only_looks_alike_is_not() {
        let others = [
            "#[remote(part, proxy = B)] impl Meter",
            "#[cfg(unix)] #[remote] impl Meter",
            "impl Meter",
            "#[remote] impl Meter<u8>",
            "#[remote] impl Meters",
        ];
        for other in others {
            let text = format!(
                "#[remote]\nimpl Meter {{ pub fn a(&self) {{}} }}\n{other} {{ pub fn b(&self) {{}} }}"
            );
            assert_eq!(blocks(&text), [false, false], "{other}");
        }
        let text = "
            #[remote]
            impl Meter { pub fn a(&self) {} }
            mod other {
                #[remote]
                impl Meter { pub fn b(&self) {} }
            }";
        assert_eq!(blocks(text), [false, false]);
    }
}
