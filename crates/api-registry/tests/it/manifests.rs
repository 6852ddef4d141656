//! Manifests, tags, referrers.

use serde_json::json;
use state_blobs::Digest;
use state_model::ecr::repository::TagMutability;

use super::harness::{Harness, REPOSITORY, descriptor, manifest};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

#[tokio::test]
async fn a_manifest_is_found_by_tag_and_digest() {
    let harness = Harness::new().await;
    let (text, digest) = harness.image(REPOSITORY, "one", "v1").await;
    for reference in ["v1", digest.as_str()] {
        let path = format!("/v2/team/web/manifests/{reference}");
        let got = harness.call("GET", &path, "").await;
        assert_eq!((got.status, &got.body[..]), (200, text.as_bytes()));
        assert_eq!(got.header("content-type"), "application/vnd.oci.image.manifest.v1+json");
        assert_eq!(got.header("docker-content-digest"), digest);
        let head = harness.call("HEAD", &path, "").await;
        assert_eq!((head.status, head.header("content-length")), (200, text.len().to_string().as_str()));
    }
    assert_eq!(harness.put(REPOSITORY, &digest, &text).await.status, 201, "pushing again is fine");
    assert_eq!(harness.put(REPOSITORY, "v1", &text).await.status, 201);
    assert_eq!(harness.call("GET", "/v2/team/web/manifests/none", "").await.code(), "404 MANIFEST_UNKNOWN");
    assert_eq!(harness.call("GET", "/v2/none/manifests/v1", "").await.code(), "404 NAME_UNKNOWN");
}

#[tokio::test]
async fn manifests_that_can_not_be_are_refused() {
    let harness = Harness::new().await;
    let absent = harness.put(REPOSITORY, "v1", &manifest("absent")).await;
    assert_eq!(absent.code(), "404 MANIFEST_BLOB_UNKNOWN");
    let (text, _) = harness.image(REPOSITORY, "one", "v1").await;
    let other = Digest::of(b"other").to_string();
    assert_eq!(harness.put(REPOSITORY, &other, &text).await.code(), "400 DIGEST_INVALID");
    assert_eq!(harness.put(REPOSITORY, "sha256:x", &text).await.code(), "400 DIGEST_INVALID");
    assert_eq!(harness.put(REPOSITORY, ".bad", &text).await.code(), "400 TAG_INVALID");
    assert_eq!(harness.put("none", "v1", &text).await.code(), "404 NAME_UNKNOWN");
    let put = |content_type: &'static str, content: String| {
        let harness = &harness;
        async move {
            let headers = [("content-type", content_type)];
            harness.call_with("PUT", "/v2/team/web/manifests/v2", &headers, content).await.code()
        }
    };
    assert_eq!(put(INDEX, text.clone()).await, "400 MANIFEST_INVALID");
    assert_eq!(put("application/json", "{".into()).await, "400 MANIFEST_INVALID");
    assert_eq!(put("application/json", " ".repeat((4 << 20) + 1)).await, "413 SIZE_INVALID");
}

#[tokio::test]
async fn immutable_tags_stay() {
    let harness = Harness::new().await;
    let immutable = TagMutability { is_immutable: true, exclusions: vec!["dev*".into()] };
    harness.add_repository("us-east-1", "fixed", immutable).await;
    let (one, _) = harness.image("fixed", "one", "v1").await;
    harness.image("fixed", "two", "dev").await;
    assert_eq!(harness.put("fixed", "v1", &one).await.status, 201, "the same image is no change");
    assert_eq!(harness.put("fixed", "dev", &one).await.status, 201);
    let refused = harness.put("fixed", "v1", &manifest("two")).await;
    assert_eq!(refused.code(), "400 TAG_INVALID");
    let text = "The image tag 'v1' already exists in the 'fixed' repository and cannot be overwritten \
                because the tag is immutable.";
    assert_eq!(refused.json()["errors"][0]["message"], text);
}

#[tokio::test]
async fn tags_and_repositories_have_pages() {
    let harness = Harness::new().await;
    let (text, _) = harness.image(REPOSITORY, "one", "a").await;
    for tag in ["b", "c", "d", "e"] {
        harness.put(REPOSITORY, tag, &text).await;
    }
    let mut path = String::from("/v2/team/web/tags/list?n=2");
    let mut pages = Vec::new();
    loop {
        let page = harness.call("GET", &path, "").await;
        assert_eq!(page.json()["name"], REPOSITORY);
        pages.push(page.json()["tags"].to_string());
        let Some(next) = page.header("link").strip_suffix(">; rel=\"next\"") else { break };
        path = next.trim_start_matches('<').to_owned();
    }
    assert_eq!(pages, [r#"["a","b"]"#, r#"["c","d"]"#, r#"["e"]"#]);
    assert_eq!(harness.call("GET", "/v2/team/web/tags/list?n=0", "").await.json()["tags"], json!([]));
    assert_eq!(
        harness.call("GET", "/v2/team/web/tags/list?last=c", "").await.json()["tags"],
        json!(["d", "e"])
    );
    assert_eq!(harness.call("GET", "/v2/team/web/tags/list?n=x", "").await.status, 400);
    harness.add_repository("us-east-1", "aa", Default::default()).await;
    let catalog = harness.call("GET", "/v2/_catalog?n=1", "").await;
    assert_eq!(catalog.json()["repositories"], json!(["aa"]));
    assert_eq!(catalog.header("link"), "</v2/_catalog?n=1&last=aa>; rel=\"next\"");
    let rest = harness.call("GET", "/v2/_catalog?n=1&last=aa", "").await;
    assert_eq!(rest.json()["repositories"], json!([REPOSITORY]));
}

#[tokio::test]
async fn tags_and_images_are_deleted() {
    let harness = Harness::new().await;
    let (text, digest) = harness.image(REPOSITORY, "one", "a").await;
    harness.put(REPOSITORY, "b", &text).await;
    assert_eq!(harness.call("DELETE", "/v2/team/web/manifests/a", "").await.status, 202);
    assert_eq!(harness.call("DELETE", "/v2/team/web/manifests/a", "").await.code(), "404 MANIFEST_UNKNOWN");
    assert_eq!(harness.call("GET", "/v2/team/web/tags/list", "").await.json()["tags"], json!(["b"]));
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [descriptor("application/vnd.oci.image.manifest.v1+json", text.as_bytes())],
    });
    let index = harness.put(REPOSITORY, "all", &index.to_string()).await;
    assert_eq!(index.status, 201);
    let path = format!("/v2/team/web/manifests/{digest}");
    assert_eq!(harness.call("DELETE", &path, "").await.code(), "403 DENIED", "an index names it");
    let whole = format!("/v2/team/web/manifests/{}", index.header("docker-content-digest"));
    assert_eq!(harness.call("DELETE", &whole, "").await.status, 202);
    assert_eq!(harness.call("DELETE", &path, "").await.status, 202);
    assert_eq!(harness.call("GET", "/v2/team/web/tags/list", "").await.json()["tags"], json!([]));
}

#[tokio::test]
async fn referrers_name_their_subject() {
    let harness = Harness::new().await;
    let (text, digest) = harness.image(REPOSITORY, "one", "v1").await;
    let list = |query: &str| {
        let path = format!("/v2/team/web/referrers/{digest}{query}");
        let harness = &harness;
        async move { harness.call("GET", &path, "").await }
    };
    let none = list("").await;
    assert_eq!((none.status, none.header("content-type")), (200, INDEX));
    assert_eq!(none.json()["manifests"], json!([]));
    harness.blob(REPOSITORY, b"{}").await;
    for kind in ["application/vnd.signature", "application/vnd.sbom"] {
        let artifact = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "artifactType": kind,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"),
            "layers": [descriptor("application/vnd.oci.empty.v1+json", b"{}")],
            "subject": descriptor("application/vnd.oci.image.manifest.v1+json", text.as_bytes()),
            "annotations": { "kind": kind },
        })
        .to_string();
        let put = harness.put(REPOSITORY, &Digest::of(artifact.as_bytes()).to_string(), &artifact).await;
        assert_eq!((put.status, put.header("oci-subject")), (201, digest.as_str()), "{put:?}");
    }
    let all = list("").await.json();
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let filtered = list("?artifactType=application%2Fvnd.sbom").await;
    assert_eq!(filtered.header("oci-filters-applied"), "artifactType");
    let found = &filtered.json()["manifests"];
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(found[0]["artifactType"], "application/vnd.sbom");
    assert_eq!(found[0]["annotations"], json!({ "kind": "application/vnd.sbom" }));
    let first = list("?n=1").await;
    let next = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert_eq!(harness.call("GET", &next, "").await.json()["manifests"].as_array().unwrap().len(), 1);
    assert_eq!(harness.call("GET", "/v2/team/web/referrers/junk", "").await.code(), "400 DIGEST_INVALID");
}
