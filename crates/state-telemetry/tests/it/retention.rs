use state_telemetry::logs::Selector;

use crate::kit::{Kit, NOW, append, everything, only, wait_for};

async fn filled() -> Kit {
    let kit = Kit::sealing();
    for index in 0..100 {
        let message = format!("{index} {}", "r".repeat(100));
        kit.put(if index % 2 == 0 { "even" } else { "odd" }, &[(NOW + index, &message)]).await;
    }
    kit
}

#[tokio::test]
async fn expired_events_are_gone_at_once() {
    let mut kit = filled().await;
    kit.store.expire("even", NOW + 50).await.expect("stored");
    for _ in 0..2 {
        assert_eq!(kit.all(&only("even"), "").len(), 25);
        assert_eq!(kit.all(&only("odd"), "").len(), 50);
        assert_eq!(kit.store.stats("even").and_then(|stats| stats.first_event_ms), Some(NOW + 50));
        kit = kit.reopen();
    }
    kit.store.expire_all(&everything(), NOW + 90).await.expect("stored");
    assert_eq!(kit.all(&everything(), "").len(), 10);
    wait_for("the journals to be sealed", || kit.files("journal-") == 1);
    let before = kit.files("segment-");
    let garbage = kit.store.collect_garbage().expect("collected");
    assert!(garbage.segments_removed > 0 && garbage.bytes_freed > 0, "{garbage:?}");
    assert!(kit.files("segment-") < before);
    let kit = kit.reopen();
    assert_eq!(kit.all(&everything(), "").len(), 10);
}

#[tokio::test]
async fn a_deleted_stream_begins_anew() {
    let mut kit = filled().await;
    let bytes = kit.store.stored_bytes(&everything());
    kit.store.delete_streams(&only("odd")).await.expect("stored");
    assert_eq!(kit.store.stats("odd"), None);
    assert!(kit.store.stored_bytes(&everything()) < bytes);
    kit.put("odd", &[(NOW, "new")]).await;
    for _ in 0..2 {
        assert_eq!(kit.all(&only("odd"), ""), vec![(NOW, "new".to_owned())]);
        assert_eq!(kit.all(&everything(), "").len(), 51);
        kit = kit.reopen();
    }
    kit.store.delete_streams(&Selector::Prefix(String::new())).await.expect("stored");
    wait_for("everything to go away", || {
        kit.store.collect_garbage().expect("collected");
        kit.files("segment-") == 0
    });
    let kit = kit.reopen();
    assert_eq!(kit.all(&everything(), ""), Vec::new());
    kit.put("odd", &[(NOW, "again")]).await;
    assert_eq!(kit.all(&everything(), "").len(), 1);
}

#[tokio::test]
async fn a_cleared_store_is_empty() {
    let mut kit = filled().await;
    append(&kit.store, Some(("spool", 7)), &[("even", &[(NOW, "x")])]).await.expect("stored");
    kit.store.clear().await.expect("stored");
    for _ in 0..2 {
        assert_eq!(kit.all(&everything(), ""), Vec::new());
        assert_eq!((kit.store.last_position("spool"), kit.store.stats("even")), (None, None));
        kit = kit.reopen();
    }
    append(&kit.store, Some(("spool", 1)), &[("even", &[(NOW, "y")])]).await.expect("stored");
    assert_eq!(kit.all(&everything(), ""), vec![(NOW, "y".to_owned())]);
}
