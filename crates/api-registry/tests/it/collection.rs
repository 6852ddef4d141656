//! Garbage collection and lifecycle policies.

use std::time::Duration;

use api_registry::garbage::{Collected, collect};
use api_registry::lifecycle::expire_images;
use state_blobs::Digest;
use state_model::Scope;
use state_model::ecr::repository::{Lifecycle, Repository};
use state_tables::repository_contents as contents;
use stdx::clock::Clock;

use super::harness::{ACCOUNT, Harness, REPOSITORY};

async fn run(harness: &Harness) -> Collected {
    let registry = &harness.registry;
    collect(&registry.state, &registry.blobs, harness.clock.now()).await.expect("the disk is fine")
}

async fn has(harness: &Harness, content: &str) -> bool {
    let path = format!("/v2/team/web/blobs/{}", Digest::of(content.as_bytes()));
    harness.call("GET", &path, "").await.status == 200
}

/// The token of the harness lasts for half a day, collections look at whole ones.
fn later(harness: &mut Harness, hours: u64) {
    harness.clock.advance(Duration::from_hours(hours));
    let root = api_auth::Principal::root(ACCOUNT);
    let random = stdx::random::SystemRandom;
    harness.password =
        harness.registry.keys.issue_registry_token(root, harness.clock.now(), &random).password;
}

#[tokio::test]
async fn only_what_nobody_used_for_a_day_is_collected() {
    let mut harness = Harness::new().await;
    let (_, digest) = harness.image(REPOSITORY, "image", "v1").await;
    harness.blob(REPOSITORY, b"orphan").await;
    harness.blob(REPOSITORY, b"asked for").await;
    let upload = harness.call("POST", "/v2/team/web/blobs/uploads/", "").await;
    assert_eq!(run(&harness).await, Collected::default());
    later(&mut harness, 25);
    let path = format!("/v2/team/web/blobs/{}", Digest::of(b"asked for"));
    assert_eq!(harness.call("HEAD", &path, "").await.status, 200);
    let first = run(&harness).await;
    assert_eq!((first.layers, first.uploads), (1, 1));
    assert_eq!(harness.call("GET", upload.header("location"), "").await.status, 404);
    assert_eq!(run(&harness).await, Collected { blobs: 1, bytes: 6, ..Collected::default() });
    assert!(
        !has(&harness, "orphan").await && has(&harness, "asked for").await && has(&harness, "image").await
    );
    harness.call("DELETE", &format!("/v2/team/web/manifests/{digest}"), "").await;
    later(&mut harness, 25);
    // The layers go first, then their blobs and the manifest's.
    let (layers, blobs) = (run(&harness).await, run(&harness).await);
    assert_eq!((layers.layers, layers.blobs + blobs.blobs), (3, 4));
    assert_eq!(harness.registry.blobs.list().await.unwrap(), []);
}

#[tokio::test]
async fn images_expire_by_their_policy() {
    let mut harness = Harness::new().await;
    for n in 0..4 {
        harness.image(REPOSITORY, &format!("image {n}"), &format!("v{n}")).await;
        harness.clock.advance(Duration::from_secs(60));
    }
    let text = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPrefixList":["v"],
        "countType":"imageCountMoreThan","countNumber":2},"action":{"type":"expire"}}]}"#;
    let scope = Scope::new(ACCOUNT, "us-east-1");
    let state = &harness.registry.state;
    assert_eq!(expire_images(state, harness.clock.now(), &stdx::random::SystemRandom).await.unwrap(), 0);
    let changed: Result<(), _> = state
        .transact(|view, transaction| {
            let row = contents::repository(view, &scope, REPOSITORY).ok_or("it exists")?;
            let lifecycle = Some(Lifecycle { text: text.into(), last_evaluated_at: None });
            transaction.update(row, &Repository { lifecycle, ..Repository::clone(row) });
            Ok::<_, &str>(())
        })
        .await;
    changed.expect("the repository is there");
    assert_eq!(expire_images(state, harness.clock.now(), &stdx::random::SystemRandom).await.unwrap(), 2);
    let view = state.view();
    let row = contents::repository(&view, &scope, REPOSITORY).expect("it exists");
    let evaluated = row.lifecycle.as_ref().and_then(|policy| policy.last_evaluated_at);
    assert_eq!(evaluated, Some(harness.clock.now()));
    later(&mut harness, 0);
    let tags = harness.call("GET", "/v2/team/web/tags/list", "").await;
    assert_eq!(tags.json()["tags"], serde_json::json!(["v2", "v3"]));
}
