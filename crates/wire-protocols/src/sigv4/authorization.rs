//! What a signature claims, from the `Authorization` header or from a presigned query string.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, DATE};
use http::request::Parts;
use wire_schema::Instant;

use super::canonical::{self, header_text};
use super::{
    ALGORITHM, AuthError, Form, PRESIGNED_SECONDS_MAX, Payload, SignedRequest, TERMINATOR, UNSIGNED_PAYLOAD,
    basic_format,
};
use crate::limits::SIGNED_HEADERS_MAX;
use crate::query::form_pairs;
use crate::time;

/// Headers that decide what a request does or who sends it: when they are there, the signature must cover
/// them.
const SIGNED_WHEN_PRESENT: &[&str] = &["x-amz-date", "x-amz-security-token", "x-amz-target"];

/// The parts of a signature before they are checked.
struct Claim<'a> {
    credential: Cow<'a, str>,
    signed_headers: Cow<'a, str>,
    signature: Cow<'a, str>,
    timestamp: String,
    session_token: Option<String>,
    form: Form,
}

/// Reads the claim of a request's signature.
pub fn parse(parts: &Parts) -> Result<SignedRequest, AuthError> {
    let claim = match header_text(&parts.headers, AUTHORIZATION.as_str()) {
        Some(authorization) => from_header(parts, authorization)?,
        None => from_query(parts)?.ok_or_else(AuthError::missing)?,
    };
    let signed_at = parse_basic(&claim.timestamp).ok_or_else(|| {
        AuthError::incomplete(format!(
            "Date must be in ISO-8601 'basic format'. Got '{}'. See http://en.wikipedia.org/wiki/ISO_8601",
            claim.timestamp
        ))
    })?;
    let (access_key_id, date, region, service) = credential(&claim.credential)?;
    if !claim.timestamp.starts_with(date) {
        return Err(AuthError::scope(format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' \
             != '{}', from '{}'.",
            claim.timestamp.get(..8).unwrap_or_default(),
            claim.timestamp
        )));
    }
    let signed_headers: Vec<&str> = claim.signed_headers.split(';').collect();
    check_signed_headers(parts, &signed_headers, claim.form)?;
    Ok(SignedRequest {
        access_key_id: access_key_id.to_owned(),
        session_token: claim.session_token,
        date: date.to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        signed_at,
        form: claim.form,
        timestamp: claim.timestamp,
        payload: payload(parts, claim.form, service)?,
        signature: claim.signature.into_owned(),
        canonical: canonical::request(parts, service, &signed_headers),
        decoded_length: header_text(&parts.headers, "x-amz-decoded-content-length")
            .and_then(|text| text.parse().ok()),
    })
}

fn from_header<'a>(parts: &'a Parts, authorization: &'a str) -> Result<Claim<'a>, AuthError> {
    let (algorithm, rest) = authorization.split_once(' ').unwrap_or((authorization, ""));
    if algorithm != ALGORITHM {
        return Err(AuthError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let field = |name: &str| {
        let fields = rest.split(',').filter_map(|field| field.trim().split_once('='));
        fields.into_iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    };
    let timestamp = header_text(&parts.headers, "x-amz-date").map(str::to_owned).or_else(|| {
        let date = header_text(&parts.headers, DATE.as_str())?;
        time::parse_http_date(date).map(basic_format).or_else(|| Some(date.to_owned()))
    });
    match (field("Credential"), field("SignedHeaders"), field("Signature"), timestamp) {
        (Some(credential), Some(signed_headers), Some(signature), Some(timestamp)) => Ok(Claim {
            credential: credential.into(),
            signed_headers: signed_headers.into(),
            signature: signature.into(),
            timestamp,
            session_token: header_text(&parts.headers, "x-amz-security-token").map(str::to_owned),
            form: Form::Header,
        }),
        (credential, signed_headers, signature, timestamp) => {
            let missing = [
                (credential.is_none(), "Authorization header requires 'Credential' parameter."),
                (signature.is_none(), "Authorization header requires 'Signature' parameter."),
                (signed_headers.is_none(), "Authorization header requires 'SignedHeaders' parameter."),
                (
                    timestamp.is_none(),
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
                ),
            ];
            let missing: Vec<&str> =
                missing.iter().filter(|(missing, _)| *missing).map(|(_, text)| *text).collect();
            Err(AuthError::incomplete(missing.join(" ")))
        }
    }
}

/// The claim of a presigned URL; none when the URL has no signature.
fn from_query(parts: &Parts) -> Result<Option<Claim<'_>>, AuthError> {
    let query = parts.uri.query().unwrap_or("");
    let field = |name: &str| {
        let mut pairs = form_pairs(query).flatten();
        pairs.find(|(found, _)| found == name).map(|(_, value)| value)
    };
    let Some(algorithm) = field("X-Amz-Algorithm") else { return Ok(None) };
    if algorithm != ALGORITHM {
        return Err(AuthError::incomplete(format!("Unsupported AWS 'algorithm': '{algorithm}'.")));
    }
    let required = |name: &'static str| {
        field(name).ok_or_else(|| {
            AuthError::incomplete(format!(
                "AWS query-string parameters must include '{name}'. Re-examine the query-string parameters."
            ))
        })
    };
    let seconds: i64 = match field("X-Amz-Expires") {
        None => 900,
        Some(text) => {
            text.parse().map_err(|_| AuthError::incomplete("X-Amz-Expires should be a number".to_owned()))?
        }
    };
    if !(0..=PRESIGNED_SECONDS_MAX).contains(&seconds) {
        return Err(AuthError::incomplete(format!(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
             than {PRESIGNED_SECONDS_MAX} seconds"
        )));
    }
    Ok(Some(Claim {
        credential: required("X-Amz-Credential")?,
        signed_headers: required("X-Amz-SignedHeaders")?,
        signature: required("X-Amz-Signature")?,
        timestamp: required("X-Amz-Date")?.into_owned(),
        session_token: field("X-Amz-Security-Token").map(Cow::into_owned),
        form: Form::Presigned { seconds },
    }))
}

/// Access key id, date, region and service; the key id itself may hold slashes.
fn credential(text: &str) -> Result<(&str, &str, &str, &str), AuthError> {
    let mut fields = text.rsplitn(5, '/');
    let mut next = || fields.next().filter(|field| !field.is_empty());
    let (terminator, service, region, date, key) = (next(), next(), next(), next(), next());
    let (Some(terminator), Some(service), Some(region), Some(date), Some(key)) =
        (terminator, service, region, date, key)
    else {
        return Err(AuthError::incomplete(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             '{text}'"
        )));
    };
    if terminator != TERMINATOR {
        return Err(AuthError::scope(format!(
            "Credential should be scoped with a valid terminator: '{TERMINATOR}', not '{terminator}'."
        )));
    }
    Ok((key, date, region, service))
}

fn check_signed_headers(parts: &Parts, signed: &[&str], form: Form) -> Result<(), AuthError> {
    if signed.len() > SIGNED_HEADERS_MAX {
        return Err(AuthError::incomplete(format!("More than {SIGNED_HEADERS_MAX} headers are signed.")));
    }
    if !signed.contains(&"host") {
        return Err(AuthError::scope(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    for name in SIGNED_WHEN_PRESENT {
        // A presigned URL carries its date and token in the query string, which is always covered.
        let may_be_unsigned = form != Form::Header && *name != "x-amz-target";
        if parts.headers.contains_key(*name) && !signed.contains(name) && !may_be_unsigned {
            return Err(AuthError::scope(format!(
                "'{name}' must be a 'SignedHeader' in the AWS Authorization."
            )));
        }
    }
    Ok(())
}

fn payload(parts: &Parts, form: Form, service: &str) -> Result<Payload, AuthError> {
    let query = parts.uri.query().unwrap_or("");
    let in_query =
        |name: &str| form_pairs(query).flatten().find(|(found, _)| found == name).map(|(_, value)| value);
    let declared = match form {
        Form::Header => header_text(&parts.headers, "x-amz-content-sha256").map(Cow::Borrowed),
        Form::Presigned { .. } => in_query("X-Amz-Content-Sha256")
            .or_else(|| header_text(&parts.headers, "x-amz-content-sha256").map(Cow::Borrowed)),
    };
    let chunked = |declared, signed, trailer| Payload::Chunked { declared, signed, trailer };
    Ok(match declared.as_deref() {
        None if form != Form::Header && service == "s3" => Payload::Unsigned,
        None => Payload::Implied,
        Some(UNSIGNED_PAYLOAD) => Payload::Unsigned,
        Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD") => {
            chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", true, false)
        }
        Some("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER") => {
            chunked("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", true, true)
        }
        Some("STREAMING-UNSIGNED-PAYLOAD-TRAILER") => {
            chunked("STREAMING-UNSIGNED-PAYLOAD-TRAILER", false, true)
        }
        Some(hash) if hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Payload::Declared(hash.to_ascii_lowercase())
        }
        Some(_) => return Err(AuthError::bad_payload_hash()),
    })
}

/// Reads `YYYYMMDDTHHMMSSZ`.
fn parse_basic(text: &str) -> Option<Instant> {
    let plain = text.strip_suffix('Z').filter(|plain| plain.len() == 15)?;
    let at = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", plain).ok()?;
    let zoned = at.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Instant { millis: zoned.timestamp().as_millisecond() })
}
