//! The index against asking every pattern, and how few patterns it asks.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::Pattern;
use super::RuleIndex;

/// Some begin or end with others, are the same but for case (of which Greek has a second small sigma), or are addresses.
const TEXTS: [&str; 17] = [
    "",
    "a",
    "b",
    "ab",
    "ba",
    "abc",
    "aba",
    "AB",
    "aBc",
    "é",
    "É",
    "ΑΣ",
    "ας",
    "*",
    "10.0.0.1",
    "10.1.0.0",
    "2001:db8::1",
];

fn scalar() -> impl Strategy<Value = Value> {
    let numbers =
        vec![json!(0), json!(-0.0), json!(1), json!(1.0), json!(1.5), json!(2), json!(3), json!(u64::MAX)];
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => prop::sample::select(numbers),
        4 => prop::sample::select(TEXTS.as_slice()).prop_map(Value::from),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["p", "q", "r"]).prop_map(String::from)
}

fn document() -> impl Strategy<Value = Value> {
    let tree = scalar().prop_recursive(4, 32, 4, |inner| {
        let object = prop::collection::hash_map(name(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|fields| fields.into_iter().collect()),
        ]
    });
    let object = prop::collection::hash_map(name(), tree.clone(), 0..4);
    prop_oneof![
        8 => object.prop_map(|fields| fields.into_iter().collect::<Value>()),
        1 => tree,
    ]
}

fn text_test() -> impl Strategy<Value = Value> {
    let wildcards = vec!["*a*", "a*", "*b", "*", "a*b", "ab*a", "*a*c", "ab", "\\*", "é*"];
    let text = || prop::sample::select(&TEXTS[1..]);
    prop_oneof![
        text().prop_map(|text| json!({ "prefix": text })),
        text().prop_map(|text| json!({ "suffix": text })),
        text().prop_map(|text| json!({"prefix": {"equals-ignore-case": text}})),
        text().prop_map(|text| json!({"suffix": {"equals-ignore-case": text}})),
        text().prop_map(|text| json!({ "equals-ignore-case": text })),
        prop::sample::select(wildcards).prop_map(|text| json!({ "wildcard": text })),
    ]
}

fn other_test() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({"numeric": ["=", 0]}),
        json!({"numeric": ["=", 1]}),
        json!({"numeric": ["<", 2]}),
        json!({"numeric": [">=", 1, "<=", 2]}),
        json!({"numeric": [">", 0, "<", 3]}),
        json!({"cidr": "10.0.0.0/24"}),
        json!({"cidr": "10.0.0.0/8"}),
        json!({"cidr": "0.0.0.0/0"}),
        json!({"cidr": "2001:db8::/32"}),
        json!({"exists": true}),
        json!({"exists": false}),
        json!({"exists": false}),
        json!({"anything-but": "a"}),
        json!({"anything-but": ["a", "ab"]}),
        json!({"anything-but": [0, 1]}),
    ])
}

fn test() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => scalar(),
        4 => text_test(),
        3 => other_test(),
        1 => text_test().prop_map(|test| json!({ "anything-but": test })),
    ]
}

/// A node with the fields of `base`, and at times a choice beside them.
fn with_choice(
    base: BoxedStrategy<Value>,
    alternative: BoxedStrategy<Value>,
) -> impl Strategy<Value = Value> {
    let choice = prop::option::weighted(0.3, prop::collection::vec(alternative, 2..4));
    (base, choice).prop_map(|(mut node, choice)| {
        if let Some(choice) = choice {
            node["$or"] = choice.into();
        }
        node
    })
}

fn node(inner: impl Strategy<Value = Value> + Clone + 'static) -> BoxedStrategy<Value> {
    let fields = prop::collection::hash_map(name(), inner, 1..4);
    let fields = fields.prop_map(|fields| fields.into_iter().collect::<Value>()).boxed();
    let alternative = with_choice(fields.clone(), fields.clone()).boxed();
    let choice = prop::collection::vec(alternative.clone(), 2..4).prop_map(|nodes| json!({ "$or": nodes }));
    prop_oneof![
        4 => with_choice(fields, alternative),
        1 => choice,
    ]
    .boxed()
}

fn pattern() -> impl Strategy<Value = Value> {
    let leaf = prop::collection::vec(test(), 1..3).prop_map(Value::from);
    node(leaf.prop_recursive(2, 12, 3, node))
}

/// None of a pattern that has too many alternatives.
fn compiled(pattern: &Value) -> Option<Pattern> {
    match Pattern::of_value(pattern) {
        Ok(compiled) => Some(compiled),
        Err(error) => {
            assert!(error.reason.contains("too complex"), "{pattern}: {error}");
            None
        }
    }
}

proptest! {
    #[test]
    fn finds_what_asking_every_pattern_finds(
        patterns in prop::collection::vec(pattern(), 0..12),
        documents in prop::collection::vec(document(), 1..8),
    ) {
        let rules: Vec<_> = patterns.iter().filter_map(compiled).enumerate().collect();
        let index = RuleIndex::new(rules.clone());
        for document in &documents {
            let expected: Vec<_> = rules.iter().filter(|(_, one)| one.matches(document)).collect();
            let expected: Vec<_> = expected.into_iter().map(|(number, _)| number).collect();
            prop_assert_eq!(index.matches(document), expected);
        }
    }
}

/// Of a hundred rules, which ones the document makes the index ask in full.
#[track_caller]
fn asked(rule: impl Fn(u32) -> Value, document: &Value, expected: &[u32]) {
    let rules = (0..100).map(|number| (number, compiled(&rule(number)).expect("it isn't complex")));
    let index = RuleIndex::new(rules.collect());
    assert_eq!(index.candidates(document), expected, "asked of rules like {}", rule(7));
}

#[test]
fn asks_what_a_text_leads_to() {
    let document = json!({"s": "x", "d": {"n": {"k": "K-7-É.Png"}, "state": "open"}});
    let shared =
        |test: Value| json!({"s": ["x"], "d": {"n": {"k": [test]}, "state": [{"anything-but": "lost"}]}});
    asked(|number| shared(format!("K-{number}-É.Png").into()), &document, &[7]);
    asked(|number| shared(json!({"prefix": format!("K-{number}-")})), &document, &[7]);
    asked(|number| shared(json!({"suffix": format!("-{number}-É.Png")})), &document, &[7]);
    asked(|number| shared(json!({"equals-ignore-case": format!("k-{number}-é.pNG")})), &document, &[7]);
    asked(
        |number| shared(json!({"prefix": {"equals-ignore-case": format!("k-{number}-é")}})),
        &document,
        &[7],
    );
    asked(
        |number| shared(json!({"suffix": {"equals-ignore-case": format!("-{number}-é.PNG")}})),
        &document,
        &[7],
    );
    asked(|number| shared(json!({"wildcard": format!("K-{number}-É.Png")})), &document, &[7]);
    asked(|number| shared(json!({"wildcard": format!("K-{number}-*g")})), &document, &[7]);
    asked(|number| shared(json!({"wildcard": format!("K*-{number}-É.Png")})), &document, &[7]);
    let nested = |number: u32| shared(json!({"prefix": format!("K-7-{}", "É".repeat(number as usize))}));
    asked(nested, &document, &[0, 1]);
}

#[test]
fn asks_what_other_values_lead_to() {
    let document = json!({"s": "x", "a": [7, "b"], "e": {}});
    let shared = |test: Value| json!({"s": ["x", "y"], "a": [test], "t": [{"exists": false}]});
    asked(|number| shared(number.into()), &document, &[7]);
    asked(|number| shared(json!({"numeric": ["=", number]})), &document, &[7]);
    asked(|number| json!({"a": [{"numeric": [">", number, "<", number + 3]}]}), &document, &[5, 6]);
    asked(|number| json!({"c": [{"cidr": format!("10.0.{number}.0/24")}]}), &json!({"c": "10.0.7.1"}), &[7]);
    asked(|number| json!({"e": {format!("f{number}"): [{"exists": true}]}}), &json!({"e": {"f7": 1}}), &[7]);
    asked(|number| json!({format!("e{}", number % 50): [{"exists": false}]}), &without_field(7), &[7, 57]);
}

fn without_field(absent: u32) -> Value {
    let names = (0..50).filter(|number| *number != absent);
    names.map(|number| (format!("e{number}"), number.into())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn asks_what_an_alternative_leads_to() {
    let rule = |number: u32| {
        json!({
            "s": ["x"],
            "$or": [
                {"a": [number, {"prefix": format!("n{number}-")}]},
                {"d": {"$or": [{"b": [{"suffix": format!("-n{number}")}]}, {"c": [number + 1], "e": [true]}]}},
            ],
        })
    };
    asked(rule, &json!({"s": "x"}), &[]);
    asked(rule, &json!({"a": [7, 3, 7, "n9-"]}), &[3, 7, 9]);
    asked(rule, &json!({"a": 7, "d": [{"b": "x-n5"}, {"c": 2, "e": 0}]}), &[1, 5, 7]);
}

#[test]
fn files_under_what_fewest_share() {
    let rule = |number: u32| json!({"s": [number / 50], "k": [number % 10], "n": [{"anything-but": number}]});
    asked(rule, &json!({"s": 0}), &[]);
    asked(rule, &json!({"k": 7, "n": 7}), &[7, 17, 27, 37, 47, 57, 67, 77, 87, 97]);
}
