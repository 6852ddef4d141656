//! The other side: signing a request, for clients and tests.

use http::header::{HOST, HeaderName, HeaderValue, InvalidHeaderValue};
use http::request::Parts;
use wire_schema::Instant;

use super::{
    ALGORITHM, SigningKey, TERMINATOR, UNSIGNED_PAYLOAD, basic_format, canonical, hmac, sha256_hex,
    string_to_sign,
};

/// Headers that proxies and HTTP clients change on the way.
const NOT_SIGNED: &[&str] =
    &["authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id"];

#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// Where and when a signature is good.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    pub region: &'a str,
    pub service: &'a str,
    pub now: Instant,
}

impl Scope<'_> {
    fn text(&self, date: &str) -> String {
        format!("{date}/{}/{}/{TERMINATOR}", self.region, self.service)
    }
}

/// Adds the headers of a signature over all headers that are there, which must include `host` unless the URI
/// has an authority. An `x-amz-content-sha256` that is there already is what gets signed.
pub fn sign(
    parts: &mut Parts,
    body: &[u8],
    credentials: &Credentials,
    scope: Scope<'_>,
) -> Result<(), InvalidHeaderValue> {
    let timestamp = basic_format(scope.now);
    let headers = &mut parts.headers;
    if !headers.contains_key(HOST) {
        let host = parts.uri.authority().map_or("", |authority| authority.as_str());
        headers.insert(HOST, HeaderValue::from_str(host)?);
    }
    headers.insert(HeaderName::from_static("x-amz-date"), HeaderValue::from_str(&timestamp)?);
    if let Some(token) = &credentials.session_token {
        headers.insert(HeaderName::from_static("x-amz-security-token"), HeaderValue::from_str(token)?);
    }
    let declared = canonical::header_text(headers, "x-amz-content-sha256").map(str::to_owned);
    let hash = declared.unwrap_or_else(|| sha256_hex(body));
    let mut names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
    names.retain(|name| !NOT_SIGNED.contains(name));
    names.sort_unstable();
    let signature = signature(parts, &names, &hash, credentials, scope, &timestamp);
    let value = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
        credentials.access_key_id,
        scope.text(&timestamp[..8]),
        names.join(";"),
    );
    parts.headers.insert(http::header::AUTHORIZATION, HeaderValue::from_str(&value)?);
    Ok(())
}

/// The path and query of a presigned URL for `parts`, good for `seconds`. Only the host is signed of the
/// headers.
pub fn presign(
    parts: &Parts,
    credentials: &Credentials,
    scope: Scope<'_>,
    seconds: u32,
) -> Result<String, http::Error> {
    let timestamp = basic_format(scope.now);
    let credential = format!("{}/{}", credentials.access_key_id, scope.text(&timestamp[..8]));
    let mut query = parts.uri.query().map_or(String::new(), |query| format!("{query}&"));
    query.push_str(&format!(
        "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={timestamp}&X-Amz-Expires={seconds}\
         &X-Amz-SignedHeaders=host",
        canonical::encode(&credential)
    ));
    if let Some(token) = &credentials.session_token {
        query.push_str(&format!("&X-Amz-Security-Token={}", canonical::encode(token)));
    }
    let path = parts.uri.path();
    let mut presigned = parts.clone();
    let host = parts.headers.get(HOST).cloned();
    let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
    presigned.uri = http::Uri::builder().path_and_query(format!("{path}?{query}")).build()?;
    if let (None, Some(authority)) = (host, authority) {
        presigned.headers.insert(HOST, HeaderValue::try_from(authority)?);
    }
    let hash = if scope.service == "s3" { UNSIGNED_PAYLOAD.to_owned() } else { sha256_hex(b"") };
    let signature = signature(&presigned, &["host"], &hash, credentials, scope, &timestamp);
    Ok(format!("{path}?{query}&X-Amz-Signature={signature}"))
}

fn signature(
    parts: &Parts,
    names: &[&str],
    hash: &str,
    credentials: &Credentials,
    scope: Scope<'_>,
    timestamp: &str,
) -> String {
    let date = &timestamp[..8];
    let canonical = format!("{}{hash}", canonical::request(parts, scope.service, names));
    let text = string_to_sign(timestamp, &scope.text(date), &canonical);
    let key = SigningKey::derive(&credentials.secret_access_key, date, scope.region, scope.service);
    hex::encode(hmac(&key.0, text.as_bytes()))
}
