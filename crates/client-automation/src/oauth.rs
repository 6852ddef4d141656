//! Tokens of authorisation servers, kept as long as they are valid.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use stdx::clock::SharedClock;
use stdx_net::body::{Body, read_bounded};
use stdx_net::client::Client;

use crate::connection::OAuth;
use crate::failure::Failure;
use crate::limits::{TOKEN_ANSWER_BYTES_MAX, TOKEN_LIFE_DEFAULT, TOKEN_MARGIN, TOKEN_TIME_MAX, TOKENS_MAX};

#[derive(Debug)]
pub struct Tokens {
    client: Client,
    clock: SharedClock,
    /// By the connection's ARN and what it says: one that was changed asks anew.
    kept: Mutex<HashMap<String, Kept>>,
}

struct Kept {
    settings: OAuth,
    /// With its type.
    token: String,
    /// By the monotonic clock.
    until: Duration,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("until", &self.until).finish_non_exhaustive()
    }
}

pub fn form(fields: &[(String, String)]) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

pub fn with_query(url: &str, fields: &[(String, String)]) -> String {
    match fields {
        [] => url.to_owned(),
        fields => format!("{url}{}{}", if url.contains('?') { '&' } else { '?' }, form(fields)),
    }
}

impl Tokens {
    pub fn new(client: Client, clock: SharedClock) -> Self {
        Self { client, clock, kept: Mutex::default() }
    }

    /// The value of the header `Authorization`.
    pub async fn authorization(&self, connection: &str, settings: &OAuth) -> Result<String, Failure> {
        let now = self.clock.monotonic();
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(connection)
            && kept.settings == *settings
            && now < kept.until
        {
            return Ok(kept.token.clone());
        }
        let (token, life) = self.ask(settings).await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= TOKENS_MAX {
            let first = kept.iter().min_by_key(|(_, kept)| kept.until).map(|(arn, _)| arn.clone());
            first.and_then(|arn| kept.remove(&arn));
        }
        let until = now + life.saturating_sub(TOKEN_MARGIN);
        kept.insert(connection.to_owned(), Kept { settings: settings.clone(), token: token.clone(), until });
        Ok(token)
    }

    /// The receiver doesn't take the token.
    pub fn forget(&self, connection: &str) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).remove(connection);
    }

    async fn ask(&self, settings: &OAuth) -> Result<(String, Duration), Failure> {
        let failed = |text: &str| Failure::passing(format!("the authorisation server {text}"));
        let mut fields = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        fields.retain(|(name, _)| settings.parameters.body.iter().all(|(own, _)| own != name));
        fields.extend(settings.parameters.body.iter().cloned());
        let basic = STANDARD.encode(format!("{}:{}", settings.client_id, settings.client_secret));
        let mut request = Request::builder()
            .method(settings.method.as_str())
            .header("authorization", format!("Basic {basic}"))
            .header("accept", "application/json");
        let body = if settings.method == "GET" {
            request =
                request.uri(with_query(&with_query(&settings.endpoint, &settings.parameters.query), &fields));
            Body::empty()
        } else {
            request = request
                .uri(with_query(&settings.endpoint, &settings.parameters.query))
                .header("content-type", "application/x-www-form-urlencoded");
            Body::from(form(&fields))
        };
        for (name, value) in &settings.parameters.headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(|error| Failure::lasting(error.to_string()))?;
        let exchange = async {
            let response = self.client.send(request).await.map_err(|error| Failure::passing_error(&error))?;
            let status = response.status();
            let body = read_bounded(response.into_body(), TOKEN_ANSWER_BYTES_MAX, TOKEN_TIME_MAX).await;
            Ok((status, body.map_err(|error| Failure::passing_error(&error))?))
        };
        let outcome = tokio::time::timeout(TOKEN_TIME_MAX, exchange).await;
        let (status, body) = outcome.map_err(|_| failed("doesn't answer"))??;
        if !status.is_success() {
            return Err(failed(&format!("answered with {status}")));
        }
        let answer: Value = serde_json::from_slice(&body).map_err(|_| failed("doesn't answer with JSON"))?;
        let token = answer["access_token"].as_str().ok_or_else(|| failed("gives no access_token"))?;
        let life = answer["expires_in"].as_u64().map_or(TOKEN_LIFE_DEFAULT, Duration::from_secs);
        Ok((format!("Bearer {token}"), life))
    }
}
