//! The source file in which an item stands: a macro sees one item at a time, and some mistakes take two.

use proc_macro2::Span;
use quote::ToTokens;
use syn::{Block, Item, Stmt};

/// The text of the file, unless it is not known.
pub(crate) fn text() -> Option<String> {
    if !proc_macro::is_available() {
        return None;
    }
    let file = Span::call_site().unwrap().local_file()?;
    std::fs::read_to_string(file).ok()
}

/// Whether `look` finds in any scope of the file what it looks for: in the file itself, a module, or a function.
pub(crate) fn any_scope(text: &str, look: &mut dyn FnMut(&[Item]) -> bool) -> bool {
    syn::parse_file(text).is_ok_and(|file| any_scope_of(&file.items, look))
}

fn any_scope_of(items: &[Item], look: &mut dyn FnMut(&[Item]) -> bool) -> bool {
    if look(items) {
        return true;
    }
    items.iter().any(|item| match item {
        Item::Mod(module) => module
            .content
            .as_ref()
            .is_some_and(|(_, items)| any_scope_of(items, look)),
        Item::Fn(function) => any_scope_of(&local_items(&function.block), look),
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

/// True if both are the same tokens.
pub(crate) fn same(one: &impl ToTokens, other: &impl ToTokens) -> bool {
    one.to_token_stream().to_string() == other.to_token_stream().to_string()
}
