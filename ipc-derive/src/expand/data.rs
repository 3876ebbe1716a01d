//! The code for a struct or an enum: serde's derives and the schema.

use proc_macro2::TokenStream;
use quote::quote;
use syn::parse_quote;

use super::{describe, option};
use crate::advice;
use crate::parse::data::{Data, DataShape, Field, serde_path};
use crate::parse::doc;
use crate::tokens::hidden;

/// The attributes to put before the item.
pub(crate) fn derives(data: &Data) -> TokenStream {
    let krate = &data.krate;
    let derives = data.derives.iter().map(|name| {
        let name = quote::format_ident!("{name}");
        quote!(#krate::private::put_remote_above_derive::#name)
    });
    let path = serde_path(krate);
    let path =
        (!data.has_serde_path && !data.derives.is_empty()).then(|| quote!(#[serde(crate = #path)]));
    quote!(#[derive(#(#derives),*)] #path)
}

/// The description of the type.
pub(crate) fn expand(data: &Data) -> TokenStream {
    let Data {
        krate,
        ident,
        generics,
        cfgs,
        ..
    } = data;
    let mut generics = generics.clone();
    for param in generics.type_params_mut() {
        param.bounds.push(parse_quote!(#krate::private::Describe));
    }
    let described = match &data.shape {
        // What is known of its bytes may be wrong, so nothing is said of them.
        _ if data.is_uncertain => quote!(#krate::private::Schema::by_name::<Self>()),
        // What is inside of itself has the name of its definition, which serde may have changed.
        DataShape::Struct(_) | DataShape::Enum(_) if generics.params.is_empty() => {
            let (schema, name) = (schema(data), &data.name);
            quote!(#krate::private::Schema::nested_as(::core::any::type_name::<Self>(), #name, || #schema))
        }
        _ => {
            let schema = schema(data);
            quote!(#krate::private::Schema::nested(::core::any::type_name::<Self>(), || #schema))
        }
    };
    let claims = claims(data);
    let lists = lists(data);
    let (impl_generics, ty, where_clause) = generics.split_for_impl();
    quote! {
        #(#cfgs)*
        #[allow(deprecated, unused_imports, unused_qualifications)]
        const _: () = {
            use #krate::private::{
                CannotSerialise as _, SchemaByName as _, SchemaDescribed as _, Serialises as _,
                ShowsLists as _, ShowsNoLists as _,
            };
            #claims
            #lists
            #[automatically_derived]
            impl #impl_generics #krate::private::Describe for #ident #ty #where_clause {
                fn schema() -> #krate::private::Schema {
                    #described
                }
            }
        };
    }
}

/// The claims about the fields that serde's attributes rely on.
fn claims(data: &Data) -> TokenStream {
    let Data {
        krate,
        ident,
        generics,
        claims,
        ..
    } = data;
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    let leaves = claims.leaves.iter().enumerate().map(|(number, claim)| {
        let (ty, cfgs) = (&claim.ty, &claim.cfgs);
        let claim = advice::claim(ty);
        quote! {
            #(#cfgs)*
            #[doc(hidden)]
            #[automatically_derived]
            impl #impl_generics #krate::private::#claim<#ident #ty_generics, #number> for #ty
            #where_clause {}
        }
    });
    let fields = claims.fields.iter().enumerate().map(|(number, claim)| {
        let (ty, cfgs) = (&claim.ty, &claim.cfgs);
        let (field, serializer) = (hidden("field"), hidden("serializer"));
        let name = hidden("Serializer");
        quote! {
            #(#cfgs)*
            #[doc(hidden)]
            #[automatically_derived]
            impl #impl_generics #krate::private::SerialisesField<#ty, #number> for #ident #ty_generics
            #where_clause {
                fn serialise<#name: #krate::private::serde::Serializer>(
                    #field: &#ty,
                    #serializer: #name,
                ) -> ::core::result::Result<#name::Ok, #name::Error> {
                    (&&#krate::private::Probe::<#ty>::NEW).serialise(#field, #serializer)
                }
            }
        }
    });
    quote!(#(#leaves)* #(#fields)*)
}

/// Shows the long lists in the fields, so that they are sent from where they lie.
///
/// A list is not in the value while the value is written, so code that is not derived must not see the value then: fields
/// that serde does not serialise by their types are left out, and so are generic types and types with a `Serialize` that is
/// written by hand.
fn lists(data: &Data) -> TokenStream {
    let Data {
        krate,
        ident,
        generics,
        shape,
        ..
    } = data;
    let visit = hidden("visit");
    let show = |field: &Field, value: &TokenStream| {
        let (ty, cfgs) = (&field.ty, &field.cfgs);
        quote! {
            #(#cfgs)*
            (&&#krate::private::Probe::<#ty>::NEW).visit_lists(#value, #visit);
        }
    };
    let shown = |field: &&Field| field.is_plain;
    let body = match shape {
        _ if !data.is_plain || !generics.params.is_empty() => return TokenStream::new(),
        DataShape::Like(_) => return TokenStream::new(),
        DataShape::Struct(fields) => {
            let fields = fields.iter().filter(shown).map(|field| {
                let member = &field.member;
                show(field, &quote!(&mut self.#member))
            });
            quote!(#(#fields)*)
        }
        DataShape::Enum(variants) => {
            let arms = variants.iter().map(|variant| {
                let (name, cfgs) = (&variant.ident, &variant.cfgs);
                let fields: Vec<_> = variant.fields.iter().filter(shown).collect();
                let bindings = (0..fields.len()).map(|index| hidden(&format!("field{index}")));
                let bindings: Vec<_> = bindings.collect();
                let patterns = fields.iter().zip(&bindings).map(|(field, binding)| {
                    let (member, cfgs) = (&field.member, &field.cfgs);
                    quote!(#(#cfgs)* #member: #binding,)
                });
                let shows = fields.iter().zip(&bindings);
                let shows = shows.map(|(field, binding)| show(field, &quote!(#binding)));
                quote!(#(#cfgs)* Self::#name { #(#patterns)* .. } => { #(#shows)* })
            });
            quote! {
                match self {
                    #(#arms)*
                    #[allow(unreachable_patterns)]
                    _ => {}
                }
            }
        }
    };
    quote! {
        #[automatically_derived]
        impl #krate::private::LongLists for #ident {
            #[allow(unused_variables)]
            fn visit_lists(&mut self, #visit: &mut #krate::private::Visit<'_>) {
                #body
            }
        }
    }
}

fn schema(data: &Data) -> TokenStream {
    let Data {
        krate, name, docs, ..
    } = data;
    let doc = doc(docs, krate);
    match &data.shape {
        DataShape::Struct(fields) => {
            let fields = fields.iter().map(|it| field(data, it));
            quote!(#krate::private::struct_schema(#name, #doc, &[#(#fields),*]))
        }
        DataShape::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let (name, cfgs) = (&variant.name, &variant.cfgs);
                let doc = self::doc(&variant.docs, krate);
                let fields = variant.fields.iter().map(|it| field(data, it));
                quote! {
                    #(#cfgs)*
                    #krate::private::VariantSpec { name: #name, doc: #doc, fields: &[#(#fields),*] }
                }
            });
            quote!(#krate::private::enum_schema(#name, #doc, &[#(#variants),*]))
        }
        DataShape::Like(ty) => {
            let schema = describe::schema(ty, krate, &[]);
            quote!((#schema)())
        }
    }
}

fn field(data: &Data, field: &Field) -> TokenStream {
    let krate = &data.krate;
    let (name, cfgs) = (&field.name, &field.cfgs);
    let doc = doc(&field.docs, krate);
    let unit = option(field.unit.as_ref().map(|unit| quote!(#unit)));
    let schema = match (&field.schema, &field.with) {
        (Some(ty), _) => describe::described(ty, krate),
        (None, Some(with)) => {
            quote!(|| #krate::private::Schema::Named(::std::string::String::from(#with)))
        }
        (None, None) => describe::schema(&field.ty, krate, &[]),
    };
    quote! {
        #(#cfgs)*
        #krate::private::FieldSpec { name: #name, doc: #doc, unit: #unit, schema: #schema }
    }
}
