//! Registries that refuse, fail or lie, and what ECS would say of it.

use std::time::Duration;

use node_images::digest::Digest;
use node_images::images::Images;
use node_images::{Auth, Request};
use stdx::clock::SystemClock;
use stdx::random::SystemRandom;
use stdx_net::client::Override;

use crate::build::{Archive, Packing, image, layer, small};
use crate::fake::{Access, Fake, Fault, PASSWORD, USER};
use crate::{ingest, is_root, pull, quick, request, store};

/// Pulls `team/app:v1` and compares the failure; `ADDRESS` stands for the registry.
async fn check(fake: &Fake, expected: &str) {
    let (directory, images) = store();
    let failure = pull(&images, fake, "team/app:v1").await.expect_err("the pull fails").stopped_reason();
    assert_eq!(failure.replace(&fake.address.to_string(), "ADDRESS"), expected);
    assert_eq!(ingest(&directory), 0, "something partial is left");
    let layers = std::fs::read_dir(directory.path().join("layers")).expect("readable").count();
    assert_eq!(layers, 0, "a layer of a failed pull is left");
}

fn authorized(fake: &Fake, password: &str) -> Request {
    let auth = Auth::Basic { username: USER.to_owned(), password: password.to_owned() };
    Request { auth, ..request(&format!("{}/team/app:v1", fake.address)) }
}

#[tokio::test]
async fn an_image_that_does_not_exist() {
    let fake = Fake::start();
    let expected = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
                    resolve ref ADDRESS/team/app:v1: ADDRESS/team/app:v1: not found";
    check(&fake, expected).await;
}

#[tokio::test]
async fn basic_and_token_authorization() {
    if !is_root("basic_and_token_authorization") {
        return;
    }
    for access in [Access::Basic, Access::Token] {
        let fake = Fake::start();
        fake.require(access.clone());
        fake.push("team/app:v1", &small("x"));
        let (_directory, images) = store();
        images.ensure(authorized(&fake, PASSWORD)).await.expect("the password is right");
        fake.log();
        images.ensure(authorized(&fake, PASSWORD)).await.expect("the password is right");
        assert_eq!(fake.log().len(), 1, "the authorization is remembered");
        let failure = images.ensure(authorized(&fake, "wrong")).await.expect_err("the password is wrong");
        let told = failure.stopped_reason();
        assert!(told.contains("pull access denied, repository does not exist or may require auth"), "{told}");
        let anonymous = images.ensure(request(&format!("{}/team/app:v1", fake.address))).await;
        assert_eq!(anonymous.is_ok(), access == Access::Token, "tokens are given to anybody here");
    }
}

#[tokio::test]
async fn anonymous_where_a_password_is_needed() {
    let fake = Fake::start();
    fake.require(Access::Basic);
    fake.push("team/app:v1", &small("x"));
    let expected = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
                    resolve ref ADDRESS/team/app:v1: pull access denied, repository does not exist or may \
                    require authorization: authorization failed: no basic auth credentials";
    check(&fake, expected).await;
}

#[tokio::test]
async fn a_registry_that_recovers() {
    if !is_root("a_registry_that_recovers") {
        return;
    }
    let fake = Fake::start();
    let content: Vec<u8> =
        (0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    let made = image(vec![layer(Archive::default().file("big", &content).finish(), Packing::Gzip)]);
    fake.push("team/app:v1", &made);
    fake.fail("/manifests/", 2, Fault::Status(503));
    fake.fail("/blobs/", 1, Fault::Status(500));
    fake.fail(&made.layers[0].digest.to_string(), 2, Fault::CutAfter(100_000));
    let (_directory, images) = store();
    let found = pull(&images, &fake, "team/app:v1").await.expect("it recovers");
    assert!(std::fs::read(found.layers[0].join("big")).expect("unpacked") == content);

    // Without ranges the blob comes again from its start.
    fake.without_ranges();
    fake.fail(&made.layers[0].digest.to_string(), 1, Fault::CutAfter(50_000));
    let (_directory, images) = store();
    let found = pull(&images, &fake, "team/app:v1").await.expect("it recovers");
    assert!(std::fs::read(found.layers[0].join("big")).expect("unpacked") == content);
}

#[tokio::test]
async fn a_registry_that_stays_broken() {
    let fake = Fake::start();
    fake.push("team/app:v1", &small("x"));
    fake.fail("/manifests/", 100, Fault::Status(500));
    let expected = "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to \
                    resolve ref ADDRESS/team/app:v1: unexpected status from GET request to \
                    http://ADDRESS/v2/team/app/manifests/v1: 500 Internal Server Error - Server message: \
                    unknown: on purpose";
    check(&fake, &expected.replace("retried 1", "retried 4")).await;
}

#[tokio::test]
async fn a_layer_that_can_not_be_had() {
    let fake = Fake::start();
    let made = small("x");
    let digest = made.layers[0].digest;
    fake.push("team/app:v1", &made);
    fake.fail(&digest.to_string(), 100, Fault::Status(404));
    let expected = format!(
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: \
         failed open: unexpected status code http://ADDRESS/v2/team/app/blobs/{digest}: 404 Not Found - \
         Server message: unknown: on purpose"
    );
    check(&fake, &expected).await;
}

#[tokio::test]
async fn content_that_is_not_what_its_digest_says() {
    if !is_root("content_that_is_not_what_its_digest_says") {
        return;
    }
    let made = small("x");
    let digest = made.layers[0].digest;
    let mut tampered = made.layers[0].blob.clone();
    let last = tampered.len() - 20;
    tampered[last] ^= 1;
    let found = Digest::of(&tampered);
    let fake = Fake::start();
    fake.push("team/app:v1", &made);
    fake.fail(&digest.to_string(), 100, Fault::Replace(tampered.into()));
    let expected = format!(
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed commit on ref \
         \"layer-{digest}\": unexpected commit digest {found}, expected {digest}: failed precondition"
    );
    check(&fake, &expected).await;

    let config = Digest::of(&made.config);
    let fake = Fake::start();
    fake.push("team/app:v1", &made);
    fake.fail(&config.to_string(), 100, Fault::Replace("{}".into()));
    let found = Digest::of(b"{}");
    let expected = format!(
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed commit on ref \
         \"config-{config}\": unexpected commit digest {found}, expected {config}: failed precondition"
    );
    check(&fake, &expected).await;
}

#[tokio::test]
async fn a_layer_that_ends_early_or_never() {
    if !is_root("a_layer_that_ends_early_or_never") {
        return;
    }
    let made = small("x");
    let (digest, size) = (made.layers[0].digest, made.layers[0].blob.len());
    for blob in [&made.layers[0].blob[..size - 5], &[made.layers[0].blob.as_slice(), b"more"].concat()] {
        let fake = Fake::start();
        fake.push("team/app:v1", &made);
        fake.fail(&digest.to_string(), 100, Fault::Replace(blob.to_vec().into()));
        let (directory, images) = store();
        let failure =
            pull(&images, &fake, "team/app:v1").await.expect_err("the size differs").stopped_reason();
        assert!(
            failure.contains("unexpected EOF") || failure.contains("unexpected commit size"),
            "{failure}"
        );
        assert_eq!(ingest(&directory), 0);
    }
}

#[tokio::test]
async fn a_layer_whose_content_is_not_that_of_the_config() {
    if !is_root("a_layer_whose_content_is_not_that_of_the_config") {
        return;
    }
    let mut other = layer(Archive::default().file("a", b"1").finish(), Packing::Gzip);
    other.diff_id = Digest::of(b"something else");
    let fake = Fake::start();
    fake.push("team/app:v1", &image(vec![other]));
    let (_directory, images) = store();
    let failure =
        pull(&images, &fake, "team/app:v1").await.expect_err("the diff id differs").stopped_reason();
    assert!(failure.contains("unexpected unpacked digest"), "{failure}");
}

#[tokio::test]
async fn a_pull_rate_limit() {
    if !is_root("a_pull_rate_limit") {
        return;
    }
    let fake = Fake::start();
    fake.push("team/app:v1", &small("x"));
    fake.fail("/manifests/", 1, Fault::RetryAfter(429, 0));
    let (_directory, images) = store();
    pull(&images, &fake, "team/app:v1").await.expect("the wait is short");

    let fake = Fake::start();
    fake.fail("/manifests/", 100, Fault::RetryAfter(429, 3600));
    let failure =
        pull(&images, &fake, "team/app:v1").await.expect_err("the wait is too long").stopped_reason();
    assert!(
        failure.contains("429 Too Many Requests - Server message: toomanyrequests: Too Many"),
        "{failure}"
    );
}

#[tokio::test]
async fn what_can_not_be_run() {
    let config = r#""config":{"digest":"DIGEST","size":2}"#.replace("DIGEST", &Digest::of(b"{}").to_string());
    let layer = format!(
        r#"{{"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar","digest":"{}","size":3}}"#,
        Digest::of(b"abc")
    );
    let fake = Fake::start();
    let document = format!(r#"{{"schemaVersion":2,{config},"layers":[{layer}]}}"#);
    fake.push_document(
        "team/app:v1",
        "application/vnd.docker.distribution.manifest.v2+json",
        document.as_bytes(),
    );
    let (_directory, images) = store();
    let failure = pull(&images, &fake, "team/app:v1").await.expect_err("foreign layers").stopped_reason();
    assert!(failure.contains("non-distributable"), "{failure}");

    fake.push_document("team/app:v1", "text/html", b"<html>");
    let failure = pull(&images, &fake, "team/app:v1").await.expect_err("no manifest").stopped_reason();
    assert!(failure.contains("the manifest is not valid JSON"), "{failure}");
}

#[tokio::test]
async fn ecr_failures_have_their_own_words() {
    let fake = Fake::start();
    fake.require(Access::Basic);
    let address = fake.address;
    let closed =
        std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("an address");
    let mut config = quick();
    config.overrides = Some(std::sync::Arc::new(move |host, _| {
        let address = if host.contains("us-east-1") { address } else { closed };
        host.contains(".dkr.ecr.").then_some(Override { address, tls: false })
    }));
    let directory = tempfile::tempdir().expect("a directory");
    let images = Images::open(directory.path(), config, SystemClock::shared(), SystemRandom::shared());
    let images = images.expect("the store opens");

    let wrong = Auth::Basic { username: String::from("AWS"), password: String::from("wrong") };
    let name = "000000000000.dkr.ecr.us-east-1.amazonaws.com/team/app:v1";
    let failure = images.ensure(Request { auth: wrong.clone(), ..request(name) }).await.expect_err("denied");
    let told = failure.stopped_reason();
    let expected = "CannotPullContainerError: The task can’t pull the image. Check that the role has \
                    the permissions to pull images from the registry. pull image manifest has been retried \
                    1 time(s)";
    assert!(told.starts_with(expected), "{told}");

    let name = "000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/app:v1";
    let failure = images.ensure(Request { auth: wrong, ..request(name) }).await.expect_err("unreachable");
    assert_eq!(
        failure.stopped_reason(),
        format!(
            "CannotPullContainerError: The task cannot pull '{name}' from the Amazon ECR repository \
             '000000000000.dkr.ecr.eu-west-1.amazonaws.com/team/app'. There is a connection issue between \
             the task and Amazon ECR. Check your task network configuration."
        )
    );
}

#[tokio::test]
async fn a_registry_that_is_not_there() {
    let closed =
        std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|it| it.local_addr()).expect("an address");
    let (_directory, images) = store();
    let failure = images.ensure(request(&format!("{closed}/a:b"))).await.expect_err("nobody listens");
    assert_eq!(
        failure.stopped_reason(),
        format!(
            "CannotPullContainerError: pull image manifest has been retried 4 time(s): failed to resolve ref \
             {closed}/a:b: failed to do request: HEAD \"http://{closed}/v2/a/manifests/b\": dial tcp \
             {closed}: connect: connection refused"
        )
    );
}

#[tokio::test]
async fn a_pull_that_is_given_up_leaves_nothing() {
    if !is_root("a_pull_that_is_given_up_leaves_nothing") {
        return;
    }
    let fake = Fake::start();
    let made = small("x");
    fake.push("team/app:v1", &made);
    // Every attempt at the layer breaks off, so the pull is under way until it is dropped.
    fake.fail(&made.layers[0].digest.to_string(), 1_000_000, Fault::RetryAfter(503, 20));
    let (directory, images) = store();
    let outcome = tokio::time::timeout(Duration::from_millis(200), pull(&images, &fake, "team/app:v1")).await;
    assert!(outcome.is_err(), "the layer can't have come");
    while ingest(&directory) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_full_disk_is_told_and_nothing_partial_is_left() {
    if !is_root("a_full_disk_is_told_and_nothing_partial_is_left") {
        return;
    }
    let fake = Fake::start();
    let made = image(vec![layer(Archive::default().file("big", &vec![1; 4 << 20]).finish(), Packing::Gzip)]);
    let digest = made.layers[0].digest;
    fake.push("team/app:v1", &made);
    let directory = tempfile::tempdir().expect("a directory");
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("tmpfs", directory.path(), "tmpfs", flags, c"size=1m").expect("a small file system");
    let images = crate::open(directory.path());
    let outcome = pull(&images, &fake, "team/app:v1").await;
    let left = ingest(&directory);
    drop(images);
    rustix::mount::unmount(directory.path(), rustix::mount::UnmountFlags::DETACH).expect("it is unmounted");
    let failure = outcome.expect_err("it does not fit");
    assert!(failure.is_disk_full());
    let expected = format!(
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer {digest}: \
         big: write: no space left on device: unknown"
    );
    assert_eq!(failure.stopped_reason(), expected);
    assert_eq!(left, 0);
}
