//! Page tokens: where the next page begins, and a fingerprint of the request that they belong to.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};

use wire_schema::ServiceError;

use super::errors::{bad_token, request_changed};

#[derive(Debug)]
pub struct Pages {
    fingerprint: u64,
    /// Where this page begins.
    pub from: usize,
}

impl Pages {
    /// `request` is everything that must stay the same from page to page.
    pub fn of(request: &impl Debug, token: Option<&str>) -> Result<Self, ServiceError> {
        let mut hasher = DefaultHasher::new();
        format!("{request:?}").hash(&mut hasher);
        let fingerprint = hasher.finish();
        let Some(token) = token else { return Ok(Self { fingerprint, from: 0 }) };
        let parsed = token
            .split_once('-')
            .and_then(|(print, from)| Some((u64::from_str_radix(print, 16).ok()?, from.parse().ok()?)));
        match parsed {
            None => Err(bad_token()),
            Some((print, _)) if print != fingerprint => Err(request_changed()),
            Some((_, from)) => Ok(Self { fingerprint, from }),
        }
    }

    /// The token of the page that begins at `next`.
    pub fn token(&self, next: usize) -> String {
        format!("{:016x}-{next}", self.fingerprint)
    }

    /// This page of `values`, and the token of the next.
    pub fn cut<T>(&self, values: Vec<T>, size: usize) -> (Vec<T>, Option<String>) {
        let count = values.len();
        let page: Vec<T> = values.into_iter().skip(self.from).take(size).collect();
        let next = self.from.saturating_add(page.len());
        (page, (next < count).then(|| self.token(next)))
    }
}
