//! What a value looks like: the schema of a type, for humans, for scripts and for fingerprints.

use std::cell::RefCell;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

mod read;
mod std_types;
mod type_name;

/// The shape of a value on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Schema {
    /// `()`, no bytes at all.
    #[default]
    Unit,
    /// `bool`
    Bool,
    /// An unsigned integer of so many bits.
    Unsigned(u8),
    /// A signed integer of so many bits.
    Signed(u8),
    /// A floating-point number of so many bits.
    Float(u8),
    /// One Unicode character.
    Char,
    /// Text.
    String,
    /// A value that may be missing.
    Option(Box<Schema>),
    /// Any number of values of one type.
    List(Box<Schema>),
    /// A fixed number of values of one type.
    Array(Box<Schema>, u64),
    /// A fixed number of values, each of its own type.
    Tuple(Vec<Schema>),
    /// Keys and values.
    Map(Box<Schema>, Box<Schema>),
    /// Named (or, for tuple structs, numbered) fields.
    Struct {
        /// The name of the type.
        name: String,
        /// Its doc comment.
        doc: String,
        /// Its fields in order.
        fields: Vec<Field>,
    },
    /// One of several variants.
    Enum {
        /// The name of the type.
        name: String,
        /// Its doc comment.
        doc: String,
        /// Its variants in order.
        variants: Vec<Variant>,
    },
    /// A type known by its name only: changes inside it are not noticed.
    Named(String),
    /// A type that is being described further out.
    Recursive(String),
    /// A type of a kind that this version does not define.
    Unknown {
        /// What the other end calls this kind.
        kind: String,
    },
}

/// One field of a struct or of a variant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Field {
    /// The name as serialised; the number for fields without a name.
    pub name: String,
    /// The doc comment.
    pub doc: String,
    /// The physical unit, if stated.
    pub unit: Option<String>,
    /// The type.
    pub schema: Schema,
}

/// One variant of an enum.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[allow(clippy::exhaustive_structs)]
pub struct Variant {
    /// The name as serialised.
    pub name: String,
    /// The doc comment.
    pub doc: String,
    /// The fields in order; none for a variant without data.
    pub fields: Vec<Field>,
}

/// A type that can say what it looks like on the wire.
///
/// `#[remote]` on a struct or an enum implements it. Types without it can be used as well: they count by their name.
#[diagnostic::on_unimplemented(
    message = "it is not known what `{Self}` looks like on the wire",
    label = "needs a description",
    note = "for a type parameter, add `ipc_core::Describe` to its bounds; for a type, put `#[remote]` on it"
)]
pub trait Describe {
    /// The schema of this type.
    fn schema() -> Schema;
}

impl Schema {
    /// Describes a type that may contain itself: `describe` runs unless the type called `type_name` is being described
    /// already.
    pub fn nested(type_name: &'static str, describe: impl FnOnce() -> Schema) -> Schema {
        Self::nested_as(type_name, &short_name(type_name), describe)
    }

    /// The same for a type whose definition has another `name`.
    #[doc(hidden)]
    pub fn nested_as(
        type_name: &'static str,
        name: &str,
        describe: impl FnOnce() -> Schema,
    ) -> Schema {
        thread_local! {
            static OPEN: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
        }
        if OPEN.with_borrow(|open| open.contains(&type_name)) {
            return Schema::Recursive(name.into());
        }
        OPEN.with_borrow_mut(|open| open.push(type_name));
        let schema = describe();
        OPEN.with_borrow_mut(Vec::pop);
        schema
    }

    /// The schema of a type that says nothing about itself: its name, without the paths.
    pub fn by_name<T: ?Sized>() -> Schema {
        Schema::Named(short_name(std::any::type_name::<T>()))
    }

    /// Writes all that changes the bytes or their meaning, and nothing else: no docs, no units, no names of types whose
    /// fields are known.
    pub(crate) fn write_canonical(&self, out: &mut String) {
        match self {
            Schema::Struct { fields, .. } => write_fields(fields, out),
            Schema::Enum { variants, .. } => {
                out.push('<');
                for variant in variants {
                    out.push_str(&variant.name);
                    write_fields(&variant.fields, out);
                    out.push('|');
                }
                out.push('>');
            }
            Schema::Option(inner) => write_wrapped("?", inner, out),
            Schema::List(inner) => write_wrapped("*", inner, out),
            Schema::Array(inner, len) => write_wrapped(&format!("{len}*"), inner, out),
            Schema::Tuple(items) => {
                out.push('(');
                for item in items {
                    item.write_canonical(out);
                    out.push(',');
                }
                out.push(')');
            }
            Schema::Map(key, value) => {
                write_wrapped("%", key, out);
                write_wrapped(":", value, out);
            }
            scalar_or_name => {
                let _ = write!(out, "{scalar_or_name}");
            }
        }
    }
}

fn write_wrapped(mark: &str, inner: &Schema, out: &mut String) {
    out.push_str(mark);
    out.push('[');
    inner.write_canonical(out);
    out.push(']');
}

fn write_fields(fields: &[Field], out: &mut String) {
    out.push('{');
    for field in fields {
        out.push_str(&field.name);
        out.push('=');
        field.schema.write_canonical(out);
        out.push(',');
    }
    out.push('}');
}

/// As a Rust programmer would write it: `Option<Vec<f64>>`, `Inputs`.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Schema::Unit => f.write_str("()"),
            Schema::Bool => f.write_str("bool"),
            Schema::Unsigned(bits) => write!(f, "u{bits}"),
            Schema::Signed(bits) => write!(f, "i{bits}"),
            Schema::Float(bits) => write!(f, "f{bits}"),
            Schema::Char => f.write_str("char"),
            Schema::String => f.write_str("String"),
            Schema::Option(inner) => write!(f, "Option<{inner}>"),
            Schema::List(inner) => write!(f, "Vec<{inner}>"),
            Schema::Array(inner, len) => write!(f, "[{inner}; {len}]"),
            Schema::Tuple(items) => {
                f.write_str("(")?;
                for (i, item) in items.iter().enumerate() {
                    let separator = if i == 0 { "" } else { ", " };
                    write!(f, "{separator}{item}")?;
                }
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Schema::Map(key, value) => write!(f, "Map<{key}, {value}>"),
            Schema::Struct { name, .. }
            | Schema::Enum { name, .. }
            | Schema::Named(name)
            | Schema::Recursive(name)
            | Schema::Unknown { kind: name } => f.write_str(name),
        }
    }
}

/// `alloc::vec::Vec<lab::Inputs>` without its paths: `Vec<Inputs>`.
pub(crate) fn short_name(type_name: &str) -> String {
    let mut short = String::with_capacity(type_name.len());
    let mut word = 0;
    for c in type_name.chars() {
        if c == ':' {
            short.truncate(word);
            continue;
        }
        short.push(c);
        if !(c.is_alphanumeric() || c == '_') {
            word = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    #[test]
    fn schemas_read_like_rust() {
        type Odd = (Option<Vec<f64>>, HashMap<String, [i16; 4]>, (u8,));
        assert_eq!(
            Odd::schema().to_string(),
            "(Option<Vec<f64>>, Map<String, [i16; 4]>, (u8,))"
        );
        assert_eq!(
            Schema::by_name::<Vec<std::net::IpAddr>>().to_string(),
            "Vec<IpAddr>"
        );
        assert_eq!(short_name("<a::B as c::D>::E"), "<B as D>E");
    }

    #[test]
    fn a_type_that_contains_itself_ends() {
        struct Tree;
        impl Describe for Tree {
            fn schema() -> Schema {
                Schema::nested("Tree", || Schema::List(Box::new(Tree::schema())))
            }
        }
        let twice = <(Tree, Tree)>::schema();
        let once = Schema::List(Box::new(Schema::Recursive("Tree".into())));
        assert_eq!(twice, Schema::Tuple(vec![once.clone(), once]));
    }

    #[test]
    fn the_canonical_form_tells_all_shapes_apart() {
        let schemas = [
            <Option<u8>>::schema(),
            <Vec<u8>>::schema(),
            <[u8; 3]>::schema(),
            <(u8,)>::schema(),
            <(u8, u8)>::schema(),
            <((u8, u8),)>::schema(),
            <HashMap<u8, u8>>::schema(),
            <HashMap<u8, Vec<u8>>>::schema(),
            <Result<u8, u8>>::schema(),
            u8::schema(),
            i8::schema(),
        ];
        let mut seen = HashSet::new();
        for schema in schemas {
            let mut canonical = String::new();
            schema.write_canonical(&mut canonical);
            assert!(seen.insert(canonical), "{schema} looks like another one");
        }
    }
}
