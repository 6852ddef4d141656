//! What a pull leaves behind, and what the next one needs.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use node_images::digest::Digest;
use node_images::garbage::Policy;
use node_images::images::Event;
use node_images::manifest::Platform;

use crate::build::{Archive, Packing, image, image_for, layer, small};
use crate::fake::Fake;
use crate::{ingest, is_root, open, pull, request, store};

#[tokio::test]
async fn an_image_is_pulled_once_and_then_asked_for() {
    if !is_root("an_image_is_pulled_once_and_then_asked_for") {
        return;
    }
    let fake = Fake::start();
    let base = || layer(Archive::default().file("base", b"1").finish(), Packing::Zstd);
    let top = layer(Archive::default().file("top", b"2").finish(), Packing::Gzip);
    let digest = fake.push("team/app:v1", &image(vec![base(), top]));
    let (directory, images) = store();
    let first = pull(&images, &fake, "team/app:v1").await.expect("the image is there");
    assert_eq!((first.digest, first.manifest), (digest, digest));
    assert_eq!(first.config.cmd, ["/bin/app"]);
    assert_eq!(first.config.exposed_ports, ["80/tcp"]);
    assert_eq!(std::fs::read(first.layers[0].join("base")).expect("unpacked"), b"1");
    assert_eq!(std::fs::read(first.layers[1].join("top")).expect("unpacked"), b"2");
    assert_eq!(first.timings.layers_fetched, 2);
    assert_eq!(ingest(&directory), 0);
    fake.log();

    // The tag is asked for, a digest is not.
    pull(&images, &fake, "team/app:v1").await.expect("the image is there");
    assert_eq!(fake.log(), ["HEAD /v2/team/app/manifests/v1"]);
    pull(&images, &fake, &format!("team/app@{digest}")).await.expect("the image is there");
    assert!(fake.log().is_empty());

    // The same after a restart, …
    drop(images);
    let images = open(directory.path());
    pull(&images, &fake, "team/app:v1").await.expect("the image is there");
    assert_eq!(fake.log(), ["HEAD /v2/team/app/manifests/v1"]);

    // … and a new image fetches only the layer that is new.
    let other = layer(Archive::default().file("top", b"3").finish(), Packing::Gzip);
    fake.push("team/app:v1", &image(vec![base(), other]));
    let third = pull(&images, &fake, "team/app:v1").await.expect("the image is there");
    assert_eq!(third.timings.layers_fetched, 1);
    assert_eq!(third.layers[0], first.layers[0]);
    assert_eq!(fake.log().len(), 4, "the tag, the manifest, the config and one layer");
}

#[tokio::test]
async fn a_hundred_tasks_share_one_pull() {
    if !is_root("a_hundred_tasks_share_one_pull") {
        return;
    }
    let fake = Fake::start();
    fake.push("team/app:v1", &small("x"));
    let (_directory, images) = store();
    let pulls = (0..100).map(|_| pull(&images, &fake, "team/app:v1"));
    let outcomes = futures_util::future::join_all(pulls).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(fake.log().len(), 4);
}

#[tokio::test]
async fn images_that_share_layers_fetch_them_once() {
    if !is_root("images_that_share_layers_fetch_them_once") {
        return;
    }
    let fake = Fake::start();
    let base = || layer(Archive::default().file("base", &[7; 100_000]).finish(), Packing::Gzip);
    for number in 0..5 {
        let own = layer(Archive::default().file("own", &[number]).finish(), Packing::Gzip);
        fake.push(&format!("team/app:v{number}"), &image(vec![base(), own]));
    }
    let (_directory, images) = store();
    let names: Vec<String> = (0..5).map(|number| format!("team/app:v{number}")).collect();
    let outcomes = futures_util::future::join_all(names.iter().map(|name| pull(&images, &fake, name))).await;
    assert!(outcomes.iter().all(Result::is_ok));
    let shared = base().digest.to_string();
    assert_eq!(fake.log().iter().filter(|line| line.ends_with(&shared)).count(), 1);
}

#[tokio::test]
async fn an_index_leads_to_the_platform() {
    if !is_root("an_index_leads_to_the_platform") {
        return;
    }
    let fake = Fake::start();
    let make = |architecture: &str| {
        let content = Archive::default().file("which", architecture.as_bytes()).finish();
        image_for(architecture, vec![layer(content, Packing::Gzip)])
    };
    let manifests: Vec<_> = ["arm64", "amd64"]
        .iter()
        .map(|architecture| {
            let made = make(architecture);
            let digest = fake.push("team/app:unused", &made);
            serde_json::json!({"digest": digest.to_string(), "size": made.manifest.len(), 
                               "mediaType": made.media_type,
                               "platform": {"os": "linux", "architecture": architecture}})
        })
        .collect();
    let media_type = "application/vnd.oci.image.index.v1+json";
    let index = serde_json::json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests});
    let digest = fake.push_document("team/app:multi", media_type, index.to_string().as_bytes());
    let (_directory, images) = store();
    for architecture in ["amd64", "arm64"] {
        let mut wanted = request(&format!("{}/team/app:multi", fake.address));
        wanted.platform = Platform::new(architecture);
        let found = images.ensure(wanted).await.expect("the image is there");
        assert_eq!(found.digest, digest);
        assert_ne!(found.manifest, digest);
        assert_eq!(std::fs::read_to_string(found.layers[0].join("which")).expect("unpacked"), architecture);
    }
    let mut wanted = request(&format!("{}/team/app:multi", fake.address));
    wanted.platform = Platform::new("s390x");
    let failure = images.ensure(wanted).await.expect_err("no such platform").stopped_reason();
    assert_eq!(
        failure,
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): image Manifest does not \
         contain descriptor matching platform 'linux/s390x'"
    );
}

#[tokio::test]
async fn garbage_goes_and_what_is_needed_stays() {
    if !is_root("garbage_goes_and_what_is_needed_stays") {
        return;
    }
    let fake = Fake::start();
    let (directory, images) = store();
    let base = || layer(Archive::default().file("base", b"shared").finish(), Packing::Gzip);
    for name in ["leased", "held", "unused"] {
        let own = layer(Archive::default().file("own", name.as_bytes()).finish(), Packing::Gzip);
        fake.push(&format!("team/app:{name}"), &image(vec![base(), own]));
    }
    let mut wanted = request(&format!("{}/team/app:leased", fake.address));
    wanted.lease = Some(String::from("task-1"));
    let leased = images.ensure(wanted).await.expect("the image is there").image;
    let held = pull(&images, &fake, "team/app:held").await.expect("the image is there");
    let unused = pull(&images, &fake, "team/app:unused").await.expect("the image is there").image;

    let keep_all = Policy { high_percent: 100, low_percent: 100, unused_max: Duration::from_secs(3600) };
    assert_eq!(images.collect_garbage(keep_all).await.expect("it runs").images, 0);

    let drop_all = Policy { unused_max: Duration::ZERO, ..keep_all };
    std::thread::sleep(Duration::from_millis(2));
    let collected = images.collect_garbage(drop_all).await.expect("it runs");
    assert_eq!((collected.images, collected.layers), (1, 1));
    assert!(!unused.layers[1].exists() && unused.layers[0].exists());

    // After a restart only the lease counts.
    drop((held, images));
    let images = open(directory.path());
    assert_eq!(
        images.leases().await.expect("readable")["task-1"].iter().collect::<Vec<_>>(),
        [&leased.manifest]
    );
    let collected = images.collect_garbage(drop_all).await.expect("it runs");
    assert_eq!((collected.images, collected.layers), (1, 1));
    assert!(leased.layers.iter().all(|layer| layer.exists()));

    images.release("task-1").await.expect("it ends");
    let collected = images.collect_garbage(drop_all).await.expect("it runs");
    assert_eq!((collected.images, collected.layers), (1, 2));
    let blobs = std::fs::read_dir(directory.path().join("blobs/sha256")).expect("readable").count();
    assert_eq!(blobs, 0);
    pull(&images, &fake, "team/app:leased").await.expect("it can be pulled again");
}

#[tokio::test]
async fn disk_use_above_the_mark_drops_the_longest_unused() {
    if !is_root("disk_use_above_the_mark_drops_the_longest_unused") {
        return;
    }
    let fake = Fake::start();
    fake.push("team/app:v1", &small("x"));
    let (_directory, images) = store();
    pull(&images, &fake, "team/app:v1").await.expect("the image is there");
    let full = Policy { high_percent: 0, low_percent: 0, unused_max: Duration::from_secs(3600) };
    assert_eq!(images.collect_garbage(full).await.expect("it runs").images, 1);
}

#[tokio::test]
async fn leftovers_and_unsynced_layers_of_another_boot_go_at_the_start() {
    if !is_root("leftovers_and_unsynced_layers_of_another_boot_go_at_the_start") {
        return;
    }
    let fake = Fake::start();
    fake.push("team/app:v1", &small("x"));
    let (directory, images) = store();
    let found = pull(&images, &fake, "team/app:v1").await.expect("the image is there").image;
    drop(images);
    let leftover = directory.path().join("ingest/dead/fs");
    std::fs::create_dir_all(&leftover).expect("writable");
    let note = found.layers[0].with_file_name("layer.json");
    let diff_id = Digest::of(b"any");
    let record =
        format!(r#"{{"diff_id":"{diff_id}","bytes":1,"entries":1,"unsynced_since_boot":"an earlier one"}}"#);
    std::fs::write(&note, record).expect("writable");
    let images = open(directory.path());
    assert!(!leftover.exists() && !found.layers[0].exists());
    pull(&images, &fake, "team/app:v1").await.expect("it is pulled again");
    assert!(found.layers[0].join("file").exists());
}

#[tokio::test]
async fn progress_is_told() {
    if !is_root("progress_is_told") {
        return;
    }
    let fake = Fake::start();
    let made = small("x");
    let size = made.layers[0].blob.len() as u64;
    let digest = made.layers[0].digest;
    let manifest = fake.push("team/app:v1", &made);
    let (_directory, images) = store();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let mut wanted = request(&format!("{}/team/app:v1", fake.address));
    let sink = seen.clone();
    wanted.progress = Some(Arc::new(move |event| sink.lock().expect("not poisoned").push(event)));
    images.ensure(wanted).await.expect("the image is there");
    let expected = [
        Event::Resolved { digest: manifest },
        Event::LayerStarted { digest, bytes: size },
        Event::LayerBytes { digest, bytes: size },
        Event::LayerDone { digest },
    ];
    assert_eq!(*seen.lock().expect("not poisoned"), expected);
}
