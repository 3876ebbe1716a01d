//! serde's attributes that change what travels.

use syn::{Attribute, LitStr, Path, Token, Type};

use crate::errors::Errors;
use crate::rename::Case;
use crate::types::mentions;

/// The options of `#[serde(..)]` that change the shape.
#[derive(Default)]
pub(super) struct Serde {
    pub(super) rename: Option<String>,
    pub(super) rename_all: Option<Case>,
    pub(super) rename_all_fields: Option<Case>,
    pub(super) skip: Option<Path>,
    pub(super) with: Option<String>,
    pub(super) has_bound: bool,
    pub(super) transparent: bool,
    pub(super) like: Option<Type>,
    pub(super) has_path: bool,
    /// True if the implementation of `Serialize` is written by hand.
    pub(super) is_remote: bool,
}

impl Serde {
    pub(super) fn read(attrs: &[Attribute], errors: &mut Errors) -> Self {
        let mut serde = Self::default();
        for attribute in attrs.iter().filter(|a| a.path().is_ident("serde")) {
            // serde reports malformed attributes.
            let _ = attribute.parse_nested_meta(|meta| serde.option(&meta, errors));
        }
        serde
    }

    fn option(
        &mut self,
        meta: &syn::meta::ParseNestedMeta<'_>,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        let name = meta.path.get_ident().map(ToString::to_string);
        match name.as_deref().unwrap_or_default() {
            "rename" => self.rename = serialised_name(meta)?,
            "rename_all" => {
                self.rename_all = serialised_name(meta)?.as_deref().and_then(Case::named)
            }
            "rename_all_fields" => {
                self.rename_all_fields = serialised_name(meta)?.as_deref().and_then(Case::named);
            }
            "skip" => self.skip = Some(meta.path.clone()),
            "with" | "serialize_with" | "deserialize_with" => self.with = Some(text(meta)?),
            "bound" => {
                self.has_bound = true;
                ignore_value(meta)?;
            }
            "transparent" => self.transparent = true,
            "into" => self.like = Some(syn::parse_str(&text(meta)?)?),
            "from" | "try_from" => {
                let ty = syn::parse_str(&text(meta)?)?;
                self.like.get_or_insert(ty);
            }
            "crate" => {
                self.has_path = true;
                ignore_value(meta)?;
            }
            "remote" => {
                self.is_remote = true;
                ignore_value(meta)?;
            }
            odd @ ("tag" | "content" | "untagged" | "flatten") => {
                errors.on(&meta.path, format!("`{odd}` needs a form that names its fields, which calls with known types do not have; remove it"));
                ignore_value(meta)?;
            }
            odd @ ("skip_serializing" | "skip_deserializing" | "skip_serializing_if") => {
                errors.on(&meta.path, format!("with `{odd}` the two ends would not agree on the fields; use `skip`, or an `Option`"));
                ignore_value(meta)?;
            }
            _ => ignore_value(meta)?,
        }
        Ok(())
    }
}

/// True if there may be options that apply under a condition, which the macro does not know.
pub(super) fn has_hidden_options(attrs: &[Attribute]) -> bool {
    attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg_attr"))
        .any(|attribute| mentions(attribute, &["serde".to_string()]))
}

/// `name = ".."`, or the `serialize` half of `name(serialize = "..", deserialize = "..")`.
fn serialised_name(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<Option<String>> {
    if meta.input.peek(Token![=]) {
        return text(meta).map(Some);
    }
    let mut name = None;
    meta.parse_nested_meta(|half| {
        let value = text(&half)?;
        if half.path.is_ident("serialize") {
            name = Some(value);
        }
        Ok(())
    })?;
    Ok(name)
}

fn text(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

fn ignore_value(meta: &syn::meta::ParseNestedMeta<'_>) -> syn::Result<()> {
    if meta.input.peek(Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        meta.parse_nested_meta(|inner| ignore_value(&inner))?;
    }
    Ok(())
}
