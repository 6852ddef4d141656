//! Lifecycle policies.

use std::time::Duration;

use serde_json::json;

use super::harness::Harness;

#[tokio::test]
async fn a_policy_is_kept_and_tried_out() {
    let harness = Harness::new().await;
    let web = json!({ "repositoryName": "web" });
    let none = harness.refused("GetLifecyclePolicy", web.clone()).await;
    assert_eq!(
        none,
        "LifecyclePolicyNotFoundException: Lifecycle policy does not exist for the repository with name \
         'web' in the registry with id '000000000000'"
    );
    let put = |text: &str| json!({ "repositoryName": "web", "lifecyclePolicyText": text });
    let refused = harness.refused("PutLifecyclePolicy", put("{}")).await;
    let start = "InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: \
                 'Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy";
    assert!(refused.starts_with(start), "{refused}");
    let policy = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any",
        "countType":"imageCountMoreThan",
        "countNumber":1},"action":{"type":"expire"}}]}"#;
    harness.ok("PutLifecyclePolicy", put(policy)).await;
    assert_eq!(harness.ok("GetLifecyclePolicy", web.clone()).await["lifecyclePolicyText"], policy);
    let (_, old) = harness.image("web", "old", Some("v1")).await;
    harness.advance(Duration::from_secs(60));
    harness.image("web", "new", Some("v2")).await;
    let unstarted = harness.refused("GetLifecyclePolicyPreview", web.clone()).await;
    assert!(unstarted.starts_with("LifecyclePolicyPreviewNotFoundException"), "{unstarted}");
    let started = harness.ok("StartLifecyclePolicyPreview", web.clone()).await;
    assert_eq!(started["status"], "IN_PROGRESS");
    let preview = harness.ok("GetLifecyclePolicyPreview", web.clone()).await;
    assert_eq!(preview["status"], "COMPLETE");
    assert_eq!(preview["summary"], json!({ "expiringImageTotalCount": 1 }));
    let expected = json!([{
        "imageTags": ["v1"],
        "imageDigest": old,
        "imagePushedAt": 1_767_225_600,
        "action": { "type": "EXPIRE" },
        "appliedRulePriority": 1,
    }]);
    assert_eq!(preview["previewResults"], expected);
    harness.ok("DeleteLifecyclePolicy", web.clone()).await;
    harness.refused("DeleteLifecyclePolicy", web).await;
}
