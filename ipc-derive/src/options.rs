//! The options of `#[remote(..)]`, and where each is allowed.

use proc_macro2::TokenTree;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::{Attribute, Expr, Ident, LitStr, Meta, Path, Token, Type};

use crate::errors::Errors;
use crate::parse::conditions::unfolded;
use crate::tokens::text;

/// The kind of item that an attribute is on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Block,
    Trait,
    Function,
    Data,
    Method,
    Argument,
    Field,
    Variant,
}

/// The options of one `#[remote(..)]`. Each [`Place`] allows some of them.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) krate: Option<Path>,
    pub(crate) proxy: Option<Ident>,
    pub(crate) driver: Option<LitStr>,
    pub(crate) part: Option<Ident>,
    pub(crate) parts: Vec<Path>,
    pub(crate) get: Option<Ident>,
    pub(crate) set: Option<Ident>,
    pub(crate) skip: Option<Ident>,
    pub(crate) rename: Option<LitStr>,
    pub(crate) idempotent: Option<Ident>,
    pub(crate) urgent: Option<Ident>,
    pub(crate) handle: Option<Ident>,
    pub(crate) read: Option<Ident>,
    pub(crate) unit: Option<LitStr>,
    pub(crate) schema: Option<Type>,
    pub(crate) default: Option<Expr>,
    pub(crate) range: Option<Expr>,
    pub(crate) one_of: Option<Expr>,
    given: Vec<Ident>,
}

/// Each option: its name, where it is allowed, and an example.
const TABLE: &[(&str, &[Place], &str)] = &[
    (
        "crate",
        &[Place::Block, Place::Trait, Place::Function, Place::Data],
        "crate = path::to::ipc_core",
    ),
    ("proxy", &[Place::Block, Place::Trait], "proxy = MeterProxy"),
    (
        "driver",
        &[Place::Block, Place::Trait, Place::Function],
        "driver = \"feature\"",
    ),
    ("part", &[Place::Block], "part"),
    ("parts", &[Place::Block], "parts(CalibrationProxy)"),
    ("get", &[Place::Method], "get"),
    ("set", &[Place::Method], "set"),
    ("skip", &[Place::Method], "skip"),
    (
        "rename",
        &[Place::Method, Place::Function],
        "rename = \"name\"",
    ),
    (
        "idempotent",
        &[Place::Method, Place::Function],
        "idempotent",
    ),
    ("urgent", &[Place::Method], "urgent"),
    ("handle", &[Place::Method], "handle"),
    ("read", &[Place::Method, Place::Function], "read"),
    (
        "unit",
        &[
            Place::Method,
            Place::Function,
            Place::Argument,
            Place::Field,
        ],
        "unit = \"V\"",
    ),
    (
        "schema",
        &[
            Place::Method,
            Place::Function,
            Place::Argument,
            Place::Field,
        ],
        "schema = [f64; 3]",
    ),
    ("default", &[Place::Argument], "default = 1"),
    ("range", &[Place::Argument], "range = 1..=5"),
    ("one_of", &[Place::Argument], "one_of = [\"low\", \"high\"]"),
];

impl Place {
    fn name(self) -> &'static str {
        match self {
            Place::Block => "an `impl` block",
            Place::Trait => "a trait",
            Place::Function => "a function",
            Place::Data => "a struct or an enum",
            Place::Method => "a method",
            Place::Argument => "an argument",
            Place::Field => "a field",
            Place::Variant => "a variant",
        }
    }

    fn allowed(self) -> impl Iterator<Item = &'static str> {
        let here = move |(_, places, _): &&(&str, &[Place], &str)| places.contains(&self);
        TABLE.iter().filter(here).map(|(name, ..)| *name)
    }
}

impl Options {
    /// Reads the options of the attribute on a whole item.
    pub(crate) fn of_item(
        tokens: proc_macro2::TokenStream,
        place: Place,
        errors: &mut Errors,
    ) -> Self {
        let mut options = Self::default();
        options.read(tokens, place, errors);
        options
    }

    /// Takes the `#[remote(..)]` attributes out of `attributes` and reads them.
    pub(crate) fn take(attributes: &mut Vec<Attribute>, place: Place, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        forbid_conditional(attributes, errors);
        for attribute in attributes.extract_if(.., |attribute| attribute.path().is_ident("remote"))
        {
            match &attribute.meta {
                Meta::List(list) if !list.tokens.is_empty() => {
                    options.read(list.tokens.clone(), place, errors);
                }
                _ => errors.on(
                    &attribute,
                    format!(
                        "`#[remote]` on {} needs an option: {}",
                        place.name(),
                        expected(place)
                    ),
                ),
            }
        }
        options
    }

    /// The first option that was given, if any.
    pub(crate) fn first(&self) -> Option<&Ident> {
        self.given.first()
    }

    /// The first option that was given beside `option`, if any.
    pub(crate) fn beside(&self, option: &str) -> Option<&Ident> {
        self.given.iter().find(|name| *name != option)
    }

    fn read(&mut self, tokens: proc_macro2::TokenStream, place: Place, errors: &mut Errors) {
        let parser = |input: ParseStream<'_>| {
            while !input.is_empty() {
                self.option(input, place, errors)?;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parser.parse2(tokens) {
            errors.push(error);
        }
    }

    fn option(
        &mut self,
        input: ParseStream<'_>,
        place: Place,
        errors: &mut Errors,
    ) -> syn::Result<()> {
        if self.given.last().is_some_and(|name| name == "range") && !input.peek(Ident::peek_any) {
            return self.second_bound(input);
        }
        let name = Ident::parse_any(input)?;
        let text = name.to_string();
        let Some((_, places, form)) = TABLE.iter().find(|(known, ..)| *known == text) else {
            errors.on(
                &name,
                format!("there is no option `{text}`; {}", expected(place)),
            );
            return skip_option(input);
        };
        if !places.contains(&place) {
            let places: Vec<_> = places.iter().map(|place| place.name()).collect();
            let places = match places.as_slice() {
                [others @ .., last] if !others.is_empty() => {
                    format!("{} or {last}", others.join(", "))
                }
                all => all.concat(),
            };
            let instead = match (place, text.as_str()) {
                (Place::Field, "skip" | "default") => {
                    format!("; use serde's attribute for this: `#[serde({text})]`")
                }
                (Place::Field, "rename") => {
                    "; use serde's attribute for this: `#[serde(rename = \"name\")]`".into()
                }
                _ => String::new(),
            };
            let here = place.name();
            errors.on(
                &name,
                format!("`{text}` belongs on {places}, not on {here}{instead}"),
            );
            return skip_option(input);
        }
        if self.given.contains(&name) {
            errors.on(&name, format!("`{text}` is given twice"));
            return skip_option(input);
        }
        self.given.push(name.clone());
        self.value(name, form, input)
    }

    /// Reports `range = 1, 5`.
    fn second_bound(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let low = self.range.take();
        let high: Expr = input.parse()?;
        let (from, to) = (text(&low), text(&high));
        let message = format!("a range is written with dots: `range = {from}..={to}`");
        Err(syn::Error::new_spanned(quote!(#low, #high), message))
    }

    fn value(&mut self, name: Ident, form: &str, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "crate" => self.krate = Some(value_with(&name, form, input, Path::parse_mod_style)?),
            "proxy" => self.proxy = Some(value(&name, form, input)?),
            "driver" => self.driver = Some(text_value(&name, form, input)?),
            "rename" => self.rename = Some(value(&name, form, input)?),
            "unit" => self.unit = Some(text_value(&name, form, input)?),
            "schema" => self.schema = Some(value(&name, form, input)?),
            "default" => self.default = Some(ungrouped(value(&name, form, input)?)),
            "range" => self.range = Some(ungrouped(value(&name, form, input)?)),
            "one_of" => self.one_of = Some(ungrouped(value(&name, form, input)?)),
            "parts" => self.parts = list(&name, form, input)?,
            _ => {
                if input.peek(Token![=]) || input.peek(syn::token::Paren) {
                    let message = format!("`{name}` takes no value: write just `{form}`");
                    return Err(syn::Error::new(name.span(), message));
                }
                match name.to_string().as_str() {
                    "part" => self.part = Some(name),
                    "get" => self.get = Some(name),
                    "set" => self.set = Some(name),
                    "skip" => self.skip = Some(name),
                    "urgent" => self.urgent = Some(name),
                    "handle" => self.handle = Some(name),
                    "read" => self.read = Some(name),
                    _ => self.idempotent = Some(name),
                }
            }
        }
        Ok(())
    }
}

/// Removes and reports `#[cfg_attr(.., remote(..))]`: its condition is not known when the macro runs.
fn forbid_conditional(attributes: &mut Vec<Attribute>, errors: &mut Errors) {
    let ours = |attribute: &mut Attribute| {
        attribute.path().is_ident("cfg_attr")
            && unfolded(attribute)
                .iter()
                .any(|(_, meta)| meta.path().is_ident("remote"))
    };
    for attribute in attributes.extract_if(.., ours) {
        for (_, meta) in unfolded(&attribute) {
            if meta.path().is_ident("remote") {
                errors.on(&meta, "`#[remote(..)]` cannot depend on a condition, because both ends must agree on it; write the item twice, once under `#[cfg(..)]` and once under `#[cfg(not(..))]`, and put `#[remote(..)]` where it belongs");
            }
        }
    }
}

/// "expected one of `get`, `set`"
fn expected(place: Place) -> String {
    let allowed: Vec<_> = place.allowed().map(|name| format!("`{name}`")).collect();
    match allowed.as_slice() {
        [] => "nothing is expected here".into(),
        [only] => format!("expected {only}"),
        all => format!("expected one of {}", all.join(", ")),
    }
}

fn value<T: Parse>(name: &Ident, form: &str, input: ParseStream<'_>) -> syn::Result<T> {
    value_with(name, form, input, T::parse)
}

/// A text that is not blank.
fn text_value(name: &Ident, form: &str, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let text: LitStr = value(name, form, input)?;
    if text.value().trim().is_empty() {
        let message = format!("an empty `{name}` says nothing; write for instance `{form}`");
        return Err(syn::Error::new(text.span(), message));
    }
    Ok(text)
}

fn value_with<T>(
    name: &Ident,
    form: &str,
    input: ParseStream<'_>,
    parse: fn(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    if !input.peek(Token![=]) {
        let message = format!("`{name}` needs a value, for instance `{form}`");
        return Err(syn::Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` needs a value, for instance `{form}`");
        return Err(syn::Error::new(name.span(), message));
    }
    parse(input).map_err(|error| {
        let message = format!("{error}; write `{form}`");
        syn::Error::new(error.span(), message)
    })
}

/// An expression without the invisible groups that a `macro_rules` macro puts around its input.
pub(crate) fn ungrouped(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungrouped(*group.expr),
        other => other,
    }
}

fn list(name: &Ident, form: &str, input: ParseStream<'_>) -> syn::Result<Vec<Path>> {
    if !input.peek(syn::token::Paren) {
        let message = format!("`{name}` needs a list, for instance `{form}`");
        return Err(syn::Error::new(name.span(), message));
    }
    let content;
    syn::parenthesized!(content in input);
    let paths = content.parse_terminated(Path::parse, Token![,])?;
    if paths.is_empty() {
        let message = format!("this list is empty; write for instance `{form}`, or leave it out");
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(paths.into_iter().collect())
}

/// Skips the rest of a wrong option.
fn skip_option(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<TokenTree>()?;
    }
    Ok(())
}
