//! Limits of arguments whose types only the compiler knows: what it has to say stands at the values in the attribute.

use proc_macro2::{Delimiter, Group, Span, TokenStream};
use quote::quote;
use syn::{Ident, Path};

use super::accepts::{accepted_type, holds_text};
use super::{located, moved};
use crate::model::Argument;
use crate::types::{is_known, is_named};

/// A question to the compiler about the values in an attribute. What it has to say, it says there, and once.
pub(super) fn asked(
    place: Span,
    krate: &Path,
    name: &str,
    arguments: [TokenStream; 2],
) -> TokenStream {
    let name = Ident::new(name, place);
    let function = located(quote!(#krate::private::#name), place);
    let arguments = arguments.map(|argument| {
        let mut argument = Group::new(Delimiter::Parenthesis, moved(argument, place));
        argument.set_span(place);
        argument
    });
    quote!(#function(#(#arguments),*))
}

/// True for arguments that have all that limits ask for.
pub(super) fn is_plain(argument: &Argument) -> bool {
    let ty = accepted_type(argument);
    is_known(ty) || is_named(ty, "str") || holds_text(ty)
}

/// The argument for a message, an expression of type `&dyn Debug`.
pub(crate) fn shown(argument: &Argument, krate: &Path) -> TokenStream {
    let ident = &argument.ident;
    match is_plain(argument) {
        true => quote!(&#ident),
        false => quote!((&&#krate::private::Probe::of(&#ident)).shown(&#ident)),
    }
}
