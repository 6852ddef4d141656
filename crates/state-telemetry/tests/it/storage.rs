use state_telemetry::logs::{Append, AppendError, Batch, Config, LogStore, OpenError, SourcePosition};
use state_telemetry::pattern::Pattern;

use crate::kit::{self, Kit, NOW, append, everything, only};

#[tokio::test]
async fn events_come_back_after_reopening() {
    let mut kit = Kit::new();
    for _ in 0..3 {
        kit.put("a", &[(NOW, "one"), (NOW + 1, "two")]).await;
        kit.put("b", &[(NOW, "ü\0\n")]).await;
        kit = kit.reopen();
    }
    assert_eq!(kit.all(&only("a"), "").len(), 6);
    assert_eq!(kit.all(&only("b"), ""), vec![(NOW, "ü\0\n".to_owned()); 3]);
    let stats = kit.store.stats("a").expect("the stream is there");
    assert_eq!(stats.event_count, 6);
    assert_eq!(stats.stored_bytes, 3 * (6 + 52));
    assert_eq!((stats.first_event_ms, stats.last_event_ms), (Some(NOW), Some(NOW + 1)));
    assert_eq!(stats.last_ingestion_ms, Some(NOW));
    assert_eq!(kit.store.stats("c"), None);
}

#[tokio::test]
async fn a_source_is_stored_exactly_once() {
    let mut kit = Kit::sealing();
    assert_eq!(kit.store.last_position("spool"), None);
    for round in 1..=40_u64 {
        let line = format!("line {round} {}", "x".repeat(100));
        for is_duplicate in [false, true] {
            let events = [(NOW, line.as_str())];
            let ack = append(&kit.store, Some(("spool", round)), &[("a", &events), ("b", &events)]).await;
            assert_eq!(ack.map(|ack| ack.is_duplicate), Ok(is_duplicate));
        }
        if round % 10 == 0 {
            kit = kit.reopen();
        }
        assert_eq!(kit.store.last_position("spool"), Some(SourcePosition { segment: 0, offset: round }));
    }
    assert_eq!(kit.all(&only("a"), "").len(), 40);
    assert_eq!(kit.all(&only("b"), "").len(), 40);
    // With two sources one of them may be read already.
    let sources = [("spool", 40), ("other", 7)]
        .map(|(key, offset)| (key.into(), SourcePosition { segment: 0, offset }));
    let append_both = || kit.store.append(Append { sources: sources.to_vec(), batches: Vec::new() });
    assert_eq!(append_both().await.map(|ack| ack.is_duplicate), Ok(false));
    assert_eq!(append_both().await.map(|ack| ack.is_duplicate), Ok(true));
    // A position without events counts too, and a forgotten source begins anew.
    append(&kit.store, Some(("spool", 99)), &[]).await.expect("stored");
    kit = kit.reopen();
    assert_eq!(kit.store.last_position("spool").map(|position| position.offset), Some(99));
    kit.store.forget_source("spool").await.expect("stored");
    append(&kit.store, Some(("spool", 1)), &[]).await.expect("stored");
    kit = kit.reopen();
    assert_eq!(kit.store.last_position("spool").map(|position| position.offset), Some(1));
}

#[tokio::test]
async fn full_journals_become_segments() {
    let mut kit = Kit::sealing();
    let mut expect = Vec::new();
    for index in 0..200_i64 {
        // Every fifth event is late.
        let timestamp = NOW + index - if index % 5 == 0 { 50 } else { 0 };
        let message = format!("message {index}");
        kit.put(if index % 2 == 0 { "even" } else { "odd" }, &[(timestamp, &message)]).await;
        expect.push((timestamp, message));
    }
    expect.sort();
    for _ in 0..2 {
        let mut found = kit.all(&everything(), "");
        assert!(found.is_sorted_by_key(|(timestamp, _)| *timestamp));
        found.sort();
        assert_eq!(found, expect);
        kit = kit.reopen();
    }
    kit::wait_for("the journals to be sealed", || kit.files("journal-") == 1);
    assert!(kit.files("segment-") > 3);
    let before = kit.store.stats("even");
    let segments = kit.files("segment-");
    kit.store.collect_garbage().expect("collected");
    assert!(kit.files("segment-") < segments);
    assert_eq!(kit.store.stats("even"), before);
    let kit = kit.reopen();
    let mut found = kit.all(&everything(), "");
    found.sort();
    assert_eq!(found, expect);
}

#[tokio::test]
async fn a_large_batch_is_cut_into_blocks() {
    let kit = Kit::new();
    let message = "y".repeat(100_000);
    let mut batch = Batch::new();
    for index in (0..50).rev() {
        // Far apart, so that 32 bits don't hold the difference.
        assert!(batch.push(NOW + index * 1_000_000_000, message.as_bytes()));
    }
    assert!(!batch.push(NOW, &vec![0; 3 << 20]));
    assert_eq!((batch.len(), batch.bytes(), batch.is_empty()), (50, 5_000_000, false));
    kit.store
        .append(Append { sources: Vec::new(), batches: vec![("a".into(), batch)] })
        .await
        .expect("stored");
    let found = kit.all(&only("a"), "");
    assert_eq!(found.len(), 50);
    assert!(found.is_sorted_by_key(|(timestamp, _)| *timestamp));
    let kit = kit.reopen();
    assert_eq!(kit.all(&only("a"), "").len(), 50);
}

#[tokio::test]
async fn a_folder_has_one_store() {
    let kit = Kit::new();
    let second = LogStore::open(kit.dir.path(), Config::default(), kit.clock.clone());
    assert!(matches!(second, Err(OpenError::InUse { .. })));
}

#[tokio::test]
async fn keys_have_a_limit() {
    let kit = Kit::new();
    let key = "k".repeat(3000);
    let refused = append(&kit.store, None, &[(&key, &[(NOW, "x")])]).await;
    assert_eq!(refused.err(), Some(AppendError::KeyTooLong { length: 3000 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_reads_go_on_together() {
    let kit = Kit::with(Config { journal_bytes_max: 50_000, ..Config::default() });
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let store = kit.store.clone();
            async move {
                for index in 0..300_i64 {
                    let stream = format!("stream {writer}");
                    let message = format!("{index} {}", "z".repeat(200));
                    append(&store, None, &[(&stream, &[(NOW + index, &message)])]).await.expect("stored");
                }
            }
        })
        .collect();
    let reader = std::thread::spawn({
        let store = kit.store.clone();
        move || {
            let mut last = 0;
            while last < 1200 {
                let request = state_telemetry::logs::Filter {
                    selector: everything(),
                    start_ms: None,
                    end_ms: None,
                    pattern: Pattern::everything(),
                    from_head: true,
                    limit: 10_000,
                    cursor: None,
                };
                let events = store.filter(&request).expect("a page").events;
                assert!(events.len() >= last, "acknowledged events stay");
                last = events.len();
            }
        }
    });
    let [a, b, c, d] = writers.try_into().unwrap_or_else(|_| panic!("four writers"));
    tokio::join!(a, b, c, d);
    reader.join().expect("the reader saw everything");
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let mount = tempfile::tempdir().expect("a folder");
    let path = mount.path().to_str().expect("a plain path");
    let run = |command: &str, arguments: &[&str]| {
        std::process::Command::new(command).args(arguments).status().is_ok_and(|status| status.success())
    };
    if !run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs", path]) {
        println!("skipped: mounting a small disk needs root");
        return;
    }
    let outcome = {
        let clock = stdx::clock::FakeClock::at(stdx::clock::Timestamp(NOW));
        let store = kit::open(mount.path(), Config::default(), &clock);
        let line = "d".repeat(50_000);
        let mut stored = 0;
        let refusal = loop {
            match append(&store, Some(("spool", stored + 1)), &[("a", &[(NOW, &line)])]).await {
                Ok(_) => stored += 1,
                Err(error) => break error,
            }
            if stored > 100 {
                break AppendError::Stopped;
            }
        };
        // A small one still fits, after the refused one was taken back.
        let small = append(&store, Some(("spool", stored + 1)), &[("a", &[(NOW, "small")])]).await;
        drop(store);
        let store = kit::open(mount.path(), Config::default(), &clock);
        let count = store.stats("a").map(|stats| stats.event_count);
        let position = store.last_position("spool").map(|position| position.offset);
        (refusal, small.is_ok(), stored + 1, count, position)
    };
    assert!(run("umount", &[path]));
    let (refusal, small, stored, count, position) = outcome;
    assert_eq!(refusal, AppendError::DiskFull);
    assert!(small);
    assert_eq!((count, position), (Some(stored), Some(stored)));
}
