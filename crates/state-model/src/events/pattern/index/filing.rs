//! Chooses the keys under which each pattern is filed: those of its leaf that leads the fewest documents to it.

use std::collections::{BTreeMap, HashMap};

use super::super::{Entry, Node, Pattern};
use super::keys::{Key, Reach};

pub struct Filed<'a> {
    /// A tree: the first is the root, and each comes after the one that has it as a field.
    pub places: Vec<Place<'a>>,
    /// Numbers of the patterns that any document fits.
    pub always: Vec<u32>,
}

/// The fields of one place in the patterns, and the numbers of the patterns that are filed under its values.
#[derive(Debug, Default)]
pub struct Place<'a> {
    pub fields: BTreeMap<&'a str, usize>,
    pub filed: HashMap<Key<'a>, Vec<u32>>,
    /// How many leaves have the key, whether they are filed under it or not.
    counts: HashMap<Key<'a>, usize>,
}

/// Keys of which a document that fits has one at least, by the number of their place.
struct Anchor<'a> {
    reach: Reach,
    cost: usize,
    keys: Vec<(usize, Key<'a>)>,
}

pub fn file<'a>(patterns: impl Iterator<Item = &'a Pattern> + Clone) -> Filed<'a> {
    let mut places = vec![Place::default()];
    for pattern in patterns.clone() {
        count(&mut places, 0, &pattern.root);
    }
    let mut always = Vec::new();
    for (number, pattern) in (0..).zip(patterns) {
        match anchor(&places, 0, &pattern.root) {
            Some(anchor) => {
                for (at, key) in anchor.keys {
                    places[at].filed.entry(key).or_default().push(number);
                }
            }
            None => always.push(number),
        }
    }
    Filed { places, always }
}

fn count<'a>(places: &mut Vec<Place<'a>>, at: usize, node: &'a Node) {
    for (name, entry) in &node.fields {
        let added = places.len();
        let next = *places[at].fields.entry(name).or_insert(added);
        if next == added {
            places.push(Place::default());
        }
        match entry {
            Entry::Object(inner) => count(places, next, inner),
            Entry::Leaf(tests) => {
                for key in tests.iter().flat_map(Key::of) {
                    *places[next].counts.entry(key).or_default() += 1;
                }
            }
        }
    }
    for alternative in node.choices.iter().flatten() {
        count(places, at, alternative);
    }
}

/// The best of the node's own fields and of its choices. None of an empty node, which any document fits.
fn anchor<'a>(places: &[Place<'a>], at: usize, node: &'a Node) -> Option<Anchor<'a>> {
    let fields = node.fields.iter().filter_map(|(name, entry)| {
        let next = places[at].fields[&**name];
        match entry {
            Entry::Object(inner) => anchor(places, next, inner),
            Entry::Leaf(tests) => {
                let keys = |test| Key::of(test).into_iter().map(|key| Anchor::of(places, next, key));
                Anchor::of_any(tests.iter().map(|test| keys(test).min_by_key(Anchor::rank)))
            }
        }
    });
    let choices = node.choices.iter();
    let choices =
        choices.filter_map(|nodes| Anchor::of_any(nodes.iter().map(|node| anchor(places, at, node))));
    fields.chain(choices).min_by_key(Anchor::rank)
}

impl<'a> Anchor<'a> {
    fn of(places: &[Place<'a>], at: usize, key: Key<'a>) -> Self {
        let rules = places[at].counts.get(&key).copied().unwrap_or(0);
        Self { reach: key.reach(), cost: key.cost(rules), keys: vec![(at, key)] }
    }

    /// A document need only fit one of several, and then has a key of that one: so the keys of all are needed.
    fn of_any(anchors: impl Iterator<Item = Option<Self>>) -> Option<Self> {
        let mut all = Self { reach: Reach::Lookup, cost: 0, keys: Vec::new() };
        for anchor in anchors {
            let anchor = anchor?;
            all.reach = all.reach.max(anchor.reach);
            all.cost += anchor.cost;
            all.keys.extend(anchor.keys);
        }
        Some(all)
    }

    fn rank(&self) -> (Reach, usize) {
        (self.reach, self.cost)
    }
}
