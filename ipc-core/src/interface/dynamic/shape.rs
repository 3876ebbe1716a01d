//! What schemas say of the bytes.

use crate::interface::describe::Method;
use crate::interface::schema::{Field, Schema};
use crate::interface::value::ElementType;

/// The structs and enums around a schema, which a recursive one can mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Enclosing<'a> {
    innermost: Option<&'a Schema>,
    around: Option<&'a Enclosing<'a>>,
}

impl<'a> Enclosing<'a> {
    pub(super) const NONE: Self = Self {
        innermost: None,
        around: None,
    };

    /// What is around a part of `definition`, around which there is `self`.
    pub(super) fn inside(&'a self, definition: &'a Schema) -> Self {
        Self {
            innermost: Some(definition),
            around: Some(self),
        }
    }

    /// The definition that a type called `name` within itself means, and what is around it. `None` if it is not certain
    /// which one it is.
    pub(super) fn find(&'a self, name: &str) -> Option<(&'a Schema, Self)> {
        let mut found = None;
        let mut at = Some(self);
        while let Some(Enclosing { innermost, around }) = at {
            if let Some(definition) = innermost
                && is_called(definition, name)
            {
                let outside = around.copied().unwrap_or(Self::NONE);
                if found.replace((*definition, outside)).is_some() {
                    return None;
                }
            }
            at = *around;
        }
        found
    }
}

/// Returns true if a definition has this name, or is a generic one whose name here has its parameters.
fn is_called(definition: &Schema, name: &str) -> bool {
    let (Schema::Struct { name: own, .. } | Schema::Enum { name: own, .. }) = definition else {
        return false;
    };
    let plain = name.split_once('<').map_or(name, |(plain, _)| plain);
    own == name || own == plain
}

/// Returns true if the schemas of a method say all about the bytes of its calls.
pub(super) fn is_known(method: &Method) -> bool {
    let mut schemas = method.arguments.iter().map(|argument| &argument.schema);
    schemas.all(|schema| is_described(schema, Enclosing::NONE))
        && is_described(&method.result, Enclosing::NONE)
}

/// Returns true if a schema says all about the bytes of its values.
pub(super) fn is_described(schema: &Schema, within: Enclosing<'_>) -> bool {
    let all_fields = |fields: &[Field]| {
        let within = within.inside(schema);
        fields
            .iter()
            .all(|field| is_described(&field.schema, within))
    };
    match schema {
        Schema::Unit | Schema::Char | Schema::String => true,
        Schema::Bool | Schema::Unsigned(_) | Schema::Signed(_) | Schema::Float(_) => {
            ElementType::of(schema).is_some()
        }
        Schema::Option(inner) | Schema::List(inner) | Schema::Array(inner, _) => {
            is_described(inner, within)
        }
        Schema::Tuple(items) => items.iter().all(|item| is_described(item, within)),
        Schema::Map(key, value) => is_described(key, within) && is_described(value, within),
        Schema::Struct { fields, .. } => all_fields(fields),
        Schema::Enum { variants, .. } => variants.iter().all(|variant| all_fields(&variant.fields)),
        Schema::Recursive(name) => within.find(name).is_some(),
        Schema::Named(_) | Schema::Unknown { .. } => false,
    }
}

/// Elements of a list that consist of numbers of one type, so that the list is one block of bytes.
#[derive(Debug, PartialEq)]
pub(super) struct Block {
    pub(super) element: ElementType,
    /// The shape of one element of the list; empty for a number.
    pub(super) shape: Vec<usize>,
    /// The size of one element of the list in bytes.
    pub(super) size: usize,
}

/// The block of which a list of such elements consists, if it is one.
pub(super) fn block(element: &Schema) -> Option<Block> {
    if let Some(element) = ElementType::of(element) {
        return Some(Block {
            element,
            shape: Vec::new(),
            size: element.size(),
        });
    }
    let (count, inner) = match element {
        Schema::Array(inner, count) => (usize::try_from(*count).ok()?, &**inner),
        Schema::Tuple(items) => match items.as_slice() {
            // Looked at for each list: no long comparison, and none of what is no block.
            [first, rest @ ..]
                if items.len() <= MAX_GROUP
                    && block(first).is_some()
                    && rest.iter().all(|item| item == first) =>
            {
                (items.len(), first)
            }
            _ => return None,
        },
        _ => return None,
    };
    let Block {
        element,
        mut shape,
        size,
    } = block(inner)?;
    shape.insert(0, count);
    let size = size.checked_mul(count).filter(|size| *size > 0)?;
    Some(Block {
        element,
        shape,
        size,
    })
}

/// Maximum number of items of a tuple that is part of a block.
const MAX_GROUP: usize = 16;

/// Returns true if the fields are those of a tuple struct, which have numbers for names.
pub(super) fn is_numbered(fields: &[Field]) -> bool {
    fields.first().is_some_and(|field| field.name == "0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interface::schema::Describe;

    fn definition(name: &str, schema: Schema) -> Schema {
        Schema::Struct {
            name: name.into(),
            doc: String::new(),
            fields: vec![Field {
                name: "next".into(),
                schema,
                ..Field::default()
            }],
        }
    }

    #[test]
    fn a_list_of_numbers_and_of_groups_of_numbers_is_a_block() {
        let of = |schema: Schema| block(&schema).map(|it| (it.element, it.shape, it.size));
        assert_eq!(of(f64::schema()), Some((ElementType::F64, vec![], 8)));
        assert_eq!(
            of(<(f32, f32)>::schema()),
            Some((ElementType::F32, vec![2], 8))
        );
        assert_eq!(
            of(<[[u16; 3]; 2]>::schema()),
            Some((ElementType::U16, vec![2, 3], 12))
        );
        // Compared for each list of such tuples: no longer than groups of numbers are.
        let long = Schema::Tuple(vec![Schema::Unsigned(8); 200_000]);
        assert_eq!(of(long), None);
        for other in [
            <(f32, f64)>::schema(),
            <Vec<f64>>::schema(),
            <[u8; 0]>::schema(),
            String::schema(),
        ] {
            assert_eq!(of(other), None);
        }
    }

    #[test]
    fn what_is_known_by_name_only_is_not_described() {
        let is_described = |schema: &Schema| is_described(schema, Enclosing::NONE);
        let named = Schema::Named("IpAddr".into());
        assert!(is_described(&<Vec<Option<(u8, String)>>>::schema()));
        assert!(!is_described(&Schema::Option(Box::new(named))));
        assert!(!is_described(&Schema::Float(16)));
        let of = |name: &str| Schema::Option(Box::new(Schema::Recursive(name.into())));
        assert!(is_described(&definition("Chain", of("Chain"))));
        assert!(is_described(&definition("Chain", of("Chain<f64>"))));
        assert!(!is_described(&definition("Chain", of("Other"))));
        // Two types of the same name from different modules.
        let inner = definition("Chain", of("Chain"));
        assert!(!is_described(&definition("Chain", inner)));
    }
}
