//! The layer API.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use state_blobs::Digest;

use super::harness::{ACCOUNT, Harness};

#[tokio::test]
async fn parts_must_follow_each_other() {
    let harness = Harness::new().await;
    let upload = harness.ok("InitiateLayerUpload", json!({ "repositoryName": "web" })).await;
    assert_eq!(upload["partSize"], 20 << 20);
    let part = |first: usize, content: &str| {
        json!({
            "repositoryName": "web",
            "uploadId": upload["uploadId"],
            "partFirstByte": first,
            "partLastByte": first + content.len() - 1,
            "layerPartBlob": STANDARD.encode(content),
        })
    };
    let complete = |digest: Digest| {
        let digests = [digest.to_string()];
        json!({ "repositoryName": "web", "uploadId": upload["uploadId"], "layerDigests": digests })
    };
    let empty = harness.refused("CompleteLayerUpload", complete(Digest::of(b""))).await;
    assert!(empty.starts_with("EmptyUploadException"), "{empty}");
    assert_eq!(harness.ok("UploadLayerPart", part(0, "abc")).await["lastByteReceived"], 2);
    let gap = harness.refused("UploadLayerPart", part(5, "def")).await;
    assert!(gap.starts_with("InvalidLayerPartException"), "{gap}");
    harness.ok("UploadLayerPart", part(3, "def")).await;
    let wrong = harness.refused("CompleteLayerUpload", complete(Digest::of(b"abc"))).await;
    assert!(wrong.starts_with("InvalidLayerException"), "{wrong}");
    harness.ok("CompleteLayerUpload", complete(Digest::of(b"abcdef"))).await;
    let ended = harness.refused("UploadLayerPart", part(6, "g")).await;
    assert!(ended.starts_with("UploadNotFoundException: The upload with id '"), "{ended}");
}

#[tokio::test]
async fn a_layer_belongs_to_its_repository() {
    let harness = Harness::new().await;
    harness.ok("CreateRepository", json!({ "repositoryName": "other" })).await;
    let digest = harness.layer("web", "content").await;
    let check = |repository: &str| {
        let input = json!({ "repositoryName": repository, "layerDigests": [digest, "junk"] });
        harness.ok("BatchCheckLayerAvailability", input)
    };
    let here = check("web").await;
    let expected = json!([{ "layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": 7 }]);
    assert_eq!(here["layers"], expected);
    assert_eq!(here["failures"][0]["failureCode"], "InvalidLayerDigest");
    assert_eq!(check("other").await["layers"][0]["layerAvailability"], "UNAVAILABLE");
    let url = json!({ "repositoryName": "web", "layerDigest": digest });
    let url = harness.ok("GetDownloadUrlForLayer", url).await;
    let url = url["downloadUrl"].as_str().expect("text").to_owned();
    let (address, token) = url.split_once("?token=").expect("a token");
    let host = "https://000000000000.dkr.ecr.us-east-1.neargate.internal:4566";
    assert_eq!(address, format!("{host}/v2/web/blobs/{digest}"));
    let bearer = harness.service.keys.open_registry_token(token, harness.now()).expect("it is one of ours");
    assert_eq!(bearer.account(), ACCOUNT);
    let elsewhere = json!({ "repositoryName": "other", "layerDigest": digest });
    let refused = harness.refused("GetDownloadUrlForLayer", elsewhere).await;
    assert!(refused.starts_with("LayersNotFoundException"), "{refused}");
}
