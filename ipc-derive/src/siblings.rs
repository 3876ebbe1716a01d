//! The other `#[remote]` blocks of the same driver: which of them makes the device, and which parts it lists.
//!
//! A macro sees one block at a time, and the compiler says nine times that two of them do not fit together, and nothing
//! at all about a part that nobody lists. So the source file is asked: what is wrong with the blocks beside this one is
//! said once, in words that help. What cannot be found this way (blocks in different files, or made by macros) is left to
//! the compiler.

use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Attribute, Ident, Item, ItemImpl, Meta, Path, Token};

use crate::source::{any_scope, same, text};
use crate::types;

/// Whether an earlier block in the same scope of the same file makes the same driver a device.
pub(crate) fn has_earlier(block: &ItemImpl) -> bool {
    text().is_some_and(|text| has_earlier_in(&text, block))
}

/// Whether the block beside this part that makes the device lists parts, but not this one, whose proxy is `proxy`.
pub(crate) fn is_unlisted(part: &ItemImpl, proxy: &Ident) -> bool {
    text().is_some_and(|text| is_unlisted_in(&text, part, proxy))
}

/// The proxy that the block beside this part lists, and that no other part claims.
pub(crate) fn unclaimed(part: &ItemImpl) -> Option<Ident> {
    unclaimed_in(&text()?, part)
}

fn has_earlier_in(text: &str, block: &ItemImpl) -> bool {
    may_have_others(text, block)
        && any_scope(text, &mut |items| {
            let mut mains = blocks_of(items, block).filter(|other| makes_device(other));
            let is_first = mains.next().is_none_or(|first| same_block(first, block));
            !is_first && mains.any(|other| same_block(other, block))
        })
}

fn is_unlisted_in(text: &str, part: &ItemImpl, proxy: &Ident) -> bool {
    may_have_others(text, part)
        && any_scope(text, &mut |items| {
            let mut mains = blocks_of(items, part).filter(|other| makes_device(other));
            blocks_of(items, part).any(|own| same_block(own, part))
                && mains
                    .next()
                    .is_some_and(|main| !listed(main).contains(proxy))
                && mains.next().is_none()
        })
}

fn unclaimed_in(text: &str, part: &ItemImpl) -> Option<Ident> {
    let mut found = None;
    let _ = may_have_others(text, part)
        && any_scope(text, &mut |items| {
            let claimed: Vec<_> = blocks_of(items, part).filter_map(proxy).collect();
            let main = blocks_of(items, part).find(|other| makes_device(other));
            let mut listed = main.map(listed).unwrap_or_default();
            listed.retain(|name| !claimed.contains(name));
            match listed.as_slice() {
                [only] if blocks_of(items, part).any(|own| same_block(own, part)) => {
                    found = Some(only.clone());
                }
                _ => {}
            }
            found.is_some()
        });
    found
}

/// Most files have one such block: they need not be parsed.
fn may_have_others(text: &str, block: &ItemImpl) -> bool {
    let Some(name) = types::last_name(&block.self_ty).map(ToString::to_string) else {
        return false;
    };
    let candidates = text
        .lines()
        .filter(|line| line.contains("impl") && line.contains(&name));
    candidates.count() > 1
}

/// The blocks of the same driver that `#[remote]` stands on.
fn blocks_of<'a>(items: &'a [Item], block: &ItemImpl) -> impl Iterator<Item = &'a ItemImpl> {
    let blocks = items.iter().filter_map(|item| match item {
        Item::Impl(other) => Some(other),
        _ => None,
    });
    blocks.filter(|other| attribute(other).is_some() && same(&other.self_ty, &block.self_ty))
}

fn is(attribute: &Attribute, word: &str) -> bool {
    let last = attribute.path().segments.last();
    last.is_some_and(|segment| segment.ident == word)
}

fn attribute(block: &ItemImpl) -> Option<&Attribute> {
    block.attrs.iter().find(|attribute| is(attribute, "remote"))
}

fn options(block: &ItemImpl) -> Vec<Meta> {
    let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
    let options = attribute(block).and_then(|attribute| attribute.parse_args_with(parse).ok());
    options.into_iter().flatten().collect()
}

/// True for a block that makes a device, whatever is compiled.
fn makes_device(block: &ItemImpl) -> bool {
    let is_conditional = |attribute| is(attribute, "cfg") || is(attribute, "cfg_attr");
    let is_part = options(block)
        .iter()
        .any(|option| option.path().is_ident("part"));
    !is_part && !block.attrs.iter().any(is_conditional)
}

/// The names in `parts(..)`.
fn listed(block: &ItemImpl) -> Vec<Ident> {
    let parse = Punctuated::<Path, Token![,]>::parse_terminated;
    let lists = options(block)
        .into_iter()
        .filter_map(|option| match option {
            Meta::List(list) if list.path.is_ident("parts") => list.parse_args_with(parse).ok(),
            _ => None,
        });
    let last = |path: Path| path.segments.last().map(|last| last.ident.clone());
    lists.flatten().filter_map(last).collect()
}

/// The name in `proxy = ..`.
fn proxy(block: &ItemImpl) -> Option<Ident> {
    options(block).into_iter().find_map(|option| match option {
        Meta::NameValue(option) if option.path.is_ident("proxy") => {
            syn::parse2(option.value.to_token_stream()).ok()
        }
        _ => None,
    })
}

fn same_block(one: &ItemImpl, other: &ItemImpl) -> bool {
    same(&one.self_ty, &other.self_ty)
        && one.items.len() == other.items.len()
        && one.items.iter().zip(&other.items).all(|(a, b)| same(a, b))
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

    #[test]
    fn parts_are_looked_up_in_the_list() {
        let text = |options: &str, part: &str| {
            format!(
                "#[remote{options}]
                impl Meter {{ pub fn a(&self) {{}} }}
                #[remote(part{part})]
                impl Meter {{ pub fn b(&self) {{}} }}
                #[remote(part, proxy = C)]
                impl Meter {{ pub fn c(&self) {{}} }}"
            )
        };
        let part: ItemImpl = syn::parse_quote!(impl Meter { pub fn b(&self) {} });
        let name: Ident = syn::parse_quote!(B);
        let unlisted = |text: &str| is_unlisted_in(text, &part, &name);
        assert!(unlisted(&text("", ", proxy = B")));
        assert!(unlisted(&text("(parts(C))", ", proxy = B")));
        assert!(!unlisted(&text("(parts(lab::B, C))", ", proxy = B")));
        assert!(!unlisted(
            "#[remote(part, proxy = B)] impl Meter { pub fn b(&self) {} }"
        ));

        let unclaimed = |text: &str| unclaimed_in(text, &part).map(|name| name.to_string());
        assert_eq!(unclaimed(&text("(parts(B, C))", "")), Some("B".into()));
        assert_eq!(unclaimed(&text("(parts(A, B, C))", "")), None);
        assert_eq!(unclaimed(&text("", "")), None);
    }
}
