//! Images by tag and digest.

use std::time::Duration;

use serde_json::{Value, json};
use state_blobs::Digest;

use super::harness::{Harness, manifest};

fn ids(entries: Value) -> Value {
    json!({ "repositoryName": "web", "imageIds": entries })
}

fn put(manifest: &str, tag: &str) -> Value {
    json!({ "repositoryName": "web", "imageManifest": manifest, "imageTag": tag })
}

#[tokio::test]
async fn an_image_is_found_by_tag_and_digest() {
    let harness = Harness::new().await;
    let (manifest, digest) = harness.image("web", "one", Some("v1")).await;
    harness.ok("PutImage", put(&manifest, "latest")).await;
    let wanted = json!([{ "imageTag": "v1" }, { "imageDigest": digest }, { "imageTag": "none" }, {},
        { "imageDigest": "sha256:x" }, { "imageDigest": Digest::of(b"x").to_string(), "imageTag": "v1" }]);
    let output = harness.ok("BatchGetImage", ids(wanted)).await;
    assert_eq!(output["images"][0]["imageId"], json!({ "imageDigest": digest, "imageTag": "v1" }));
    assert_eq!(output["images"][1]["imageId"], json!({ "imageDigest": digest }));
    assert_eq!(output["images"][1]["imageManifest"], json!(manifest));
    let codes: Vec<_> =
        output["failures"].as_array().unwrap().iter().map(|one| &one["failureCode"]).collect();
    assert_eq!(
        codes,
        ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "ImageTagDoesNotMatchDigest"]
    );
    assert_eq!(output["failures"][0]["failureReason"], "Requested image not found");
    let described = harness.ok("DescribeImages", json!({ "repositoryName": "web" })).await;
    let expected = json!([{
        "registryId": "000000000000",
        "repositoryName": "web",
        "imageDigest": digest,
        "imageTags": ["latest", "v1"],
        "imageSizeInBytes": "one".len() + "config of one".len(),
        "imagePushedAt": 1_767_225_600,
        "lastRecordedPullTime": 1_767_225_600,
        "imageManifestMediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactMediaType": "application/vnd.oci.image.config.v1+json",
        "imageStatus": "ACTIVE",
    }]);
    assert_eq!(described["imageDetails"], expected);
    let missing = harness.refused("DescribeImages", ids(json!([{ "imageTag": "none" }]))).await;
    assert_eq!(
        missing,
        "ImageNotFoundException: The image with imageId {imageDigest:'null', imageTag:'none'} does not exist \
         within the repository with name 'web' in the registry with id '000000000000'"
    );
}

#[tokio::test]
async fn putting_again_and_immutable_tags_are_refused() {
    let harness = Harness::new().await;
    let (one, digest) = harness.image("web", "one", Some("v1")).await;
    assert_eq!(
        harness.refused("PutImage", put(&one, "v1")).await,
        format!(
            "ImageAlreadyExistsException: Image with digest '{digest}' and tag 'v1' already exists in the \
             repository with name 'web' in registry with id '000000000000'"
        )
    );
    let (two, _) = harness.image("web", "two", Some("v1")).await;
    let immutable = json!({
        "repositoryName": "web",
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "dev*" }],
    });
    harness.ok("PutImageTagMutability", immutable).await;
    assert_eq!(
        harness.refused("PutImage", put(&one, "v1")).await,
        "ImageTagAlreadyExistsException: The image tag 'v1' already exists in the 'web' repository and \
         cannot be overwritten because the tag is immutable."
    );
    harness.ok("PutImage", put(&two, "dev-1")).await;
    harness.ok("PutImage", put(&one, "dev-1")).await;
    let missing = harness.refused("PutImage", put(&manifest("three"), "v3")).await;
    assert!(missing.starts_with("LayersNotFoundException: Layers with digests '[sha256:"), "{missing}");
    let malformed = harness.refused("PutImage", put("{}", "v3")).await;
    assert!(
        malformed.starts_with("InvalidParameterException: Invalid parameter at 'ImageManifest'"),
        "{malformed}"
    );
    let mut input = put(&one, "v9");
    input["imageDigest"] = json!(Digest::of(b"x").to_string());
    assert!(harness.refused("PutImage", input).await.starts_with("ImageDigestDoesNotMatchException"));
}

#[tokio::test]
async fn listings_have_pages_and_filters() {
    let harness = Harness::new().await;
    let (one, _) = harness.image("web", "one", Some("a")).await;
    for tag in ["b", "c"] {
        harness.ok("PutImage", put(&one, tag)).await;
    }
    harness.image("web", "two", None).await;
    let list = |filter: &str, page: usize| {
        let harness = &harness;
        let filter = json!({ "tagStatus": filter });
        async move {
            let mut all = Vec::new();
            let mut token = Value::Null;
            loop {
                let mut input = json!({ "repositoryName": "web", "filter": filter, "maxResults": page });
                input["nextToken"] = token;
                let output = harness.ok("ListImages", input).await;
                let entries = output["imageIds"].as_array().unwrap().clone();
                assert!(entries.len() <= page);
                all.extend(entries.into_iter().map(|id| id["imageTag"].as_str().unwrap_or("-").to_owned()));
                token = output["nextToken"].clone();
                if token.is_null() {
                    all.sort();
                    return all.join(" ");
                }
            }
        }
    };
    for page in 1..6 {
        assert_eq!(list("ANY", page).await, "- a b c");
    }
    assert_eq!(list("TAGGED", 2).await, "a b c");
    assert_eq!(list("UNTAGGED", 2).await, "-");
}

#[tokio::test]
async fn the_last_tag_takes_its_image_along() {
    let harness = Harness::new().await;
    let (one, digest) = harness.image("web", "one", Some("a")).await;
    harness.ok("PutImage", put(&one, "b")).await;
    let gone =
        harness.ok("BatchDeleteImage", ids(json!([{ "imageTag": "a" }, { "imageTag": "none" }]))).await;
    assert_eq!(gone["imageIds"], json!([{ "imageDigest": digest, "imageTag": "a" }]));
    assert_eq!(gone["failures"][0]["failureCode"], "ImageNotFound");
    harness.ok("BatchDeleteImage", ids(json!([{ "imageTag": "b" }]))).await;
    assert_eq!(harness.ok("ListImages", json!({ "repositoryName": "web" })).await["imageIds"], json!([]));
    for n in 0..230 {
        match n {
            0 => drop(harness.image("web", "one", Some("t0")).await),
            n => drop(harness.ok("PutImage", put(&one, &format!("t{n}"))).await),
        }
    }
    let gone = harness.ok("BatchDeleteImage", ids(json!([{ "imageDigest": digest }]))).await;
    assert_eq!(gone["imageIds"].as_array().unwrap().len(), 230);
    assert_eq!(gone["failures"], json!([]));
    assert_eq!(harness.ok("ListImages", json!({ "repositoryName": "web" })).await["imageIds"], json!([]));
}

#[tokio::test]
async fn an_index_keeps_what_it_names() {
    let harness = Harness::new().await;
    let (child, digest) = harness.image("web", "one", None).await;
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": digest,
            "size": child.len(),
        }],
    });
    let absent = index.to_string().replace(&digest, &Digest::of(b"x").to_string());
    let missing = harness.refused("PutImage", put(&absent, "all")).await;
    assert!(
        missing.starts_with("ReferencedImagesNotFoundException: Images with digests '[sha256:"),
        "{missing}"
    );
    harness.ok("PutImage", put(&index.to_string(), "all")).await;
    let kept = harness.ok("BatchDeleteImage", ids(json!([{ "imageDigest": digest }]))).await;
    assert_eq!(kept["failures"][0]["failureCode"], "ImageReferencedByManifestList");
    harness.ok("BatchDeleteImage", ids(json!([{ "imageTag": "all" }]))).await;
    let gone = harness.ok("BatchDeleteImage", ids(json!([{ "imageDigest": digest }]))).await;
    assert_eq!(gone["failures"], json!([]));
}

#[tokio::test]
async fn a_pull_is_noted_once_a_day() {
    let harness = Harness::new().await;
    let (_, digest) = harness.image("web", "one", None).await;
    let pull = || harness.ok("BatchGetImage", ids(json!([{ "imageDigest": digest }])));
    let noted = async || {
        let output = harness.ok("DescribeImages", json!({ "repositoryName": "web" })).await;
        output["imageDetails"][0]["lastRecordedPullTime"].as_i64()
    };
    assert_eq!(noted().await, None);
    for (hours, expected) in [(0, 0), (23, 0), (2, 25)] {
        harness.advance(Duration::from_hours(hours));
        pull().await;
        assert_eq!(noted().await, Some(1_767_225_600 + expected * 3600));
    }
}
