//! The index against asking every pattern.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Pattern;
use super::RuleIndex;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        prop::sample::select(vec!["", "a", "b", "ab", "ba"]).prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["p", "q", "r"]).prop_map(String::from)
}

fn document() -> impl Strategy<Value = Value> {
    let tree = scalar().prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::hash_map(name(), inner, 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    prop::collection::hash_map(name(), tree, 0..4).prop_map(|fields| fields.into_iter().collect())
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => scalar(),
        1 => Just(json!({"prefix": "a"})),
        1 => Just(json!({"suffix": "b"})),
        1 => Just(json!({"anything-but": ["a"]})),
        1 => Just(json!({"numeric": [">", 0, "<", 3]})),
        1 => any::<bool>().prop_map(|wanted| json!({ "exists": wanted })),
        1 => Just(json!({"wildcard": "*a*"})),
        1 => Just(json!({"equals-ignore-case": "AB"})),
    ]
}

fn pattern() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec(test(), 1..3).prop_map(Value::from);
    let tree = leaf.prop_recursive(3, 16, 3, |inner| {
        let object = prop::collection::hash_map(name(), inner, 1..3)
            .prop_map(|fields| fields.into_iter().collect::<Value>())
            .boxed();
        prop_oneof![
            3 => object.clone(),
            1 => prop::collection::vec(object, 2..3).prop_map(|nodes| json!({ "$or": nodes })),
        ]
    });
    prop::collection::hash_map(name(), tree, 1..3).prop_map(|fields| fields.into_iter().collect())
}

proptest! {
    #[test]
    fn finds_what_asking_every_pattern_finds(
        patterns in prop::collection::vec(pattern(), 0..12),
        documents in prop::collection::vec(document(), 1..8),
    ) {
        let rules: Vec<_> = patterns
            .iter()
            .map(|pattern| Pattern::of_value(pattern).expect("a pattern"))
            .enumerate()
            .collect();
        let index = RuleIndex::new(rules.clone());
        for document in &documents {
            let expected: Vec<_> = rules.iter().filter(|(_, one)| one.matches(document)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(number, _)| number).collect();
            prop_assert_eq!(index.matches(document), expected);
        }
    }
}
