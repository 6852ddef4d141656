//! Derived signing keys, kept so that a request costs one HMAC instead of five.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{TERMINATOR, hmac};
use crate::limits::SIGNING_KEYS_MAX;

/// A key for one secret, day, region and service.
pub struct SigningKey(pub(super) [u8; 32]);

impl SigningKey {
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let date_key = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
        let region_key = hmac(&date_key, region.as_bytes());
        let service_key = hmac(&region_key, service.as_bytes());
        Self(hmac(&service_key, TERMINATOR.as_bytes()))
    }
}

/// A bounded cache. Its entries are found by the secret itself, so a changed secret never meets an old key.
#[derive(Default)]
pub struct SigningKeys {
    keys: Mutex<HashMap<String, Arc<SigningKey>>>,
}

impl SigningKeys {
    pub fn key(&self, secret: &str, date: &str, region: &str, service: &str) -> Arc<SigningKey> {
        // None of the parts but the secret can hold a slash, and the secret stands last.
        let name = format!("{date}/{region}/{service}/{secret}");
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = keys.get(&name) {
            return Arc::clone(key);
        }
        // A full cache starts over: the working set is far below the limit, and yesterday's keys go with it.
        if keys.len() >= SIGNING_KEYS_MAX {
            keys.clear();
        }
        let key = Arc::new(SigningKey::derive(secret, date, region, service));
        keys.insert(name, Arc::clone(&key));
        key
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SigningKeys")
    }
}
