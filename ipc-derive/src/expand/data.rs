//! Everything for a struct or an enum: serde's derives and the schema.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{GenericParam, parse_quote};

use super::option;
use crate::parse::data::{Data, DataShape, Field, serde_path};

/// The attributes to put before the item.
pub(crate) fn derives(data: &Data) -> TokenStream {
    let krate = &data.krate;
    let derives = data.derives.iter().map(|name| {
        let name = quote::format_ident!("{name}");
        quote!(#krate::private::serde::#name)
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
    let mut names = Vec::new();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            names.push(param.ident.to_string());
            param.bounds.push(parse_quote!(#krate::private::Describe));
        }
    }
    let schema = schema(data, &names);
    let (impl_generics, ty, where_clause) = generics.split_for_impl();
    quote! {
        #(#cfgs)*
        #[allow(deprecated, unused_imports, unused_qualifications)]
        const _: () = {
            use #krate::private::{SchemaByName as _, SchemaDescribed as _};
            #[automatically_derived]
            impl #impl_generics #krate::private::Describe for #ident #ty #where_clause {
                fn schema() -> #krate::private::Schema {
                    #krate::private::Schema::nested(::core::any::type_name::<Self>(), || #schema)
                }
            }
        };
    }
}

fn schema(data: &Data, parameters: &[String]) -> TokenStream {
    let Data {
        krate, name, doc, ..
    } = data;
    match &data.shape {
        DataShape::Struct(fields) => {
            let fields = fields.iter().map(|it| field(data, it, parameters));
            quote!(#krate::private::struct_schema(#name, #doc, &[#(#fields),*]))
        }
        DataShape::Enum(variants) => {
            let variants = variants.iter().map(|variant| {
                let (name, doc, cfgs) = (&variant.name, &variant.doc, &variant.cfgs);
                let fields = variant.fields.iter().map(|it| field(data, it, parameters));
                quote! {
                    #(#cfgs)*
                    #krate::private::VariantSpec { name: #name, doc: #doc, fields: &[#(#fields),*] }
                }
            });
            quote!(#krate::private::enum_schema(#name, #doc, &[#(#variants),*]))
        }
        DataShape::Like(ty) => {
            let schema = super::describe::schema(ty, krate, parameters);
            quote!((#schema)())
        }
    }
}

fn field(data: &Data, field: &Field, parameters: &[String]) -> TokenStream {
    let krate = &data.krate;
    let (name, doc, cfgs) = (&field.name, &field.doc, &field.cfgs);
    let unit = option(field.unit.as_ref().map(|unit| quote!(#unit)));
    let schema = match &field.with {
        Some(with) => {
            quote!(|| #krate::private::Schema::Named(::std::string::String::from(#with)))
        }
        None => super::describe::schema(&field.ty, krate, parameters),
    };
    quote! {
        #(#cfgs)*
        #krate::private::FieldSpec { name: #name, doc: #doc, unit: #unit, schema: #schema }
    }
}
