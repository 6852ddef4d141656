//! Repositories and their settings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::harness::{ACCOUNT, Harness};

#[tokio::test]
async fn a_repository_answers_as_on_aws() {
    let harness = Harness::new().await;
    let input = json!({ "repositoryName": "team/app", "tags": [{ "Key": "a", "Value": "b" }] });
    let made = harness.ok("CreateRepository", input.clone()).await;
    let expected = json!({
        "repositoryArn": "arn:aws:ecr:us-east-1:000000000000:repository/team/app",
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": "000000000000.dkr.ecr.us-east-1.neargate.internal:4566/team/app",
        "createdAt": 1_767_225_600,
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": { "scanOnPush": false },
        "encryptionConfiguration": { "encryptionType": "AES256" },
    });
    assert_eq!(made["repository"], expected);
    assert_eq!(
        harness.refused("CreateRepository", input).await,
        "RepositoryAlreadyExistsException: The repository with name 'team/app' already exists in the \
         registry with id '000000000000'"
    );
    let one = harness.ok("DescribeRepositories", json!({ "repositoryNames": ["team/app"] })).await;
    assert_eq!(one["repositories"], json!([expected]));
    let tags = harness.ok("ListTagsForResource", json!({ "resourceArn": expected["repositoryArn"] })).await;
    assert_eq!(tags["tags"], json!([{ "Key": "a", "Value": "b" }]));
    let first = harness.ok("DescribeRepositories", json!({ "maxResults": 1 })).await;
    assert_eq!(first["repositories"][0]["repositoryName"], "team/app");
    let rest = json!({ "maxResults": 1, "nextToken": first["nextToken"] });
    let rest = harness.ok("DescribeRepositories", rest).await;
    assert_eq!(rest["repositories"][0]["repositoryName"], "web");
    assert!(rest.get("nextToken").is_none());
}

#[tokio::test]
async fn what_can_not_be_is_refused() {
    let harness = Harness::new().await;
    let create = |changes: serde_json::Value| {
        let mut input = json!({ "repositoryName": "other" });
        for (name, value) in changes.as_object().expect("changes") {
            input[name] = value.clone();
        }
        harness.refused("CreateRepository", input)
    };
    for changes in [
        json!({ "repositoryName": "Other" }),
        json!({ "repositoryName": "x" }),
        json!({ "imageTagMutability": "SOMETIMES" }),
        json!({ "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION" }),
        json!({ "imageTagMutabilityExclusionFilters": [{ "filterType": "WILDCARD", "filter": "a" }] }),
        json!({ "encryptionConfiguration": { "encryptionType": "KMS" } }),
    ] {
        let text = changes.to_string();
        let refused = create(changes).await;
        assert!(
            refused.starts_with("InvalidParameterException: Invalid parameter at '"),
            "{text}: {refused}"
        );
    }
    let missing = "RepositoryNotFoundException: The repository with name 'none' does not exist in the \
                   registry with id '";
    let names = json!({ "repositoryNames": ["none"] });
    assert_eq!(harness.refused("DescribeRepositories", names).await, format!("{missing}{ACCOUNT}'"));
    let elsewhere = json!({ "repositoryName": "none", "registryId": "111111111111" });
    assert_eq!(harness.refused("ListImages", elsewhere).await, format!("{missing}111111111111'"));
}

#[tokio::test]
async fn a_repository_with_images_is_deleted_only_by_force() {
    let harness = Harness::new().await;
    harness.image("web", "one", Some("v1")).await;
    assert_eq!(
        harness.refused("DeleteRepository", json!({ "repositoryName": "web" })).await,
        "RepositoryNotEmptyException: The repository with name 'web' in registry with id '000000000000' \
         cannot be deleted because it still contains images"
    );
    for n in 0..250 {
        harness.image("web", &format!("content {n}"), Some(&format!("t{n}"))).await;
    }
    harness.ok("DeleteRepository", json!({ "repositoryName": "web", "force": true })).await;
    assert_eq!(harness.ok("DescribeRepositories", json!({})).await["repositories"], json!([]));
    harness.ok("CreateRepository", json!({ "repositoryName": "web" })).await;
    assert_eq!(harness.ok("ListImages", json!({ "repositoryName": "web" })).await["imageIds"], json!([]));
    harness.ok("DeleteRepository", json!({ "repositoryName": "web" })).await;
}

#[tokio::test]
async fn policies_and_settings_are_kept() {
    let harness = Harness::new().await;
    let web = json!({ "repositoryName": "web" });
    let with = |name: &str, value: serde_json::Value| {
        let mut input = web.clone();
        input[name] = value;
        input
    };
    let none = harness.refused("GetRepositoryPolicy", web.clone()).await;
    assert!(
        none.starts_with("RepositoryPolicyNotFoundException: Repository policy does not exist for the"),
        "{none}"
    );
    let refused = harness.refused("SetRepositoryPolicy", with("policyText", json!("{}"))).await;
    assert!(refused.ends_with("'Invalid repository policy provided'"), "{refused}");
    let policy = r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"ecr:*"}]}"#;
    harness.ok("SetRepositoryPolicy", with("policyText", json!(policy))).await;
    assert_eq!(harness.ok("GetRepositoryPolicy", web.clone()).await["policyText"], policy);
    assert_eq!(harness.ok("DeleteRepositoryPolicy", web.clone()).await["policyText"], policy);
    harness.refused("DeleteRepositoryPolicy", web.clone()).await;
    harness.ok("PutImageTagMutability", with("imageTagMutability", json!("IMMUTABLE"))).await;
    let scanning = json!({ "scanOnPush": true });
    harness.ok("PutImageScanningConfiguration", with("imageScanningConfiguration", scanning.clone())).await;
    let shown = harness.ok("DescribeRepositories", json!({})).await;
    assert_eq!(shown["repositories"][0]["imageTagMutability"], "IMMUTABLE");
    assert_eq!(shown["repositories"][0]["imageScanningConfiguration"], scanning);
    let arn = "arn:aws:ecr:us-east-1:000000000000:repository/web";
    let tags =
        json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "1" }, { "Key": "b", "Value": "2" }] });
    harness.ok("TagResource", tags).await;
    harness.ok("UntagResource", json!({ "resourceArn": arn, "tagKeys": ["a"] })).await;
    let left = harness.ok("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(left["tags"], json!([{ "Key": "b", "Value": "2" }]));
    let many: Vec<_> = (0..50).map(|n| json!({ "Key": n.to_string(), "Value": "" })).collect();
    let refused = harness.refused("TagResource", json!({ "resourceArn": arn, "tags": many })).await;
    assert!(refused.starts_with("TooManyTagsException"), "{refused}");
}

#[tokio::test]
async fn the_token_opens_the_registry() {
    let harness = Harness::new().await;
    let output = harness.ok("GetAuthorizationToken", json!({})).await;
    let data = &output["authorizationData"][0];
    assert_eq!(data["proxyEndpoint"], "https://000000000000.dkr.ecr.us-east-1.neargate.internal:4566");
    assert_eq!(data["expiresAt"], json!(1_767_225_600 + 12 * 3600));
    let decoded = STANDARD.decode(data["authorizationToken"].as_str().expect("text")).expect("base64");
    let decoded = String::from_utf8(decoded).expect("text");
    let password = decoded.strip_prefix("AWS:").expect("the user is AWS");
    let opened = harness.service.keys.open_registry_token(password, harness.now());
    assert_eq!(opened, Ok(api_auth::Principal::root(ACCOUNT)));
}
