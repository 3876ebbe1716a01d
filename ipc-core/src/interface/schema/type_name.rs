//! The schema of a type of which only the name is known, as for the arguments of a closure.

use super::{Schema, short_name};

impl Schema {
    /// The schema of a type that may not describe itself: known for numbers, texts, and the lists, options, arrays and tuples
    /// of the standard library; any other type is known by its name.
    pub(crate) fn of_any<T: ?Sized>() -> Schema {
        let name = std::any::type_name::<T>();
        of_name(name).unwrap_or_else(|| Schema::Named(short_name(name)))
    }
}

/// The schema of the type with this full name. `None` if it is none of the standard library that is known here.
fn of_name(name: &str) -> Option<Schema> {
    let inner = |begin: &str| name.strip_prefix(begin)?.strip_suffix('>');
    Some(match name {
        "()" => Schema::Unit,
        "bool" => Schema::Bool,
        "u8" => Schema::Unsigned(8),
        "u16" => Schema::Unsigned(16),
        "u32" => Schema::Unsigned(32),
        "u64" | "usize" => Schema::Unsigned(64),
        "u128" => Schema::Unsigned(128),
        "i8" => Schema::Signed(8),
        "i16" => Schema::Signed(16),
        "i32" => Schema::Signed(32),
        "i64" | "isize" => Schema::Signed(64),
        "i128" => Schema::Signed(128),
        "f32" => Schema::Float(32),
        "f64" => Schema::Float(64),
        "char" => Schema::Char,
        "alloc::string::String" => Schema::String,
        _ if let Some(item) = inner("alloc::vec::Vec<") => Schema::List(boxed(item)?),
        _ if let Some(item) = inner("core::option::Option<") => Schema::Option(boxed(item)?),
        _ if let Some(items) = name.strip_prefix('(').and_then(|it| it.strip_suffix(')')) => {
            let items = split(items).into_iter().map(of_name);
            Schema::Tuple(items.collect::<Option<_>>()?)
        }
        _ => {
            let array = name.strip_prefix('[')?.strip_suffix(']')?;
            let (item, count) = array.rsplit_once("; ")?;
            Schema::Array(boxed(item)?, count.parse().ok()?)
        }
    })
}

fn boxed(name: &str) -> Option<Box<Schema>> {
    of_name(name).map(Box::new)
}

/// The names between commas that are not inside of another type.
fn split(names: &str) -> Vec<&str> {
    let (mut found, mut begin, mut depth) = (Vec::new(), 0, 0_u32);
    for (at, c) in names.char_indices() {
        match c {
            '<' | '(' | '[' => depth += 1,
            '>' | ')' | ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                found.extend(names.get(begin..at));
                begin = at + 1;
            }
            _ => {}
        }
    }
    found.extend(names.get(begin..));
    let trimmed = found.into_iter().map(str::trim);
    trimmed.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::IpAddr;

    use super::super::Describe;
    use super::*;

    fn is_known<T: Describe>() {
        assert_eq!(Schema::of_any::<T>(), T::schema(), "{}", T::schema());
    }

    #[test]
    fn types_of_the_standard_library_are_known() {
        is_known::<()>();
        is_known::<(u8, i128, bool, char)>();
        is_known::<Vec<Option<(f64, Vec<[u16; 3]>, String)>>>();
        is_known::<(f32,)>();
        is_known::<usize>();
    }

    #[test]
    fn other_types_are_known_by_their_names() {
        struct String;
        let named = |name: &str| Schema::Named(name.into());
        assert_eq!(Schema::of_any::<String>(), named("String"));
        assert_eq!(Schema::of_any::<Vec<IpAddr>>(), named("Vec<IpAddr>"));
        assert_eq!(Schema::of_any::<(u8, String)>(), named("(u8, String)"));
        let map = Schema::of_any::<HashMap<u8, u8>>().to_string();
        assert!(map.starts_with("HashMap<u8, u8"), "{map}");
    }
}
