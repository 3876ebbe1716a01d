//! A struct or an enum that travels.

use quote::quote;
use syn::{Attribute, Fields, Generics, Ident, Item, Member, Path, Type};

use super::fields::{self, Claims};
use super::krate;
use super::serde_options::{Serde, has_hidden_options};
use crate::errors::Errors;
use crate::options::{Options, Place};
use crate::rename::Case;
use crate::types::mentions;

/// The model of a struct or an enum.
pub(crate) struct Data {
    pub(crate) krate: Path,
    pub(crate) ident: Ident,
    pub(crate) generics: Generics,
    pub(crate) cfgs: Vec<Attribute>,
    /// The name as serialised.
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) shape: DataShape,
    /// The serde derives that are missing.
    pub(crate) derives: Vec<&'static str>,
    /// True if the item has `#[serde(crate = ..)]`.
    pub(crate) has_serde_path: bool,
    /// The claims about the types of its fields.
    pub(crate) claims: Claims,
    /// True if nothing but the derived `Serialize` decides how the fields are written, and references to them are allowed.
    pub(crate) is_plain: bool,
    /// True if there may be serde options under a condition, somewhere in the item: its bytes are then not known here.
    pub(crate) is_uncertain: bool,
}

pub(crate) enum DataShape {
    Struct(Vec<Field>),
    Enum(Vec<Variant>),
    /// Serialised like another type.
    Like(Box<Type>),
}

pub(crate) struct Field {
    pub(crate) member: Member,
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) unit: Option<String>,
    /// The type that describes it, if its author names one.
    pub(crate) schema: Option<Type>,
    pub(crate) ty: Type,
    /// The module or function that serialises the field instead of its type.
    pub(crate) with: Option<String>,
    /// True if the derived `Serialize` passes the field to the implementation of its type, and to nothing else.
    pub(crate) is_plain: bool,
    pub(crate) cfgs: Vec<Attribute>,
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) docs: Vec<Attribute>,
    pub(crate) fields: Vec<Field>,
    pub(crate) cfgs: Vec<Attribute>,
}

/// Reads a struct or an enum. Takes all `#[remote(..)]` out of it.
pub(crate) fn read(item: &mut Item, options: Options, errors: &mut Errors) -> Option<Data> {
    let (attrs, ident, generics) = match item {
        Item::Struct(item) => (&item.attrs, &item.ident, &item.generics),
        Item::Enum(item) => (&item.attrs, &item.ident, &item.generics),
        _ => return None,
    };
    for lifetime in generics.lifetimes() {
        errors.on(lifetime, fields::BORROWS);
    }
    let serde = Serde::read(attrs, errors);
    let mut data = Data {
        krate: krate(&options),
        ident: ident.clone(),
        generics: generics.clone(),
        cfgs: super::attributes(attrs, "cfg"),
        name: serde.rename.clone().unwrap_or_else(|| plain_name(ident)),
        docs: super::attributes(attrs, "doc"),
        derives: missing_derives(attrs),
        has_serde_path: serde.has_path,
        shape: DataShape::Struct(vec![]),
        claims: Claims::default(),
        is_plain: !serde.is_remote && !has_hidden_options(attrs) && !is_packed(attrs),
        is_uncertain: has_hidden_options(attrs),
    };
    data.is_uncertain |= parts_of(item).any(has_hidden_options);
    let is_owned = data.generics.lifetimes().next().is_none();
    let is_itself = serde.like.is_none();
    data.shape = match item {
        Item::Struct(item) => {
            let mut fields = read_fields(&mut item.fields, serde.rename_all, errors);
            match (serde.like, fields.len()) {
                (Some(ty), _) => DataShape::Like(Box::new(ty)),
                (None, 1) if serde.transparent => DataShape::Like(Box::new(fields.remove(0).ty)),
                (None, _) => DataShape::Struct(fields),
            }
        }
        Item::Enum(item) => {
            let variants = read_variants(item, &serde, errors);
            match serde.like {
                Some(ty) => DataShape::Like(Box::new(ty)),
                None => DataShape::Enum(variants),
            }
        }
        _ => return None,
    };
    if is_owned && is_itself {
        data.claims = fields::claim(item, &data.krate, &data.generics, errors);
    }
    is_owned.then_some(data)
}

fn read_variants(item: &mut syn::ItemEnum, serde: &Serde, errors: &mut Errors) -> Vec<Variant> {
    let mut variants = Vec::new();
    let mut skipped: Option<Path> = None;
    for variant in &mut item.variants {
        Options::take(&mut variant.attrs, Place::Variant, errors);
        let own = Serde::read(&variant.attrs, errors);
        let case = own.rename_all.or(serde.rename_all_fields);
        let mut fields = read_fields(&mut variant.fields, case, errors);
        if own.with.is_some() || has_hidden_options(&variant.attrs) {
            fields.iter_mut().for_each(|field| field.is_plain = false);
        }
        if own.skip.is_some() {
            skipped = own.skip;
            continue;
        }
        if let Some(skip) = skipped.take() {
            errors.on(
                &skip,
                "variants are numbered on the wire, so skipped variants must be last",
            );
        }
        let plain = plain_name(&variant.ident);
        let renamed = serde.rename_all.map(|case| case.variant(&plain));
        variants.push(Variant {
            ident: variant.ident.clone(),
            name: own.rename.or(renamed).unwrap_or(plain),
            docs: super::attributes(&variant.attrs, "doc"),
            fields,
            cfgs: super::attributes(&variant.attrs, "cfg"),
        });
    }
    variants
}

fn read_fields(fields: &mut Fields, case: Option<Case>, errors: &mut Errors) -> Vec<Field> {
    let mut read = Vec::new();
    for (index, field) in fields.iter_mut().enumerate() {
        let options = Options::take(&mut field.attrs, Place::Field, errors);
        let serde = Serde::read(&field.attrs, errors);
        if serde.skip.is_some() {
            if let Some(option) = options.first() {
                errors.on(
                    option,
                    "this has no effect: serde skips the field, so callers never see it",
                );
            }
            continue;
        }
        let plain = field.ident.as_ref().map(plain_name);
        let renamed = plain.as_deref().and_then(|name| Some(case?.field(name)));
        let name = serde.rename.or(renamed).or(plain);
        let docs = super::attributes(&field.attrs, "doc");
        if let Some(unit) = &options.unit {
            // Shows the unit in the docs of the type.
            let text = format!("In {}.", unit.value());
            field.attrs.push(syn::parse_quote!(#[doc = ""]));
            field.attrs.push(syn::parse_quote!(#[doc = #text]));
        }
        let member = match &field.ident {
            Some(ident) => Member::Named(ident.clone()),
            None => Member::from(index),
        };
        read.push(Field {
            member,
            name: name.unwrap_or_else(|| index.to_string()),
            docs,
            unit: options.unit.map(|unit| unit.value()),
            schema: options.schema,
            ty: field.ty.clone(),
            is_plain: serde.with.is_none() && !has_hidden_options(&field.attrs),
            with: serde.with,
            cfgs: super::attributes(&field.attrs, "cfg"),
        });
    }
    read
}

/// The attributes of all fields and variants.
fn parts_of(item: &Item) -> impl Iterator<Item = &[Attribute]> {
    let (fields, variants) = match item {
        Item::Struct(item) => (Some(&item.fields), None),
        Item::Enum(item) => (None, Some(&item.variants)),
        _ => (None, None),
    };
    let variants = variants.into_iter().flatten();
    let of_variants = variants.clone().map(|variant| variant.attrs.as_slice());
    let fields = fields
        .into_iter()
        .chain(variants.map(|variant| &variant.fields));
    let of_fields = fields.flatten().map(|field| field.attrs.as_slice());
    of_variants.chain(of_fields)
}

/// True for `#[repr(packed)]`, perhaps under a condition.
fn is_packed(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .filter(|it| it.path().is_ident("repr") || it.path().is_ident("cfg_attr"))
        .any(|attribute| mentions(attribute, &["packed".to_string()]))
}

/// The serde derives that `attrs` lack.
fn missing_derives(attrs: &[Attribute]) -> Vec<&'static str> {
    let mut missing = vec!["Serialize", "Deserialize"];
    for attribute in attrs.iter().filter(|a| a.path().is_ident("derive")) {
        let _ = attribute.parse_nested_meta(|meta| {
            if let Some(last) = meta.path.segments.last() {
                missing.retain(|derive| last.ident != derive);
            }
            Ok(())
        });
    }
    missing
}

fn plain_name(ident: &Ident) -> String {
    syn::ext::IdentExt::unraw(ident).to_string()
}

/// The path of serde for `#[serde(crate = ..)]`.
pub(crate) fn serde_path(krate: &Path) -> String {
    quote!(#krate::private::serde).to_string().replace(' ', "")
}
