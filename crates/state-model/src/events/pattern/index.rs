//! Many patterns asked of one document at once.
//!
//! Each pattern is filed under one of its fields that must have one of a few exact values: of those it has, the one that the
//! fewest other patterns are after. A document is walked once along the paths of these fields, and only the patterns that its
//! own values lead to are asked in full. So a document costs what it may match, not how many patterns there are. Patterns
//! without such a field are always asked.

use std::collections::HashMap;

use serde_json::Value;

use super::test::{Exact, Test};
use super::{Entry, Node, Pattern};

#[derive(Debug)]
pub struct RuleIndex<K> {
    rules: Vec<(K, Pattern)>,
    /// The tree of the paths; the first is the root.
    places: Vec<Place>,
    /// Numbers of the rules that are asked of every document.
    always: Vec<u32>,
}

#[derive(Debug, Default)]
struct Place {
    fields: HashMap<Box<str>, usize>,
    texts: HashMap<Box<str>, Vec<u32>>,
    others: HashMap<Scalar, Vec<u32>>,
}

/// An exact value that is no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scalar {
    Null,
    Bool(bool),
    /// The bits of the number, zero without a sign.
    Number(u64),
}

impl Scalar {
    fn number(number: f64) -> Self {
        Scalar::Number(if number == 0.0 { 0 } else { number.to_bits() })
    }
}

type Path<'a> = Vec<&'a str>;
type Anchor<'a> = (Path<'a>, Vec<&'a Exact>);

/// How many patterns are after a value at a path.
#[derive(Default)]
struct Counts<'a>(HashMap<(Path<'a>, String), usize>);

impl<'a> Counts<'a> {
    fn of(patterns: impl Iterator<Item = &'a Pattern>) -> Self {
        let mut counts = Self::default();
        for pattern in patterns {
            for (path, values) in anchors(&pattern.root) {
                for value in values {
                    *counts.0.entry((path.clone(), format!("{value:?}"))).or_default() += 1;
                }
            }
        }
        counts
    }

    /// How many patterns a document may lead to that has a value of the anchor.
    fn cost(&self, (path, values): &Anchor<'a>) -> usize {
        let of = |value: &&Exact| self.0.get(&(path.clone(), format!("{value:?}"))).copied().unwrap_or(0);
        values.iter().map(of).sum()
    }
}

impl<K> RuleIndex<K> {
    pub fn new(rules: Vec<(K, Pattern)>) -> Self {
        let mut places = vec![Place::default()];
        let mut always = Vec::new();
        let counts = Counts::of(rules.iter().map(|(_, pattern)| pattern));
        for (number, (_, pattern)) in (0_u32..).zip(&rules) {
            let chosen = anchors(&pattern.root).into_iter().min_by_key(|anchor| counts.cost(anchor));
            match chosen {
                Some((path, values)) => file(&mut places, number, &path, &values),
                None => always.push(number),
            }
        }
        drop(counts);
        Self { rules, places, always }
    }

    /// The keys of all patterns that fit, in the order in which they were given.
    pub fn matches(&self, document: &Value) -> Vec<&K> {
        let mut candidates = self.always.clone();
        self.collect(0, document, &mut candidates);
        candidates.sort_unstable();
        candidates.dedup();
        let rules = candidates.into_iter().map(|number| &self.rules[number as usize]);
        rules.filter(|(_, pattern)| pattern.matches(document)).map(|(key, _)| key).collect()
    }

    fn collect(&self, at: usize, value: &Value, candidates: &mut Vec<u32>) {
        let place = &self.places[at];
        let found = match value {
            Value::Array(elements) => {
                elements.iter().for_each(|element| self.collect(at, element, candidates));
                return;
            }
            Value::Object(object) => {
                for (name, value) in object {
                    if let Some(next) = place.fields.get(name.as_str()) {
                        self.collect(*next, value, candidates);
                    }
                }
                return;
            }
            Value::String(text) => place.texts.get(text.as_str()),
            Value::Null => place.others.get(&Scalar::Null),
            Value::Bool(value) => place.others.get(&Scalar::Bool(*value)),
            Value::Number(number) => place.others.get(&Scalar::number(number.as_f64().unwrap_or(f64::NAN))),
        };
        candidates.extend(found.into_iter().flatten());
    }
}

fn file(places: &mut Vec<Place>, number: u32, path: &[&str], values: &[&Exact]) {
    let mut at = 0;
    for name in path {
        at = match places[at].fields.get(*name) {
            Some(next) => *next,
            None => {
                places.push(Place::default());
                let next = places.len() - 1;
                places[at].fields.insert((*name).into(), next);
                next
            }
        };
    }
    for value in values {
        let numbers = match value {
            Exact::Text(text) => places[at].texts.entry(text.clone()).or_default(),
            Exact::Null => places[at].others.entry(Scalar::Null).or_default(),
            Exact::Bool(value) => places[at].others.entry(Scalar::Bool(*value)).or_default(),
            Exact::Number(value) => places[at].others.entry(Scalar::number(*value)).or_default(),
        };
        numbers.push(number);
    }
}

/// The fields that must have one of some exact values.
fn anchors(node: &Node) -> Vec<Anchor<'_>> {
    let mut found = Vec::new();
    collect_anchors(node, &mut Vec::new(), &mut found);
    found
}

fn collect_anchors<'a>(node: &'a Node, path: &mut Path<'a>, found: &mut Vec<Anchor<'a>>) {
    for (name, entry) in &node.fields {
        path.push(name);
        match entry {
            Entry::Object(inner) => collect_anchors(inner, path, found),
            Entry::Leaf(tests) => {
                let exact = |test: &'a Test| match test {
                    Test::Exact(exact) => Some(exact),
                    _ => None,
                };
                if let Some(values) = tests.iter().map(exact).collect::<Option<Vec<_>>>() {
                    found.push((path.clone(), values));
                }
            }
        }
        path.pop();
    }
}

#[cfg(test)]
mod tests;
