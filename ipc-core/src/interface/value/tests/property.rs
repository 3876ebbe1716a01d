//! Every value survives a round trip, typed and as a [`Value`], whatever options it contains.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapper(Option<Option<u8>>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Nothing;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Node {
    Off,
    Unit(()),
    Maybe(Option<()>),
    Deep(Option<Option<Option<u8>>>),
    Nothing(Option<Nothing>),
    Wide(Option<i128>),
    Wrapped(Option<Wrapper>),
    Pair(Option<Box<Node>>, i64),
    Fields {
        low: Option<Option<f64>>,
        text: Option<Option<String>>,
        rest: Vec<Option<Option<Node>>>,
    },
    Keys(BTreeMap<Option<Option<u8>>, Option<Option<bool>>>),
}

fn nodes() -> impl Strategy<Value = Node> {
    let small = || any::<Option<Option<u8>>>();
    let leaf = prop_oneof![
        Just(Node::Off),
        Just(Node::Unit(())),
        any::<Option<()>>().prop_map(Node::Maybe),
        any::<Option<Option<Option<u8>>>>().prop_map(Node::Deep),
        any::<bool>().prop_map(|some| Node::Nothing(some.then_some(Nothing))),
        any::<Option<i128>>().prop_map(Node::Wide),
        proptest::option::of(small().prop_map(Wrapper)).prop_map(Node::Wrapped),
        proptest::collection::btree_map(small(), any::<Option<Option<bool>>>(), 0..4)
            .prop_map(Node::Keys),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        let rest = proptest::option::of(proptest::option::of(inner.clone()));
        prop_oneof![
            (proptest::option::of(inner.prop_map(Box::new)), any::<i64>())
                .prop_map(|(node, number)| Node::Pair(node, number)),
            (
                proptest::option::of(proptest::option::of(-1e300..1e300)),
                any::<Option<Option<bool>>>(),
                proptest::collection::vec(rest, 0..4),
            )
                .prop_map(|(low, text, rest)| Node::Fields {
                    low,
                    text: text.map(|text| text.map(|long| "é".repeat(if long { 40 } else { 0 }))),
                    rest,
                }),
        ]
    })
}

fn has_some(value: &Value) -> bool {
    match value {
        Value::Some(_) => true,
        Value::List(items) => items.iter().any(has_some),
        Value::Map(entries) => entries.iter().any(|(k, v)| has_some(k) || has_some(v)),
        _ => false,
    }
}

proptest! {
    #[test]
    fn a_value_comes_back_typed_and_by_its_form(node in nodes()) {
        let packed = pack(&node).unwrap();
        prop_assert_eq!(unpack::<Node>(&packed), Ok(node.clone()));
        let value: Value = unpack(&packed).unwrap();
        prop_assert_eq!(pack(&value).unwrap(), &packed[..]);
        prop_assert_eq!(value.clone().into_typed::<Node>(), Ok(node.clone()));
        // Without a `Some` around null, the encoding is that of other implementations.
        if !has_some(&value) {
            prop_assert_eq!(rmp_serde::to_vec_named(&node).unwrap(), packed);
        }
    }

    #[test]
    fn no_bytes_panic_and_what_is_read_is_written_alike(bytes: Vec<u8>) {
        if let Ok(value) = unpack::<Value>(&bytes) {
            // Compared as bytes, because NaN is not equal to itself.
            let packed = pack(&value).unwrap();
            prop_assert_eq!(pack(&unpack::<Value>(&packed).unwrap()).unwrap(), packed);
        }
        let _ = unpack::<Node>(&bytes);
    }
}
