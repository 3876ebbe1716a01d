//! The rules that concern several methods at once.

use std::collections::HashMap;

use crate::errors::Errors;
use crate::model::{Kind, Method};

/// Reports duplicate names and setters without a getter, and drops duplicate methods.
pub(crate) fn methods(methods: &mut Vec<Method>, has_errors: bool, errors: &mut Errors) {
    let getters: Vec<String> = methods
        .iter()
        .filter(|method| method.kind == Kind::Get)
        .map(|method| method.name.clone())
        .collect();
    let mut taken: HashMap<String, (String, bool)> = HashMap::new();
    methods.retain(|method| {
        let wire_name = method.wire_name();
        let is_conditional = !method.cfgs.is_empty();
        let own = method.ident.to_string();
        if let Some((first, first_is_conditional)) = taken.get(&wire_name)
            && !(is_conditional && *first_is_conditional)
        {
            let text = format!("both `{first}` and `{own}` have the name `{wire_name}` on the wire; rename one of them with `rename = \"..\"`");
            errors.on(&method.ident, text);
            return own != *first;
        }
        taken.insert(wire_name, (own, is_conditional));
        // If there are errors, the getter may exist and be wrong itself.
        if method.kind == Kind::Set && !has_errors && !getters.contains(&method.name) {
            errors.on(&method.ident, no_getter(&method.name, &getters));
        }
        true
    });
}

fn no_getter(name: &str, getters: &[String]) -> String {
    // `is_on` for `on`
    let ending = format!("_{name}");
    match getters.iter().find(|getter| getter.ends_with(&ending)) {
        Some(other) => format!(
            "the property `{name}` has a setter, but its getter reads another one, `{other}`: call the getter `{name}` or `get_{name}`, or write `#[remote(get, rename = \"{name}\")]` on it"
        ),
        None => format!(
            "the property `{name}` has a setter but no getter; mark the method that reads it with `#[remote(get)]` and call it `{name}` or `get_{name}`, or make this a plain method by removing `set`"
        ),
    }
}
