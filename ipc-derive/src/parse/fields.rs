//! Fields whose types may be unable to travel: claims about them, so that one wrong field is one error.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Field, Generics, Item, LitStr, Path, Type};

use super::borrows::RC;
use super::serde_options::{Serde, has_hidden_options};
use super::{arrays, attributes};
use crate::advice;
use crate::errors::Errors;
use crate::types::{self, is_known, is_named, leaves, mentions, value_of_map};

/// The error about references and lifetimes.
pub(super) const BORROWS: &str =
    "a type that travels cannot borrow; use owned types such as `String` and `Vec`";

/// The claims and implementations that generated code needs for the fields of a type.
#[derive(Default)]
pub(crate) struct Claims {
    /// The types that have to travel, in the order of their numbers.
    pub(crate) leaves: Vec<Claim>,
    /// The types of whole fields, in the order of their numbers.
    pub(crate) fields: Vec<Claim>,
}

/// One type, and the conditions of its fields.
pub(crate) struct Claim {
    pub(crate) ty: Type,
    pub(crate) cfgs: Vec<Attribute>,
}

/// Puts `#[serde(..)]` on the fields of `item` whose types only the compiler knows. Fields with serde options of their own
/// and fields of generic types are left to serde.
pub(crate) fn claim(
    item: &mut Item,
    krate: &Path,
    generics: &Generics,
    errors: &mut Errors,
) -> Claims {
    let mut claims = Claims::default();
    let parameters: Vec<_> = generics
        .type_params()
        .map(|param| param.ident.to_string())
        .collect();
    let mut fields: Vec<(Vec<Attribute>, &mut Field)> = Vec::new();
    let owner = match item {
        Item::Struct(item) => {
            let own = item.fields.iter_mut().map(|field| (vec![], field));
            fields.extend(own);
            &item.ident
        }
        Item::Enum(item) => {
            for variant in &mut item.variants {
                if is_special(&variant.attrs) {
                    continue;
                }
                let cfgs = attributes(&variant.attrs, "cfg");
                let own = variant.fields.iter_mut();
                fields.extend(own.map(|field| (cfgs.clone(), field)));
            }
            &item.ident
        }
        _ => return claims,
    };
    let (_, ty_generics, _) = generics.split_for_impl();
    let owner = quote!(#owner #ty_generics);
    for (mut cfgs, field) in fields {
        let ty = types::without_self(field.ty.to_token_stream(), &owner);
        let Ok(ty) = syn::parse2::<Type>(ty) else {
            continue;
        };
        let is_odd = is_special(&field.attrs) || has_no_text(&quote!(#krate #ty));
        if is_known(&ty) || is_odd {
            continue;
        }
        let mut parts = Vec::new();
        leaves(&ty, &mut parts);
        let before = errors.count();
        if let Some(part) = parts.iter().find(|part| is_named(part, "Rc")) {
            errors.on(part, RC);
        }
        arrays::forbid_long(&ty, generics, INSTEAD_OF_ARRAY, errors);
        if errors.count() != before {
            field.attrs.push(refused(krate));
            continue;
        }
        if mentions(&ty, &parameters) {
            continue;
        }
        let borrowed = |part: &&&Type| matches!(part, Type::Reference(_));
        if let Some(borrowed) = parts.iter().find(borrowed) {
            errors.on(borrowed, BORROWS);
            continue;
        }
        cfgs.extend(attributes(&field.attrs, "cfg"));
        let attribute = claims.of_field(ty, &cfgs, krate, &owner);
        field.attrs.push(attribute);
    }
    claims
}

/// The advice about an array that serde does not support.
const INSTEAD_OF_ARRAY: &str = "use a `Vec<{}>`, or say how it travels with `#[serde(with = \"..\")]`, for example with the crate `serde-big-array`";

/// The serde attribute of a field with a reported mistake, so that serde adds no errors.
fn refused(krate: &Path) -> Attribute {
    let path = |name: &str| {
        let name = quote::format_ident!("{name}");
        text(&quote!(#krate::private::#name), Span::call_site())
    };
    let (serialise, deserialise) = (path("refused_serialise"), path("refused_deserialise"));
    syn::parse_quote!(#[serde(serialize_with = #serialise, deserialize_with = #deserialise)])
}

impl Claims {
    fn of_field(
        &mut self,
        ty: Type,
        cfgs: &[Attribute],
        krate: &Path,
        owner: &TokenStream,
    ) -> Attribute {
        let mut parts = Vec::new();
        leaves(&ty, &mut parts);
        let parts = parts.into_iter().flat_map(values);
        let bounds: Vec<_> = parts
            .map(|leaf| {
                let number = number(&mut self.leaves, leaf, cfgs);
                let claim = advice::claim(leaf);
                quote!(#leaf: #krate::private::#claim<#owner, #number>)
            })
            .collect();
        let bound = text(&quote!(#(#bounds),*), ty.span());
        let number = number(&mut self.fields, &ty, cfgs);
        let path = quote!(<#owner as #krate::private::SerialisesField<#ty, #number>>::serialise);
        let path = text(&path, ty.span());
        syn::parse_quote!(#[serde(serialize_with = #path, bound(deserialize = #bound))])
    }
}

/// The parts of the values of a map whose keys are known to travel, or of both sides of a `Result`; any other type as
/// it is.
fn values(ty: &Type) -> Vec<&Type> {
    let mut parts = Vec::new();
    let sides = types::sides_of_result(ty);
    match value_of_map(ty) {
        Some(value) => leaves(value, &mut parts),
        None if sides.is_empty() => parts.push(ty),
        None => sides.into_iter().for_each(|side| leaves(side, &mut parts)),
    }
    parts
}

/// The number of a type, which is the same for all fields of the type with the same conditions.
fn number(known: &mut Vec<Claim>, ty: &Type, cfgs: &[Attribute]) -> usize {
    let key = |ty: &Type, cfgs: &[Attribute]| quote!(#ty #(#cfgs)*).to_string();
    let wanted = key(ty, cfgs);
    let found = known
        .iter()
        .position(|claim| key(&claim.ty, &claim.cfgs) == wanted);
    found.unwrap_or_else(|| {
        known.push(Claim {
            ty: ty.clone(),
            cfgs: cfgs.to_vec(),
        });
        known.len() - 1
    })
}

/// True if serde's options decide about bounds or bytes already, perhaps under a condition.
fn is_special(attrs: &[Attribute]) -> bool {
    let serde = Serde::read(attrs, &mut Errors::default());
    let is_decided = serde.skip.is_some() || serde.with.is_some() || serde.has_bound;
    is_decided || has_hidden_options(attrs)
}

/// True for tokens that lose their meaning as text: `$crate`.
fn has_no_text(tokens: &TokenStream) -> bool {
    tokens.to_string().contains('$')
}

/// Tokens as text for serde. Its errors about them stand at `place`.
fn text(tokens: &TokenStream, place: Span) -> LitStr {
    LitStr::new(&tokens.to_string(), place)
}
