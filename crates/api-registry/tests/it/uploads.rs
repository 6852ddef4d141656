//! Blobs: every way to push them, and reading them.

use state_blobs::Digest;
use stdx::clock::Clock;
use stdx_net::body::Body;

use super::harness::{ACCOUNT, Harness, REPOSITORY};

const UPLOADS: &str = "/v2/team/web/blobs/uploads/";

#[tokio::test]
async fn nobody_gets_in_without_a_token() {
    let harness = Harness::new().await;
    let get = |authorization: Option<String>, path: &str| {
        let mut request = http::Request::get(format!("http://{}{path}", harness.address));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        harness.send(request.body(Body::empty()).unwrap())
    };
    let stranger = get(None, "/v2/").await;
    assert_eq!(stranger.code(), "401 UNAUTHORIZED");
    let challenge = format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", harness.address);
    assert_eq!(stranger.header("www-authenticate"), challenge);
    assert_eq!(stranger.header("docker-distribution-api-version"), "registry/2.0");
    for bad in ["Basic", "Basic !!", "Basic QVdTOng=", "Bearer x", "Basic eDp5"] {
        assert_eq!(get(Some(bad.into()), "/v2/").await.code(), "401 UNAUTHORIZED", "{bad}");
    }
    assert_eq!(get(Some(harness.authorization()), "/v2/").await.status, 200);
    harness.clock.advance(std::time::Duration::from_hours(13));
    let late = get(Some(harness.authorization()), "/v2/").await;
    assert_eq!(late.code(), "403 DENIED");
    let text = "Your authorization token has expired. Reauthenticate and try again.";
    assert_eq!(late.json()["errors"][0]["message"], text);
}

#[tokio::test]
async fn another_account_is_denied_and_a_host_says_the_region() {
    let harness = Harness::new().await;
    harness.add_repository("eu-west-1", "only-there", Default::default()).await;
    let list = |host: &str| {
        let host = [("host", host.to_owned())];
        let harness = &harness;
        async move {
            let headers = [(host[0].0, host[0].1.as_str())];
            harness.call_with("GET", "/v2/only-there/tags/list", &headers, "").await
        }
    };
    assert_eq!(list("localhost").await.code(), "404 NAME_UNKNOWN");
    assert_eq!(list("000000000000.dkr.ecr.eu-west-1.neargate.internal:4566").await.status, 200);
    let missing = list("000000000000.dkr.ecr.us-east-1.neargate.internal:4566").await;
    let text = "The repository with name 'only-there' does not exist in the registry with id '000000000000'";
    assert_eq!(missing.json()["errors"][0]["message"], text);
    assert_eq!(list("111111111111.dkr.ecr.eu-west-1.neargate.internal:4566").await.code(), "403 DENIED");
}

#[tokio::test]
async fn a_blob_is_pushed_in_one_request_or_two() {
    let harness = Harness::new().await;
    let digest = harness.blob(REPOSITORY, b"in one").await;
    let begun = harness.call("POST", UPLOADS, "").await;
    assert_eq!((begun.status, begun.header("range")), (202, "0-0"));
    assert!(begun.header("location").ends_with(begun.header("docker-upload-uuid")));
    let other = Digest::of(b"in two").to_string();
    let put = harness.call("PUT", &format!("{}?digest={other}", begun.header("location")), "in two").await;
    assert_eq!((put.status, put.header("docker-content-digest")), (201, other.as_str()));
    assert_eq!(put.header("location"), format!("/v2/team/web/blobs/{other}"));
    for (digest, content) in [(&digest, "in one"), (&other, "in two")] {
        let path = format!("/v2/team/web/blobs/{digest}");
        let got = harness.call("GET", &path, "").await;
        assert_eq!((got.status, &got.body[..]), (200, content.as_bytes()));
        assert_eq!(got.header("docker-content-digest"), digest);
        let head = harness.call("HEAD", &path, "").await;
        assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, "6", 0));
    }
}

#[tokio::test]
async fn chunks_follow_each_other_and_can_be_resumed() {
    let harness = Harness::new().await;
    let begun = harness.call("POST", UPLOADS, "").await;
    let location = begun.header("location").to_owned();
    let chunk = |range: &str, content: &'static str| {
        let range = range.to_owned();
        let (harness, location) = (&harness, &location);
        async move { harness.call_with("PATCH", location, &[("content-range", &range)], content).await }
    };
    let first = chunk("0-3", "abcd").await;
    assert_eq!((first.status, first.header("range")), (202, "0-3"));
    let gap = chunk("6-7", "gh").await;
    assert_eq!((gap.code().as_str(), gap.header("range")), ("416 BLOB_UPLOAD_INVALID", "0-3"));
    assert_eq!(chunk("4-9", "ef").await.status, 416, "the length differs");
    assert_eq!(chunk("junk", "ef").await.status, 416);
    let status = harness.call("GET", &location, "").await;
    assert_eq!((status.status, status.header("range")), (204, "0-3"));
    assert_eq!(chunk("4-5", "ef").await.header("range"), "0-5");
    // Without a range a chunk is simply appended.
    assert_eq!(harness.call("PATCH", &location, "g").await.header("range"), "0-6");
    let digest = Digest::of(b"abcdefgh").to_string();
    let headers = [("content-range", "7-7")];
    let put = harness.call_with("PUT", &format!("{location}?digest={digest}"), &headers, "h").await;
    assert_eq!(put.status, 201, "{put:?}");
    assert_eq!(harness.call("GET", &location, "").await.code(), "404 BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn wrong_uploads_are_refused() {
    let harness = Harness::new().await;
    let digest = Digest::of(b"other").to_string();
    let wrong = harness.call("POST", &format!("{UPLOADS}?digest={digest}"), "content").await;
    assert_eq!(wrong.code(), "400 DIGEST_INVALID");
    assert_eq!(harness.call("HEAD", &format!("/v2/team/web/blobs/{digest}"), "").await.status, 404);
    assert_eq!(
        harness.call("POST", &format!("{UPLOADS}?digest=sha256:x"), "").await.code(),
        "400 DIGEST_INVALID"
    );
    assert_eq!(harness.call("POST", "/v2/none/blobs/uploads/", "").await.code(), "404 NAME_UNKNOWN");
    assert_eq!(harness.call("POST", "/v2/None/blobs/uploads/", "").await.code(), "400 NAME_INVALID");
    assert_eq!(harness.call("PATCH", &format!("{UPLOADS}junk"), "").await.code(), "404 BLOB_UPLOAD_UNKNOWN");
    assert_eq!(harness.call("GET", "/v2/team/web/blobs/sha256:x", "").await.code(), "400 DIGEST_INVALID");
    assert_eq!(harness.call("PUT", "/v2/", "").await.code(), "405 UNSUPPORTED");
    assert_eq!(harness.call("GET", "/v2/team/web/what/ever", "").await.status, 404);
    let begun = harness.call("POST", UPLOADS, "").await;
    let location = begun.header("location");
    assert_eq!(harness.call("PUT", location, "").await.code(), "400 DIGEST_INVALID");
    // An upload of one repository can't be continued in another.
    harness.add_repository("us-east-1", "other", Default::default()).await;
    let elsewhere = location.replace("team/web", "other");
    assert_eq!(harness.call("PATCH", &elsewhere, "x").await.code(), "404 BLOB_UPLOAD_UNKNOWN");
    assert_eq!(harness.call("DELETE", location, "").await.status, 204);
    assert_eq!(harness.call("PATCH", location, "x").await.code(), "404 BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn a_layer_is_mounted_from_another_repository() {
    let harness = Harness::new().await;
    harness.add_repository("us-east-1", "other", Default::default()).await;
    let digest = harness.blob(REPOSITORY, b"shared").await;
    let path = format!("/v2/other/blobs/{digest}");
    assert_eq!(harness.call("HEAD", &path, "").await.status, 404, "layers belong to their repository");
    let absent = Digest::of(b"absent").to_string();
    for query in [
        format!("mount={absent}&from=team/web"),
        format!("mount={digest}&from=none"),
        format!("mount={digest}"),
    ] {
        let begun = harness.call("POST", &format!("/v2/other/blobs/uploads/?{query}"), "").await;
        assert_eq!(begun.status, 202, "{query}");
    }
    let mounted =
        harness.call("POST", &format!("/v2/other/blobs/uploads/?mount={digest}&from=team%2Fweb"), "").await;
    assert_eq!((mounted.status, mounted.header("location")), (201, path.as_str()));
    assert_eq!(harness.call("GET", &path, "").await.body, "shared");
}

#[tokio::test]
async fn a_part_of_a_blob_can_be_read() {
    let harness = Harness::new().await;
    let content: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let digest = harness.blob(REPOSITORY, &content).await;
    let path = format!("/v2/team/web/blobs/{digest}");
    for (range, first, last) in
        [("bytes=0-9", 0, 9), ("bytes=500000-", 500_000, 999_999), ("bytes=-5", 999_995, 999_999)]
    {
        let got = harness.call_with("GET", &path, &[("range", range)], "").await;
        assert_eq!(
            (got.status, got.header("content-range")),
            (206, format!("bytes {first}-{last}/1000000").as_str())
        );
        assert!(got.body == content[first..=last], "{range}");
    }
    let behind = harness.call_with("GET", &path, &[("range", "bytes=1000000-")], "").await;
    assert_eq!((behind.status, behind.header("content-range")), (416, "bytes */1000000"));
}

#[tokio::test]
async fn a_download_address_opens_one_layer() {
    let mut harness = Harness::new().await;
    let digest = harness.blob(REPOSITORY, b"layer").await;
    let other = harness.blob(REPOSITORY, b"other").await;
    let name = format!("layer/us-east-1/team/web/{digest}");
    let bearer = api_auth::Principal::Service { account: ACCOUNT.into(), name };
    let random = stdx::random::SystemRandom;
    let token = harness.registry.keys.issue_registry_token(bearer, harness.clock.now(), &random).password;
    let get = |digest: &str, host: &str| {
        let uri = format!("http://{}/v2/team/web/blobs/{digest}?token={token}", harness.address);
        harness.send(http::Request::get(uri).header("host", host).body(Body::empty()).unwrap())
    };
    let host = "000000000000.dkr.ecr.us-east-1.neargate.internal";
    assert_eq!(get(&digest, host).await.body, "layer");
    assert_eq!(get(&other, host).await.status, 401);
    assert_eq!(get(&digest, "000000000000.dkr.ecr.eu-west-1.neargate.internal").await.status, 401);
    // It is no password.
    harness.password = token;
    assert_eq!(harness.call("GET", "/v2/", "").await.status, 401);
}

#[tokio::test]
async fn a_layer_in_use_is_not_deleted() {
    let harness = Harness::new().await;
    let digest = harness.blob(REPOSITORY, b"unused").await;
    let path = format!("/v2/team/web/blobs/{digest}");
    assert_eq!(harness.call("DELETE", &path, "").await.status, 202);
    assert_eq!(harness.call("DELETE", &path, "").await.code(), "404 BLOB_UNKNOWN");
    harness.image(REPOSITORY, "used", "v1").await;
    let used = format!("/v2/team/web/blobs/{}", Digest::of(b"used"));
    assert_eq!(harness.call("DELETE", &used, "").await.code(), "405 UNSUPPORTED");
}
