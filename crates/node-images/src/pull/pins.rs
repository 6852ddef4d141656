//! What pulls and their results need right now, by digest: garbage collection leaves it alone.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::digest::Digest;

#[derive(Debug, Default)]
pub struct Pins(HashMap<Digest, u32>);

impl Pins {
    pub fn holds(&self, digest: &Digest) -> bool {
        self.0.contains_key(digest)
    }
}

/// Holds digests until it is dropped.
pub struct Pin {
    pins: Arc<Mutex<Pins>>,
    held: Mutex<Vec<Digest>>,
}

impl Pin {
    pub fn new(pins: Arc<Mutex<Pins>>) -> Self {
        Self { pins, held: Mutex::default() }
    }

    pub fn add(&self, digests: impl IntoIterator<Item = Digest>) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for digest in digests {
            *pins.0.entry(digest).or_insert(0) += 1;
            held.push(digest);
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        let held = self.held.get_mut().unwrap_or_else(PoisonError::into_inner);
        for digest in held.drain(..) {
            if let Some(count) = pins.0.get_mut(&digest) {
                *count -= 1;
                if *count == 0 {
                    pins.0.remove(&digest);
                }
            }
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Pin")
    }
}
