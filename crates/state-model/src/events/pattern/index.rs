//! Many patterns asked of one document at once.
//!
//! Each pattern is filed under one of its leaves, the one that the fewest others share: under exact values and under beginnings and
//! ends of texts if it can be, and of a `$or` under a leaf of each alternative. A document is walked once along the paths of these
//! leaves, and only the patterns that its own values lead to are asked in full, each once.
//!
//! So a document costs, for each of its values at such a path: a look-up of the value, a binary search among the beginnings and one
//! among the ends, the same again of its small letters if some ignore case, and each distinct test by which nothing can be looked up
//! (ranges, networks, `anything-but`, `exists`, wildcards without a literal end). To this come the patterns that share the leaf it has.
//! Their whole number counts only if they have no leaf in which they differ, or none but by such tests.

mod beginnings;
mod filing;
mod keys;
mod values;

use std::collections::BTreeMap;

use serde_json::Value;

use super::Pattern;
use filing::Filed;
use values::Values;

#[derive(Debug)]
pub struct RuleIndex<K> {
    rules: Vec<(K, Pattern)>,
    /// The tree of the paths under whose values rules are filed; the first is the root.
    places: Vec<Place>,
    /// Numbers of the rules that are asked of every document.
    always: Vec<u32>,
}

#[derive(Debug, Default)]
struct Place {
    fields: BTreeMap<Box<str>, usize>,
    values: Values,
    /// Of the fields, those under whose absence, or that of a field in them, rules are filed.
    maybe_absent: Vec<(Box<str>, usize)>,
}

impl Place {
    fn wants_absence(&self) -> bool {
        self.values.wants_absence() || !self.maybe_absent.is_empty()
    }
}

impl<K> RuleIndex<K> {
    pub fn new(rules: Vec<(K, Pattern)>) -> Self {
        let Filed { places: filed, always } = filing::file(rules.iter().map(|(_, pattern)| pattern));
        let mut places: Vec<Place> = std::iter::repeat_with(Place::default).take(filed.len()).collect();
        // From the leaves to the root, so that it is known of a place's fields whether anything is filed within them.
        for (at, place) in filed.into_iter().enumerate().rev() {
            let values = Values::new(place.filed);
            let (mut fields, mut maybe_absent) = (BTreeMap::new(), Vec::new());
            for (name, next) in place.fields {
                if places[next].wants_absence() {
                    maybe_absent.push((name.into(), next));
                }
                if !places[next].fields.is_empty() || !places[next].values.is_empty() {
                    fields.insert(name.into(), next);
                }
            }
            places[at] = Place { fields, values, maybe_absent };
        }
        Self { rules, places, always }
    }

    /// The keys of all patterns that fit, in the order in which they were given.
    pub fn matches(&self, document: &Value) -> Vec<&K> {
        let rules = self.candidates(document).into_iter().map(|number| &self.rules[number as usize]);
        rules.filter(|(_, pattern)| pattern.matches(document)).map(|(key, _)| key).collect()
    }

    /// Numbers of the rules that may fit, in rising order.
    fn candidates(&self, document: &Value) -> Vec<u32> {
        let mut found = self.always.clone();
        self.collect(&self.places[0], Some(document), &mut found);
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Goes the ways that [`Pattern::matches`] may go: into each element of an array, and on where a field isn't there.
    fn collect(&self, place: &Place, value: Option<&Value>, found: &mut Vec<u32>) {
        let object = match value {
            Some(Value::Array(elements)) if !elements.is_empty() => {
                for element in elements {
                    self.collect(place, Some(element), found);
                    // Elements that are alike find the same rules over and over.
                    if found.len() > 2 * self.rules.len() {
                        found.sort_unstable();
                        found.dedup();
                    }
                }
                return;
            }
            Some(Value::Object(object)) => Some(object),
            _ => None,
        };
        match value {
            None | Some(Value::Object(_) | Value::Array(_)) => place.values.find_absent(found),
            Some(value) => place.values.find(value, found),
        }
        for (name, next) in &place.maybe_absent {
            if object.is_none_or(|object| !object.contains_key(&**name)) {
                self.collect(&self.places[*next], None, found);
            }
        }
        match object {
            Some(object) if object.len() < place.fields.len() => {
                for (name, value) in object {
                    if let Some(next) = place.fields.get(name.as_str()) {
                        self.collect(&self.places[*next], Some(value), found);
                    }
                }
            }
            Some(object) => {
                for (name, next) in &place.fields {
                    if let Some(value) = object.get(&**name) {
                        self.collect(&self.places[*next], Some(value), found);
                    }
                }
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
