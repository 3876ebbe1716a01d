//! Questions about types that their syntax answers.

use proc_macro2::{Group, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, Type, TypePath};

/// True for types that are known to travel and to describe themselves: numbers, text, and containers of these.
pub(crate) fn is_known(ty: &Type) -> bool {
    match unwrapped(ty) {
        Type::Tuple(tuple) => tuple.elems.len() <= 6 && tuple.elems.iter().all(is_known),
        Type::Path(path) => match path.path.get_ident() {
            Some(name) => KNOWN.contains(&name.to_string().as_str()),
            None => ["Vec", "Option"]
                .iter()
                .any(|container| sole_argument(ty, container).is_some_and(is_known)),
        },
        _ => false,
    }
}

/// True for `&[T]` and `Vec<T>` of numbers that are sent as one block of memory.
pub(crate) fn is_list_of_numbers(ty: &Type) -> bool {
    let elem = match unwrapped(ty) {
        Type::Reference(reference) => match unwrapped(&reference.elem) {
            Type::Slice(slice) => Some(&*slice.elem),
            _ => None,
        },
        other => sole_argument(other, "Vec"),
    };
    let numbers = [
        "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64",
    ];
    elem.and_then(|elem| match unwrapped(elem) {
        Type::Path(path) => path.path.get_ident(),
        _ => None,
    })
    .is_some_and(|name| numbers.iter().any(|number| name == number))
}

/// The parts of a type that decide whether it can travel: the element of a list, the types of a tuple.
pub(crate) fn leaves<'a>(ty: &'a Type, into: &mut Vec<&'a Type>) {
    let ty = unwrapped(ty);
    if is_known(ty) {
        return;
    }
    let containers = ["Vec", "Option"];
    if let Type::Tuple(tuple) = ty
        && tuple.elems.len() <= 12
    {
        tuple.elems.iter().for_each(|elem| leaves(elem, into));
    } else if let Some(inner) = containers.iter().find_map(|name| sole_argument(ty, name)) {
        leaves(inner, into);
    } else if let Some(inner) = sole_argument(ty, "Box").filter(|inner| !is_unsized(inner)) {
        leaves(inner, into);
    } else {
        into.push(ty);
    }
}

/// True for unsized types.
pub(crate) fn is_unsized(ty: &Type) -> bool {
    match unwrapped(ty) {
        Type::Slice(_) => true,
        other => ["str", "Path", "OsStr", "CStr"]
            .iter()
            .any(|name| is_named(other, name)),
    }
}

/// True if `tokens` mention one of `names`.
pub(crate) fn mentions(tokens: &impl ToTokens, names: &[String]) -> bool {
    fn any(tokens: TokenStream, names: &[String]) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => names.iter().any(|name| ident == name),
            TokenTree::Group(group) => any(group.stream(), names),
            _ => false,
        })
    }
    !names.is_empty() && any(tokens.to_token_stream(), names)
}

/// Replaces `Self` by its type, so that the tokens have the same meaning outside of the block.
pub(crate) fn without_self(tokens: TokenStream, self_ty: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => {
                let is_path =
                    matches!(tokens.peek(), Some(TokenTree::Punct(p)) if p.as_char() == ':');
                let own = if is_path {
                    quote!(<#self_ty>)
                } else {
                    self_ty.clone()
                };
                replaced.extend(crate::tokens::moved(own, ident.span()));
            }
            TokenTree::Group(group) => {
                let mut inner =
                    Group::new(group.delimiter(), without_self(group.stream(), self_ty));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            other => replaced.extend([other]),
        }
    }
    replaced
}

/// The type inside of parentheses and invisible groups.
pub(crate) fn unwrapped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => unwrapped(&group.elem),
        Type::Paren(paren) => unwrapped(&paren.elem),
        other => other,
    }
}

/// The type behind a reference.
pub(crate) fn referred(ty: &Type) -> &Type {
    match unwrapped(ty) {
        Type::Reference(reference) => unwrapped(&reference.elem),
        other => other,
    }
}

/// `T` of `name<T>`, with any path before `name`.
pub(crate) fn sole_argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    match generic_arguments(ty, name)?.as_slice() {
        [only] => Some(only),
        _ => None,
    }
}

/// The last generic argument of a type: `str` for `Cow<'static, str>`.
pub(crate) fn last_argument(ty: &Type) -> Option<&Type> {
    let name = last_name(ty)?.to_string();
    generic_arguments(ty, &name)?.last().copied()
}

/// `V` of a map whose keys are known.
pub(crate) fn value_of_map(ty: &Type) -> Option<&Type> {
    let maps = ["HashMap", "BTreeMap"];
    let arguments = maps.iter().find_map(|name| generic_arguments(ty, name))?;
    match arguments.as_slice() {
        [key, value] if is_known(key) => Some(value),
        _ => None,
    }
}

/// `T` and `E` of `Result<T, E>`; nothing for other types.
pub(crate) fn sides_of_result(ty: &Type) -> Vec<&Type> {
    let sides = generic_arguments(ty, "Result");
    sides.filter(|sides| sides.len() == 2).unwrap_or_default()
}

/// True if the last part of the type's path is `name`.
pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(unwrapped(ty), Type::Path(TypePath { qself: None, path, .. })
        if path.segments.last().is_some_and(|last| last.ident == name))
}

/// The last name in the path of a type.
pub(crate) fn last_name(ty: &Type) -> Option<&syn::Ident> {
    match unwrapped(ty) {
        Type::Path(path) => path.path.segments.last().map(|segment| &segment.ident),
        _ => None,
    }
}

/// Types of the standard library that are commonly used without a path.
const KNOWN: &[&str] = &[
    "bool", "char", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128",
    "isize", "f32", "f64", "String",
];

pub(crate) fn generic_arguments<'a>(ty: &'a Type, name: &str) -> Option<Vec<&'a Type>> {
    let Type::Path(TypePath {
        qself: None, path, ..
    }) = unwrapped(ty)
    else {
        return None;
    };
    let last = path.segments.last().filter(|last| last.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// The value of a `Result`; any other type as it is.
pub(crate) fn sole_or_first(ty: &Type) -> &Type {
    generic_arguments(ty, "Result")
        .and_then(|arguments| arguments.first().copied())
        .unwrap_or(ty)
}
