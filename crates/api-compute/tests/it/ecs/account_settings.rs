//! Account settings.

use serde_json::json;

use super::harness::Harness;

#[tokio::test]
async fn choices_hold_and_are_taken_back() {
    let harness = Harness::new().await;
    let root = "arn:aws:iam::000000000000:root";
    let setting =
        json!({ "name": "containerInsights", "value": "enabled", "principalArn": root, "type": "user" });
    let input = json!({ "name": "containerInsights", "value": "enabled" });
    assert_eq!(harness.ok("PutAccountSettingDefault", input).await["setting"], setting);
    let chosen = harness.ok("ListAccountSettings", json!({})).await;
    assert_eq!(chosen["settings"], json!([setting]));
    let created = harness.ok("CreateCluster", json!({ "clusterName": "web" })).await;
    assert_eq!(created["cluster"]["settings"], json!([{ "name": "containerInsights", "value": "enabled" }]));
    let effective = harness.ok("ListAccountSettings", json!({ "effectiveSettings": true })).await;
    assert_eq!(effective["settings"].as_array().map(Vec::len), Some(12));
    let deleted = harness.ok("DeleteAccountSetting", json!({ "name": "containerInsights" })).await;
    assert_eq!(deleted["setting"], setting);
    assert_eq!(harness.ok("ListAccountSettings", json!({})).await["settings"], json!([]));
}

#[tokio::test]
async fn a_principal_may_differ_from_the_account() {
    let harness = Harness::new().await;
    let user = "arn:aws:iam::000000000000:user/ann";
    harness
        .ok(
            "PutAccountSetting",
            json!({ "name": "defaultLogDriverMode", "value": "blocking", "principalArn": user }),
        )
        .await;
    let effective = |principal: &str| {
        json!({ "name": "defaultLogDriverMode", "principalArn": principal,
    "effectiveSettings": true })
    };
    let of = |output: serde_json::Value| output["settings"][0]["value"].clone();
    assert_eq!(of(harness.ok("ListAccountSettings", effective(user)).await), "blocking");
    let other = "arn:aws:iam::000000000000:user/bob";
    assert_eq!(of(harness.ok("ListAccountSettings", effective(other)).await), "non-blocking");
}

#[tokio::test]
async fn wrong_names_and_values_are_refused() {
    let harness = Harness::new().await;
    for (name, value) in [
        ("colour", "blue"),
        ("containerInsights", "sometimes"),
        ("taskLongArnFormat", "disabled"),
        ("guardDutyActivate", "on"),
        ("fargateTaskRetirementWaitPeriod", "8"),
    ] {
        let refused = harness.refused("PutAccountSetting", json!({ "name": name, "value": value })).await;
        assert_eq!(refused.0, "InvalidParameterException", "{name}");
    }
}
