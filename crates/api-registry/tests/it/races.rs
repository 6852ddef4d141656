//! What happens at the same time.

use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use state_blobs::Digest;
use state_model::Scope;
use state_model::ecr::repository::Repository;
use state_tables::repository_contents::{self as contents, Removal};
use stdx_async::supervisor;

use super::harness::{ACCOUNT, Harness, REPOSITORY, manifest};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_upload_is_resumed() {
    let harness = Harness::new().await;
    let content: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 253) as u8).collect();
    let begun = harness.call("POST", "/v2/team/web/blobs/uploads/", "").await;
    let location = begun.header("location").to_owned();
    let head = format!(
        "PATCH {location} HTTP/1.1\r\nhost: localhost\r\nauthorization: {}\r\ncontent-length: {}\r\n\r\n",
        harness.authorization(),
        content.len()
    );
    let (address, sent) = (harness.address, content[..700_000].to_vec());
    supervisor::blocking(move || {
        let mut connection = TcpStream::connect(address).expect("the server listens");
        connection.write_all(head.as_bytes()).expect("it reads");
        connection.write_all(&sent).expect("it reads");
        connection.shutdown(std::net::Shutdown::Write).expect("it is open");
        // Waits until the server has given the request up.
        let _ = connection.read_to_end(&mut Vec::new());
    })
    .await;
    let received = loop {
        let status = harness.call("GET", &location, "").await;
        if status.status == 204 {
            break status.header("range").strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1;
        }
        assert_eq!(status.code(), "409 BLOB_UPLOAD_INVALID", "only while the former request ends");
    };
    assert!(received <= 700_000, "{received}");
    let rest = content[received..].to_vec();
    let range = format!("{received}-{}", content.len() - 1);
    let headers = [("content-range", range.as_str())];
    assert_eq!(harness.call_with("PATCH", &location, &headers, rest).await.status, 202);
    let digest = Digest::of(&content);
    assert_eq!(harness.call("PUT", &format!("{location}?digest={digest}"), "").await.status, 201);
    assert!(harness.call("GET", &format!("/v2/team/web/blobs/{digest}"), "").await.body == content);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_tag_pushed_by_many_names_one_image() {
    let harness = Arc::new(Harness::new().await);
    let pushes: Vec<_> = (0..16)
        .map(|n| {
            let harness = Arc::clone(&harness);
            supervisor::spawn("push", async move {
                harness.image(REPOSITORY, &format!("image {n}"), "latest").await.1
            })
        })
        .collect();
    let mut digests = Vec::new();
    for push in pushes {
        digests.push(push.await.ok().flatten().expect("the push succeeds"));
    }
    let view = harness.registry.state.view();
    assert_eq!((view.ecr_images.len(), view.ecr_tags.len(), view.ecr_layers.len()), (16, 1, 32));
    let newest = harness.call("HEAD", "/v2/team/web/manifests/latest", "").await;
    assert!(digests.iter().any(|digest| digest == newest.header("docker-content-digest")));
}

/// Deletes the repository again and again while others push to it: nothing of it is left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_comes_into_a_repository_that_goes() {
    let harness = Arc::new(Harness::new().await);
    for round in 0..10 {
        let pushes: Vec<_> = (0..8)
            .map(|n| {
                let harness = Arc::clone(&harness);
                let content = format!("image {round} {n}");
                supervisor::spawn("push", async move { push(&harness, &content).await })
            })
            .collect();
        tokio::task::yield_now().await;
        delete(&harness).await;
        for push in pushes {
            push.await.ok().flatten().expect("a push ends with an answer");
        }
        let view = harness.registry.state.view();
        assert_eq!((view.ecr_images.len(), view.ecr_tags.len(), view.ecr_layers.len()), (0, 0, 0));
        harness.add_repository("us-east-1", REPOSITORY, Default::default()).await;
    }
}

/// As far as it gets.
async fn push(harness: &Harness, content: &str) {
    for part in [content.to_owned(), format!("config of {content}")] {
        let digest = Digest::of(part.as_bytes());
        let path = format!("/v2/{REPOSITORY}/blobs/uploads/?digest={digest}");
        let answer = harness.call("POST", &path, part).await;
        assert!(answer.status == 201 || answer.code() == "404 NAME_UNKNOWN", "{answer:?}");
    }
    let answer = harness.put(REPOSITORY, "latest", &manifest(content)).await;
    assert!(answer.status == 201 || answer.status == 404, "{answer:?}");
}

/// As DeleteRepository does with `force`.
async fn delete(harness: &Harness) {
    let state = &harness.registry.state;
    let key = Scope::new(ACCOUNT, "us-east-1").key(REPOSITORY);
    let marked: Result<(), _> = state
        .transact(|view, transaction| {
            let row = view.ecr_repositories.get(&key).ok_or("it exists")?;
            transaction.update(row, &Repository { is_deleting: true, ..Repository::clone(row) });
            Ok::<_, &str>(())
        })
        .await;
    marked.expect("the repository is there");
    loop {
        let removal = state
            .transact(|view, transaction| {
                let row = view.ecr_repositories.get(&key).ok_or("it exists")?;
                Ok::<_, &str>(contents::remove_repository(view, transaction, row))
            })
            .await;
        if removal.expect("nobody else deletes it") == Removal::Complete {
            return;
        }
    }
}
