//! One table of a snapshot: rows by key, keys by index. Persistent maps, so that taking a snapshot copies nothing.

use std::ops::{Bound, Deref};
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};
use state_model::record::{self, DecodeError, Record};
use state_store::Revision;

/// A record as it was read, with the revision that wrote it: what a conditional write compares with.
#[derive(Debug)]
pub struct Row<R> {
    record: Arc<R>,
    pub revision: Revision,
}

impl<R> Row<R> {
    pub fn record(&self) -> &Arc<R> {
        &self.record
    }
}

impl<R> Clone for Row<R> {
    fn clone(&self) -> Self {
        Self { record: Arc::clone(&self.record), revision: self.revision }
    }
}

impl<R> Deref for Row<R> {
    type Target = R;
    fn deref(&self) -> &R {
        &self.record
    }
}

/// Whether it is the same reading of the same record, not whether two records hold the same.
impl<R> PartialEq for Row<R> {
    fn eq(&self, other: &Self) -> bool {
        self.revision == other.revision && Arc::ptr_eq(&self.record, &other.record)
    }
}

/// A row that differs between two snapshots.
#[derive(Debug)]
pub struct Changed<'a, R> {
    pub key: &'a str,
    /// Absent when it is new.
    pub before: Option<&'a Row<R>>,
    /// Absent when it is gone.
    pub after: Option<&'a Row<R>>,
}

impl<'a, R> Changed<'a, R> {
    /// As it is now, or as it was before it went.
    pub fn newest(&self) -> Option<&'a Row<R>> {
        self.after.or(self.before)
    }
}

/// (index, value, key)
type IndexEntry = (&'static str, Arc<str>, Arc<str>);

#[derive(Debug)]
pub struct Table<R> {
    rows: OrdMap<Arc<str>, Row<R>>,
    index: OrdSet<IndexEntry>,
}

impl<R> Clone for Table<R> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), index: self.index.clone() }
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self { rows: OrdMap::new(), index: OrdSet::new() }
    }
}

impl<R: Record> Table<R> {
    pub fn get(&self, key: &str) -> Option<&Row<R>> {
        self.rows.get(key)
    }

    /// As [`Table::get`], with the key as the table has it.
    pub fn get_with_key(&self, key: &str) -> Option<(&str, &Row<R>)> {
        self.rows.get_key_value(key).map(|(key, row)| (&**key, row))
    }

    pub fn contains(&self, key: &str) -> bool {
        self.rows.contains_key(key)
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Every row, in order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Row<R>)> {
        self.rows.iter().map(|(key, row)| (&**key, row))
    }

    /// The rows whose key begins with `prefix`, in order of keys.
    pub fn prefix<'a>(&'a self, prefix: &str) -> impl Iterator<Item = (&'a str, &'a Row<R>)> {
        self.after(prefix, None)
    }

    /// As [`Table::prefix`], from the first key greater than `after`: where a page goes on.
    pub fn after<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a str, &'a Row<R>)> {
        let start: Bound<Arc<str>> = match after {
            Some(after) if after >= prefix => Bound::Excluded(after.into()),
            _ => Bound::Included(prefix.into()),
        };
        self.rows
            .range((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, row)| (&**key, row))
    }

    /// The rows whose key begins with `prefix` and is less than `before`, from the last to the first.
    pub fn before<'a>(
        &'a self,
        prefix: &str,
        before: Option<&str>,
    ) -> impl Iterator<Item = (&'a str, &'a Row<R>)> {
        // No key has a character after its prefix that sorts behind this one.
        let end: Arc<str> = match before {
            Some(before) => before.into(),
            None => format!("{prefix}{}", char::MAX).into(),
        };
        self.rows
            .range((Bound::Unbounded, Bound::Excluded(end)))
            .rev()
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, row)| (&**key, row))
    }

    /// The rows that the index `name` files under exactly `value`, in order of keys.
    pub fn by<'a>(
        &'a self,
        name: &'static str,
        value: &str,
    ) -> impl Iterator<Item = &'a Row<R>> + use<'a, R> {
        self.entries_by(name, value).map(|(_, row)| row)
    }

    /// As [`Table::by`], with the keys.
    pub fn entries_by<'a>(
        &'a self,
        name: &'static str,
        value: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Row<R>)> + use<'a, R> {
        let value: Arc<str> = value.into();
        let start: IndexEntry = (name, Arc::clone(&value), Arc::from(""));
        self.index
            .range((Bound::Included(start), Bound::Unbounded))
            .take_while(move |entry| entry.0 == name && entry.1 == value)
            .filter_map(|entry| self.rows.get(&entry.2).map(|row| (&*entry.2, row)))
    }

    /// What differs from an earlier snapshot of the table. Costs what has changed, however large both are.
    pub fn changed_since<'a>(&'a self, before: &'a Self) -> impl Iterator<Item = Changed<'a, R>> + 'a {
        before.rows.diff(&self.rows).map(|item| match item {
            DiffItem::Add(key, row) => Changed { key, before: None, after: Some(row) },
            DiffItem::Update { old: (key, old), new: (_, new) } => {
                Changed { key, before: Some(old), after: Some(new) }
            }
            DiffItem::Remove(key, row) => Changed { key, before: Some(row), after: None },
        })
    }

    pub fn any_by(&self, name: &'static str, value: &str) -> bool {
        self.by(name, value).next().is_some()
    }

    /// Applies one change of a commit.
    pub(crate) fn apply(
        &mut self,
        key: &str,
        value: Option<&[u8]>,
        revision: Revision,
    ) -> Result<(), DecodeError> {
        let record = value.map(record::decode::<R>).transpose()?;
        if let Some(former) = self.rows.get(key).cloned() {
            former.index(&mut |name, value| {
                self.index.remove(&(name, value.into(), key.into()));
            });
        }
        match record {
            None => {
                self.rows.remove(key);
            }
            Some(record) => {
                let key: Arc<str> = key.into();
                record.index(&mut |name, value| {
                    self.index.insert((name, value.into(), Arc::clone(&key)));
                });
                self.rows.insert(key, Row { record: Arc::new(record), revision });
            }
        }
        Ok(())
    }
}
