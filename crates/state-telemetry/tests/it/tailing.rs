use state_telemetry::logs::{LiveSample, Selector};
use state_telemetry::pattern::Pattern;

use crate::kit::{Kit, NOW, only};

#[tokio::test]
async fn new_events_are_pushed() {
    let kit = Kit::new();
    kit.put("a", &[(NOW, "ERROR before")]).await;
    let mut all = kit.store.tail(Selector::Prefix("a".into()), Pattern::everything());
    let mut errors = kit.store.tail(only("a"), Pattern::parse("ERROR").expect("a pattern"));
    kit.put("b", &[(NOW, "ERROR elsewhere")]).await;
    kit.put("a", &[(NOW, "fine"), (NOW + 1, "ERROR here")]).await;
    kit.put("a2", &[(NOW, "new stream")]).await;
    let mut texts = Vec::new();
    while texts.len() < 3 {
        for event in all.recv().await.expect("the store is open") {
            texts.push((event.stream.to_string(), String::from_utf8_lossy(&event.message).into_owned()));
        }
    }
    let expect = [("a", "fine"), ("a", "ERROR here"), ("a2", "new stream")];
    assert_eq!(texts, expect.map(|(stream, text)| (stream.to_owned(), text.to_owned())));
    let events = errors.recv().await.expect("the store is open");
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].timestamp_ms, events[0].ingestion_ms), (NOW + 1, NOW));
    assert_eq!(events[0].message, b"ERROR here");
    drop(kit.store);
    assert!(all.recv().await.is_none());
}

#[tokio::test]
async fn a_slow_follower_loses_events_and_is_told() {
    let kit = Kit::new();
    let mut tail = kit.store.tail(only("a"), Pattern::everything());
    let message = "t".repeat(500_000);
    for index in 0..30 {
        kit.put("a", &[(NOW + index, &message)]).await;
    }
    let dropped = tail.take_dropped();
    assert!(dropped > 10, "{dropped}");
    let mut received = 0;
    while received + dropped < 30 {
        received += tail.recv().await.expect("the store is open").len() as u64;
    }
    assert_eq!(tail.take_dropped(), 0);
}

#[tokio::test]
async fn an_update_is_sampled() {
    let kit = Kit::new();
    let mut tail = kit.store.tail(only("a"), Pattern::everything());
    let events: Vec<(i64, &str)> = (0..700).map(|index| (NOW - index, "x")).collect();
    kit.put("a", &events).await;
    let mut sample = LiveSample::default();
    sample.add(tail.recv().await.expect("the store is open"));
    let (events, is_sampled) = sample.take();
    assert_eq!((events.len(), is_sampled), (500, true));
    assert!(events.is_sorted_by_key(|event| event.timestamp_ms));
    assert_eq!(sample.take(), (Vec::new(), false));
}
