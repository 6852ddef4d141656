//! Every live key in memory, with its revisions and the place of its value.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::segment::Segment;
use crate::store::{KeyValue, Revision};

/// What an entry costs in a file beside its key and value: its share of the frame and its own lengths.
const OVERHEAD_BYTES: u64 = 32;

#[derive(Clone, Debug)]
pub struct Entry {
    pub create_revision: Revision,
    pub mod_revision: Revision,
    pub segment: Arc<Segment>,
    pub value_at: u64,
    pub value_length: u32,
}

/// An entry taken out of the index: readable without its lock.
#[derive(Clone, Debug)]
pub struct Stored {
    pub key: Bytes,
    pub entry: Entry,
}

impl Stored {
    pub fn read(&self) -> io::Result<KeyValue> {
        let mut value = vec![0; self.entry.value_length as usize];
        self.entry.segment.file.read_exact_at(&mut value, self.entry.value_at)?;
        Ok(KeyValue {
            key: self.key.clone(),
            value: value.into(),
            create_revision: self.entry.create_revision,
            mod_revision: self.entry.mod_revision,
        })
    }
}

#[derive(Debug, Default)]
pub struct Index {
    entries: BTreeMap<Bytes, Entry>,
    /// Bytes in files that live entries account for.
    pub live_bytes: u64,
}

impl Index {
    pub fn get(&self, key: &[u8]) -> Option<Stored> {
        self.entries.get_key_value(key).map(|(key, entry)| Stored { key: key.clone(), entry: entry.clone() })
    }

    pub fn entry(&self, key: &[u8]) -> Option<&Entry> {
        self.entries.get(key)
    }

    /// All entries whose key begins with `prefix`, in order.
    pub fn below(&self, prefix: &[u8]) -> Vec<Stored> {
        self.entries
            .range::<[u8], _>((std::ops::Bound::Included(prefix), std::ops::Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, entry)| Stored { key: key.clone(), entry: entry.clone() })
            .collect()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn put(&mut self, key: Bytes, entry: Entry) {
        self.live_bytes += size(&key, &entry);
        let former = self.entries.insert(key.clone(), entry);
        if let Some(former) = former {
            self.live_bytes -= size(&key, &former);
        }
    }

    /// Whether the key existed.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        match self.entries.remove(key) {
            Some(former) => {
                self.live_bytes -= size(key, &former);
                true
            }
            None => false,
        }
    }

    /// Lets an entry be read from another place, unless it was written again meanwhile.
    pub fn relocate(&mut self, moved: &Stored) {
        if let Some(entry) = self.entries.get_mut(&moved.key)
            && entry.mod_revision == moved.entry.mod_revision
        {
            entry.segment = Arc::clone(&moved.entry.segment);
            entry.value_at = moved.entry.value_at;
        }
    }
}

fn size(key: &[u8], entry: &Entry) -> u64 {
    key.len() as u64 + u64::from(entry.value_length) + OVERHEAD_BYTES
}
