//! Authorization headers: made from a registry's challenge, and remembered until they end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Request};
use serde::Deserialize;
use stdx::clock::{SharedClock, Timestamp};
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::Client;

use super::challenge::{self, Challenge};
use super::{Failed, Retry};
use crate::digest::Digest;
use crate::error::Cause;
use crate::images::Auth;
use crate::limits;
use crate::reference::Reference;

/// Tokens whose answer names no life are valid for at least this long.
/// <https://distribution.github.io/distribution/spec/auth/token/>
const TOKEN_LIFE_DEFAULT: Duration = Duration::from_secs(60);

pub struct Authorizations {
    client: Client,
    clock: SharedClock,
    remembered: Mutex<HashMap<Key, Remembered>>,
}

/// Registry, repository and a digest of the credentials: a token of one user must not serve another.
type Key = (String, String, Digest);

#[derive(Clone)]
struct Remembered {
    header: HeaderValue,
    ends: Option<Timestamp>,
}

impl Authorizations {
    pub fn new(client: Client, clock: SharedClock) -> Self {
        Self { client, clock, remembered: Mutex::new(HashMap::new()) }
    }

    /// What to send without being asked.
    pub fn known(&self, reference: &Reference, auth: &Auth) -> Option<HeaderValue> {
        let now = self.clock.now();
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = remembered.get(&key(reference, auth));
        match found.filter(|found| found.ends.is_none_or(|ends| now < ends)) {
            Some(found) => Some(found.header.clone()),
            // ECR knows nothing but basic authorization, so the first question can be spared.
            None if reference.is_ecr() => basic(auth),
            None => None,
        }
    }

    /// The answer to a challenge. `None` when there is none that was not already tried.
    pub async fn obtain(
        &self,
        reference: &Reference,
        auth: &Auth,
        headers: &HeaderMap,
        tried: Option<&HeaderValue>,
    ) -> Result<Option<HeaderValue>, Failed> {
        let challenges = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let mut challenges = challenges.flat_map(challenge::parse);
        // A token is preferred to sending the password with every request.
        let all: Vec<Challenge> = challenges.by_ref().collect();
        let bearer = all.iter().find(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let remembered = match bearer.or(all.first()) {
            Some(Challenge::Bearer { realm, service, scope }) => {
                let scope =
                    scope.clone().unwrap_or_else(|| format!("repository:{}:pull", reference.repository));
                self.token(realm, service.as_deref(), &scope, auth).await?
            }
            Some(Challenge::Basic) => match basic(auth) {
                Some(header) => Remembered { header, ends: None },
                None => {
                    let cause =
                        Cause::Denied(String::from("authorization failed: no basic auth credentials"));
                    return Err(Failed { cause, retry: Retry::Never });
                }
            },
            None => return Ok(None),
        };
        let key = key(reference, auth);
        if tried == Some(&remembered.header) {
            self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
            return Ok(None);
        }
        let header = remembered.header.clone();
        let mut known = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= limits::AUTHORIZATIONS_MAX {
            // They are cheap to get again, so no order of use is kept.
            known.clear();
        }
        known.insert(key, remembered);
        Ok(Some(header))
    }

    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        auth: &Auth,
    ) -> Result<Remembered, Failed> {
        let separator = if realm.contains('?') { '&' } else { '?' };
        let mut url = format!("{realm}{separator}scope={}", escape(scope));
        if let Some(service) = service {
            url.push_str(&format!("&service={}", escape(service)));
        }
        let mut request = Request::get(&url);
        if let Some(basic) = basic(auth) {
            request = request.header(AUTHORIZATION, basic);
        }
        let refused = |text: String| Failed { cause: Cause::Denied(text), retry: Retry::Never };
        let request = request
            .body(Body::empty())
            .map_err(|_| refused(format!("the registry's token address {realm:?} is invalid")))?;
        let response =
            self.client.send(request).await.map_err(|source| Failed::connection("GET", &url, source))?;
        let status = response.status();
        if !status.is_success() {
            let failed = Failed::of(&http::Method::GET, &url, response).await;
            return Err(match failed.cause {
                Cause::Denied(_) | Cause::NotFound => {
                    refused(format!("authorization failed: failed to fetch oauth token: {status}"))
                }
                _ => failed,
            });
        }
        let body = read_bounded(response.into_body(), limits::ANSWER_BYTES_MAX, limits::IDLE_READ_MAX)
            .await
            .map_err(|source| Failed {
                cause: Cause::Read { what: url.clone(), source },
                retry: Retry::AtMost(1),
            })?;
        self.remember_token(&body).ok_or_else(|| refused(format!("{url} answered without a token")))
    }

    fn remember_token(&self, body: &[u8]) -> Option<Remembered> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
            expires_in: Option<u64>,
        }
        let answer: Answer = serde_json::from_slice(body).ok()?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.is_empty())?;
        let life = answer.expires_in.map_or(TOKEN_LIFE_DEFAULT, Duration::from_secs);
        let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
        header.set_sensitive(true);
        let ends = self.clock.now().plus(life.saturating_sub(limits::AUTHORIZATION_RENEWAL));
        Some(Remembered { header, ends: Some(ends) })
    }
}

fn key(reference: &Reference, auth: &Auth) -> Key {
    (reference.registry.clone(), reference.repository.clone(), auth.fingerprint())
}

fn basic(auth: &Auth) -> Option<HeaderValue> {
    let Auth::Basic { username, password } = auth else { return None };
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{username}:{password}"));
    let mut header = HeaderValue::from_str(&format!("Basic {pair}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Percent-encodes a query value.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b':' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
