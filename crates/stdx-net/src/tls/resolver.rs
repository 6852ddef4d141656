//! Chooses the certificate of a handshake by the name the client asks for, minting it when that is allowed.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use stdx::clock::{SharedClock, Timestamp};
use stdx::random::SharedRandom;
use tracing::error;

use super::authority::{Authority, Issued};
use super::{Options, TlsError, names};
use crate::limits::MINTED_CERTIFICATES_MAX;

pub struct Resolver {
    options: Options,
    authority: Arc<Authority>,
    clock: SharedClock,
    random: SharedRandom,
    cache: Mutex<Cache>,
}

struct Cache {
    own: Issued,
    minted: HashMap<String, Issued>,
    /// Names in the order they were minted, for eviction.
    order: VecDeque<String>,
}

impl Resolver {
    pub fn new(
        options: Options,
        authority: Arc<Authority>,
        own: Issued,
        clock: SharedClock,
        random: SharedRandom,
    ) -> Self {
        let cache = Mutex::new(Cache { own, minted: HashMap::new(), order: VecDeque::new() });
        Self { options, authority, clock, random, cache }
    }

    fn certificate(&self, name: Option<&str>) -> Result<Arc<CertifiedKey>, TlsError> {
        let now = self.clock.now();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match name {
            Some(name) if !self.is_own(name) && self.may_mint(name) => self.minted(&mut cache, name, now),
            _ => self.own(&mut cache, now),
        }
    }

    fn is_own(&self, name: &str) -> bool {
        self.options.names.iter().any(|pattern| names::covers(pattern, name))
    }

    fn may_mint(&self, name: &str) -> bool {
        self.options.mint.as_ref().is_some_and(|allowed| allowed(name))
    }

    /// The server's own certificate. One that ends while the process runs is replaced in memory; the next
    /// start writes it.
    fn own(&self, cache: &mut Cache, now: Timestamp) -> Result<Arc<CertifiedKey>, TlsError> {
        if now >= cache.own.renew_at {
            cache.own =
                self.authority.issue(&self.options.names, &self.options.addresses, now, &*self.random)?.0;
        }
        Ok(cache.own.certified.clone())
    }

    fn minted(&self, cache: &mut Cache, name: &str, now: Timestamp) -> Result<Arc<CertifiedKey>, TlsError> {
        let name = name.to_ascii_lowercase();
        match cache.minted.get(&name) {
            Some(known) if now < known.renew_at => return Ok(known.certified.clone()),
            Some(_) => {}
            None => {
                if cache.order.len() >= MINTED_CERTIFICATES_MAX
                    && let Some(oldest) = cache.order.pop_front()
                {
                    cache.minted.remove(&oldest);
                }
                cache.order.push_back(name.clone());
            }
        }
        let (issued, _) = self.authority.issue(std::slice::from_ref(&name), &[], now, &*self.random)?;
        cache.minted.insert(name, issued.clone());
        Ok(issued.certified)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.certificate(hello.server_name())
            .inspect_err(
                |failure| error!(%failure, name = hello.server_name(), "no certificate could be made"),
            )
            .ok()
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Resolver").field("authority", &self.authority.name()).finish_non_exhaustive()
    }
}
