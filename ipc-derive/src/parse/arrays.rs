//! Arrays that serde does not support: of more than 32 elements, or of a generic length.

use syn::visit_mut::VisitMut;
use syn::{Expr, ExprLit, GenericParam, Generics, Lit, Type, TypeArray};

use crate::errors::Errors;
use crate::tokens::text;

/// Reports an array anywhere in `ty` that cannot travel. `instead` is the advice, with `{}` for the type of its elements.
/// The compiler reports arrays whose length is a named constant.
pub(crate) fn forbid_long(ty: &Type, generics: &Generics, instead: &str, errors: &mut Errors) {
    let mut find = Find {
        generics,
        found: None,
    };
    find.visit_type_mut(&mut ty.clone());
    if let Some((array, mut what)) = find.found {
        what.push_str(&instead.replace("{}", &text(&array.elem)));
        errors.on(&array, what);
    }
}

struct Find<'a> {
    generics: &'a Generics,
    found: Option<(TypeArray, String)>,
}

impl VisitMut for Find<'_> {
    fn visit_type_array_mut(&mut self, array: &mut TypeArray) {
        if let Some(what) = self.wrong(array) {
            self.found.get_or_insert_with(|| (array.clone(), what));
        }
        self.visit_type_mut(&mut array.elem);
    }
}

impl Find<'_> {
    fn wrong(&self, array: &TypeArray) -> Option<String> {
        match &array.len {
            Expr::Lit(ExprLit {
                lit: Lit::Int(length),
                ..
            }) => {
                let length: u64 = length.base10_parse().ok()?;
                (length > LONGEST).then(|| {
                    format!(
                        "an array of {length} elements cannot travel: serde supports at most {LONGEST}; "
                    )
                })
            }
            Expr::Path(length) => {
                let name = length.path.get_ident()?;
                (self.is_open(name) && !self.is_promised(array)).then(|| {
                    let array = text(array);
                    format!(
                        "an array of any length cannot travel: serde supports at most {LONGEST} elements, and `{name}` may be more; add `where {array}: ipc_core::Wire`, or "
                    )
                })
            }
            _ => None,
        }
    }

    /// True for a const parameter.
    fn is_open(&self, name: &syn::Ident) -> bool {
        self.generics
            .params
            .iter()
            .any(|param| matches!(param, GenericParam::Const(param) if param.ident == *name))
    }

    /// True if the `where` clause has a bound on this type of array.
    fn is_promised(&self, array: &TypeArray) -> bool {
        let array = text(array);
        let predicates = self
            .generics
            .where_clause
            .iter()
            .flat_map(|it| &it.predicates);
        predicates
            .filter_map(|predicate| match predicate {
                syn::WherePredicate::Type(predicate) => Some(&predicate.bounded_ty),
                _ => None,
            })
            .any(|bounded| text(bounded) == array)
    }
}

/// Maximum length of an array in serde.
const LONGEST: u64 = 32;
