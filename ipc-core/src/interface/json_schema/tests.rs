//! Schemas as no type would make them.

use serde_json::json;

use super::*;

#[test]
fn an_enum_is_the_same_whichever_variants_have_docs() {
    let bare = json!({"type": "string", "enum": ["Off", "On", "Auto"]});
    let documented = json!({"oneOf": [
        {"type": "string", "enum": ["Off", "Auto"]},
        {"type": "string", "const": "On", "description": "Always."},
    ]});
    let canonical = |json: &Value| {
        let mut text = String::new();
        read(json, "Mode").write_canonical(&mut text);
        text
    };
    assert_eq!(canonical(&bare), canonical(&documented));
    assert_eq!(canonical(&bare), "<Auto{}|Off{}|On{}|>");
}

#[test]
fn a_schema_without_end_is_cut() {
    let mut deep = json!({"type": "null"});
    for _ in 0..100 {
        deep = json!({"type": "array", "items": deep});
    }
    assert!(read(&deep, "Deep").to_string().contains("..."));

    // Each definition mentions the next one twice: 2^40 parts.
    let mut definitions = Map::new();
    for i in 0..40 {
        let next = json!({"$ref": format!("#/$defs/D{}", i + 1)});
        definitions.insert(
            format!("D{i}"),
            json!({"type": "array", "prefixItems": [next, next]}),
        );
    }
    let wide = json!({"$ref": "#/$defs/D0", "$defs": definitions});
    assert!(read(&wide, "Wide").to_string().len() < 100_000);
    let odd = json!({"not": {"$ref": "#/$defs/D0"}, "$defs": definitions});
    assert!(read(&odd, "Odd").to_string().starts_with("Odd#"));
}

#[test]
fn what_has_no_shape_of_ours_counts_by_its_text() {
    let untagged =
        |last: &str| json!({"anyOf": [{"type": "string"}, {"type": "boolean"}, {"type": last}]});
    let number = read(&untagged("number"), "Any");
    assert_ne!(number, read(&untagged("integer"), "Any"));
    let mut documented = untagged("number");
    documented["description"] = json!("Anything.");
    assert_eq!(number, read(&documented, "Any"));
}

#[test]
fn nonsense_is_taken_as_it_is() {
    for json in [
        json!(true),
        json!([]),
        json!({"$ref": "elsewhere"}),
        json!({"$ref": "#/$defs/Nobody"}),
        json!({"type": ["a", "b", "c"]}),
        json!({"type": "integer", "format": "uint999"}),
        json!({"type": "object", "properties": 1, "required": [1, {}]}),
        json!({"oneOf": [{"properties": {}}], "enum": 3}),
    ] {
        let _ = read(&json, "Odd");
    }
}
