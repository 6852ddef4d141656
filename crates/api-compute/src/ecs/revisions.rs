//! The next revision of a family.
//!
//! Registrations of one family come in crowds. If each read the newest revision and wrote the next, all but
//! one of a crowd would conflict and start again. So the numbers that are being written right now are
//! remembered here, in this process, and a registration takes the number after them; the commit still demands
//! that the number is free, since another process may have taken it.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use state_model::Scope;
use state_model::ecs::task_definition::family_prefix;
use state_tables::View;

#[derive(Debug, Default)]
pub struct Revisions {
    /// By the family's key: one entry per family that is being written.
    in_flight: Mutex<HashMap<String, BTreeSet<u32>>>,
}

/// A number that nobody else of this process is given while this lives.
#[derive(Debug)]
pub struct Reserved<'a> {
    revisions: &'a Revisions,
    family_key: String,
    pub revision: u32,
}

impl Revisions {
    pub fn reserve(&self, view: &View, scope: &Scope, family: &str) -> Reserved<'_> {
        let family_key = scope.key(family);
        let floor = view.task_definition_families.get(&family_key).map_or(0, |row| row.revision_floor);
        let prefix = family_prefix(scope, family);
        let newest =
            view.task_definitions.before(&prefix, None).next().map_or(0, |(_, row)| row.record().revision);
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let written = in_flight.entry(family_key.clone()).or_default();
        let revision = floor.max(newest).max(written.last().copied().unwrap_or(0)) + 1;
        written.insert(revision);
        Reserved { revisions: self, family_key, revision }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut in_flight = self.revisions.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(written) = in_flight.get_mut(&self.family_key) {
            written.remove(&self.revision);
            if written.is_empty() {
                in_flight.remove(&self.family_key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_flight_are_not_given_twice() {
        let (revisions, view) = (Revisions::default(), View::default());
        let scope = Scope::new("000000000000", "us-east-1");
        let first = revisions.reserve(&view, &scope, "web");
        let second = revisions.reserve(&view, &scope, "web");
        let other = revisions.reserve(&view, &scope, "api");
        assert_eq!((first.revision, second.revision, other.revision), (1, 2, 1));
        // The first failed: its number stays free, since a greater one may have been written.
        drop(first);
        assert_eq!(revisions.reserve(&view, &scope, "web").revision, 3);
        drop((second, other));
        assert!(revisions.in_flight.lock().expect("not poisoned").is_empty());
    }
}
