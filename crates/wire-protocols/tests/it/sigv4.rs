//! Signatures: botocore's, AWS's published examples, our own, and broken ones.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::request::Parts;
use serde_json::Value;
use wire_protocols::sigv4::{self, AuthError, AuthErrorKind, Credentials, Form, Scope, SigningKeys};
use wire_schema::{Instant, Protocol};

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2026-01-02T03:04:05Z
const NOW: Instant = Instant::from_secs(1_767_323_045);

fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut builder = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(()).expect("a request").into_parts().0
}

fn verify(parts: &Parts, secret: &str, body: &[u8], now: Instant) -> Result<Bytes, AuthError> {
    sigv4::verify(&sigv4::parse(parts)?, &SigningKeys::default(), secret, &Bytes::copy_from_slice(body), now)
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "AKIDEXAMPLE".to_owned(),
        secret_access_key: SECRET.to_owned(),
        session_token: None,
    }
}

const SCOPE: Scope<'_> = Scope { region: "us-east-1", service: "ecs", now: NOW };

/// A request of ours with a good signature.
fn signed(body: &[u8]) -> Parts {
    let mut parts =
        request("POST", "/", &[("host", "localhost:4566"), ("x-amz-target", "A.B"), ("x-other", "1")]);
    sigv4::sign(&mut parts, body, &credentials(), SCOPE).expect("headers are plain");
    parts
}

#[test]
fn botocores_signatures_are_verified() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vectors/sigv4.jsonl");
    for line in fs::read_to_string(path).expect("the vectors are there").lines() {
        let case: Value = serde_json::from_str(line).expect("a vector is JSON");
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let headers: Vec<(&str, &str)> = case["headers"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()))
            .collect();
        let parts = request(text("method"), text("uri"), &headers);
        let body = STANDARD.decode(text("body")).expect("a recorded body is base64");
        let parsed = sigv4::parse(&parts).expect("botocore's signature is read");
        assert_eq!(parsed.access_key_id, text("access_key_id"), "{line}");
        assert_eq!(parsed.session_token.as_deref(), case["session_token"].as_str(), "{line}");
        assert_eq!((&*parsed.region, &*parsed.service), ("eu-west-1", text("service")), "{line}");
        assert_eq!(verify(&parts, text("secret"), &body, NOW).as_deref(), Ok(&body[..]), "{line}");
        let wrong = verify(&parts, "another secret", &body, NOW).expect_err("another secret");
        assert_eq!(wrong.kind, AuthErrorKind::Mismatch, "{line}");
        if !body.is_empty() {
            assert!(verify(&parts, text("secret"), b"another body", NOW).is_err(), "{line}");
        }
    }
}

#[test]
fn published_examples_are_verified() {
    let at = Instant::from_secs(1_440_938_160);
    let vanilla = request(
        "GET",
        "/",
        &[
            ("host", "example.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders=host;x-amz-date, \
                 Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
        ],
    );
    assert_eq!(verify(&vanilla, SECRET, b"", at), Ok(Bytes::new()));
    let list_users = request(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("host", "iam.amazonaws.com"),
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ],
    );
    assert_eq!(verify(&list_users, SECRET, b"", at), Ok(Bytes::new()));
}

/// The example of <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html>.
#[test]
fn signed_chunks_are_verified_and_unframed() {
    let parts = request(
        "PUT",
        "/examplebucket/chunkObject.txt",
        &[
            ("host", "s3.amazonaws.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
            ("content-encoding", "aws-chunked"),
            ("x-amz-decoded-content-length", "66560"),
            ("content-length", "66824"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
                 SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;\
                 x-amz-decoded-content-length;x-amz-storage-class,\
                 Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
            ),
        ],
    );
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    let at = Instant::from_secs(1_369_353_600);
    let chunk = |signature: &str, length: usize| {
        format!("{length:x};chunk-signature={signature}\r\n{}\r\n", "a".repeat(length))
    };
    let first = chunk("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648", 65536);
    let second = chunk("0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497", 1024);
    let last = chunk("b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", 0);
    let body = format!("{first}{second}{last}");
    let plain = verify(&parts, secret, body.as_bytes(), at).expect("AWS's example");
    assert_eq!(plain, Bytes::from("a".repeat(66560)));
    for broken in [
        format!("{second}{first}{last}"),
        format!("{first}{last}"),
        body.replacen("aa", "ab", 1),
        first.clone(),
        "zz\r\n".to_owned(),
        String::new(),
    ] {
        assert!(verify(&parts, secret, broken.as_bytes(), at).is_err(), "{}", broken.len());
    }
}

#[test]
fn unsigned_chunks_are_unframed_and_their_checksum_checked() {
    let mut parts = request(
        "PUT",
        "/b/k",
        &[
            ("host", "localhost"),
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "11"),
        ],
    );
    let scope = Scope { service: "s3", ..SCOPE };
    sigv4::sign(&mut parts, b"", &credentials(), scope).expect("headers are plain");
    let checksum = STANDARD.encode(crc32fast::hash(b"hello world").to_be_bytes());
    let body = format!("6\r\nhello \r\n5\r\nworld\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n");
    assert_eq!(verify(&parts, SECRET, body.as_bytes(), NOW).as_deref(), Ok(&b"hello world"[..]));
    let wrong =
        verify(&parts, SECRET, body.replace("world", "World").as_bytes(), NOW).expect_err("a wrong checksum");
    assert_eq!(wrong.kind, AuthErrorKind::ChecksumMismatch);
    let parsed = sigv4::parse(&parts).expect("our signature is read");
    assert_eq!(sigv4::unverified_body(&parsed, &Bytes::from(body)).as_deref(), Ok(&b"hello world"[..]));
}

#[test]
fn what_was_signed_can_not_be_changed() {
    let good = signed(b"body");
    assert_eq!(verify(&good, SECRET, b"body", NOW).as_deref(), Ok(&b"body"[..]));
    let tampered: &[fn(&mut Parts)] = &[
        |parts| parts.method = http::Method::PUT,
        |parts| parts.uri = http::Uri::from_static("/other"),
        |parts| parts.uri = http::Uri::from_static("/?a=b"),
        |parts| drop(parts.headers.insert("x-other", http::HeaderValue::from_static("2"))),
        |parts| assert!(parts.headers.append("x-other", http::HeaderValue::from_static("2"))),
        |parts| drop(parts.headers.insert("host", http::HeaderValue::from_static("elsewhere"))),
        |parts| drop(parts.headers.insert("x-amz-security-token", http::HeaderValue::from_static("t"))),
    ];
    for (index, tamper) in tampered.iter().enumerate() {
        let mut parts = good.clone();
        tamper(&mut parts);
        let error = verify(&parts, SECRET, b"body", NOW).expect_err("a changed request");
        assert_eq!(error.kind, AuthErrorKind::Mismatch, "change {index}");
    }
    let mut unsigned = good.clone();
    unsigned.headers.insert("x-not-signed", http::HeaderValue::from_static("1"));
    assert!(verify(&unsigned, SECRET, b"body", NOW).is_ok());
}

#[test]
fn clocks_may_differ_by_five_minutes() {
    let good = signed(b"");
    let after = |seconds: i64| verify(&good, SECRET, b"", Instant::from_secs(NOW.as_secs() + seconds));
    assert!(after(300).is_ok());
    assert!(after(-300).is_ok());
    assert_eq!(
        after(301).expect_err("too old").message,
        "Signature expired: 20260102T030405Z is now earlier than 20260102T030406Z (20260102T030906Z - 5 min.)"
    );
    assert_eq!(
        after(-301).expect_err("too new").message,
        "Signature not yet current: 20260102T030405Z is still later than 20260102T030404Z (20260102T025904Z + 5 min.)"
    );
}

#[test]
fn presigned_urls_live_for_their_seconds() {
    let parts = request("GET", "http://localhost:4566/b/k?a=b", &[]);
    let scope = Scope { service: "s3", ..SCOPE };
    let uri = sigv4::presign(&parts, &credentials(), scope, 60).expect("a url");
    let presigned = request("GET", &uri, &[("host", "localhost:4566")]);
    let parsed = sigv4::parse(&presigned).expect("our url is read");
    assert_eq!(parsed.form, Form::Presigned { seconds: 60 });
    let after = |seconds: i64| verify(&presigned, SECRET, b"", Instant::from_secs(NOW.as_secs() + seconds));
    assert!(after(60).is_ok());
    assert_eq!(after(61).expect_err("too old").kind, AuthErrorKind::Expired);
    let longer = request("GET", &uri.replace("Expires=60", "Expires=61"), &[("host", "localhost:4566")]);
    assert_eq!(verify(&longer, SECRET, b"", NOW).expect_err("a changed url").kind, AuthErrorKind::Mismatch);
    let week = request("GET", &uri.replace("Expires=60", "Expires=604801"), &[("host", "localhost:4566")]);
    assert_eq!(sigv4::parse(&week).expect_err("too long").kind, AuthErrorKind::Incomplete);
}

#[test]
fn broken_signatures_are_told_apart() {
    let date = ("x-amz-date", "20260102T030405Z");
    let check = |authorization: &str, expected: &str| {
        let parts = request("GET", "/", &[("host", "h"), date, ("authorization", authorization)]);
        let error = sigv4::parse(&parts).expect_err(authorization);
        assert_eq!(error.message, expected);
    };
    check("Basic abc", "Unsupported AWS 'algorithm': 'Basic'.");
    check(
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request",
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=a/r/s/aws4_request, SignedHeaders=host, Signature=0",
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'a/r/s/aws4_request'",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws5, SignedHeaders=host, Signature=0",
        "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=a/20260103/r/s/aws4_request, SignedHeaders=host, Signature=0",
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260103' != \
         '20260102', from '20260102T030405Z'.",
    );
    check(
        "AWS4-HMAC-SHA256 Credential=a/20260102/r/s/aws4_request, SignedHeaders=x-amz-date, Signature=0",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
    let none = sigv4::parse(&request("GET", "/", &[("host", "h")])).expect_err("no signature");
    assert_eq!(none.kind, AuthErrorKind::Missing);
}

#[test]
fn each_protocol_has_its_code() {
    let check = |error: AuthError, protocol: Protocol, code: &str, status: u16| {
        let error = error.to_service_error(protocol, "x");
        assert_eq!((&*error.code, error.status), (code, Some(status)));
    };
    check(AuthError::unknown_key(), Protocol::AwsJson1_1, "UnrecognizedClientException", 400);
    check(AuthError::unknown_key(), Protocol::AwsQuery, "InvalidClientTokenId", 403);
    check(AuthError::unknown_key(), Protocol::Ec2Query, "AuthFailure", 401);
    check(AuthError::expired_token(), Protocol::AwsJson1_1, "ExpiredTokenException", 400);
    check(AuthError::expired_token(), Protocol::AwsQuery, "ExpiredToken", 403);
    let mismatch = verify(&signed(b""), "wrong", b"", NOW).expect_err("a wrong secret");
    check(mismatch.clone(), Protocol::AwsJson1_1, "InvalidSignatureException", 400);
    check(mismatch.clone(), Protocol::AwsQuery, "SignatureDoesNotMatch", 403);
    check(mismatch, Protocol::Ec2Query, "SignatureDoesNotMatch", 403);
}

#[test]
fn the_cache_of_keys_is_bounded_and_right() {
    let keys = SigningKeys::default();
    for index in 0..wire_protocols::limits::SIGNING_KEYS_MAX + 10 {
        keys.key(&format!("secret-{index}"), "20260102", "us-east-1", "ecs");
    }
    let good = sigv4::parse(&signed(b"")).expect("our signature is read");
    for _ in 0..2 {
        assert!(sigv4::verify(&good, &keys, SECRET, &Bytes::new(), NOW).is_ok());
        assert!(sigv4::verify(&good, &keys, "wrong", &Bytes::new(), NOW).is_err());
    }
}
