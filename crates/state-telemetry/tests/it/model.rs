//! Random operations against a model that keeps everything in a list.

use proptest::prelude::*;

use crate::kit::{Kit, NOW, everything, only, text};

#[derive(Clone, Debug)]
enum Step {
    Put { stream: u8, times: Vec<u8> },
    Expire { stream: u8, before: u8 },
    Delete { stream: u8 },
    Collect,
    Reopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..4_u8, prop::collection::vec(0..100_u8, 1..8)).prop_map(|(stream, times)| Step::Put { stream, times }),
        1 => (0..4_u8, 0..100_u8).prop_map(|(stream, before)| Step::Expire { stream, before }),
        1 => (0..4_u8).prop_map(|stream| Step::Delete { stream }),
        1 => Just(Step::Collect),
        1 => Just(Step::Reopen),
    ]
}

#[derive(Default)]
struct Model {
    events: Vec<(u8, i64, String)>,
    floors: std::collections::HashMap<u8, i64>,
    count: usize,
}

impl Model {
    fn put(&mut self, stream: u8, times: &[u8]) -> Vec<(i64, String)> {
        let mut batch = Vec::new();
        for time in times {
            self.count += 1;
            let timestamp = NOW + i64::from(*time);
            let message =
                format!("{} {}", self.count, if self.count.is_multiple_of(3) { "ERROR" } else { "fine" });
            if timestamp >= self.floors.get(&stream).copied().unwrap_or(i64::MIN) {
                self.events.push((stream, timestamp, message.clone()));
            }
            batch.push((timestamp, message));
        }
        batch
    }

    /// In time order, and equal times in the order in which they came.
    fn of(&self, stream: u8) -> Vec<(i64, String)> {
        let mine = self.events.iter().filter(|(known, ..)| *known == stream);
        let mut mine: Vec<_> = mine.map(|(_, timestamp, message)| (*timestamp, message.clone())).collect();
        mine.sort_by_key(|(timestamp, _)| *timestamp);
        mine
    }
}

async fn run(steps: Vec<Step>) {
    let mut kit = Kit::sealing();
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Put { stream, times } => {
                let batch = model.put(stream, &times);
                let batch: Vec<_> =
                    batch.iter().map(|(timestamp, message)| (*timestamp, message.as_str())).collect();
                kit.put(&stream.to_string(), &batch).await;
            }
            Step::Expire { stream, before } => {
                let before = NOW + i64::from(before);
                let exists = kit.store.stats(&stream.to_string()).is_some();
                kit.store.expire(&stream.to_string(), before).await.expect("stored");
                if exists {
                    let floor = model.floors.entry(stream).or_insert(before);
                    *floor = before.max(*floor);
                    model.events.retain(|(known, timestamp, _)| *known != stream || *timestamp >= before);
                }
            }
            Step::Delete { stream } => {
                kit.store.delete_streams(&only(&stream.to_string())).await.expect("stored");
                model.floors.remove(&stream);
                model.events.retain(|(known, ..)| *known != stream);
            }
            Step::Collect => {
                kit.store.collect_garbage().expect("collected");
            }
            Step::Reopen => kit = kit.reopen(),
        }
    }
    check(&kit, &model);
}

fn check(kit: &Kit, model: &Model) {
    for stream in 0..4_u8 {
        assert_eq!(kit.all(&only(&stream.to_string()), ""), model.of(stream));
    }
    let mut expect: Vec<_> =
        model.events.iter().map(|(_, timestamp, message)| (*timestamp, message.clone())).collect();
    expect.sort();
    let errors: Vec<_> = expect.iter().filter(|(_, message)| message.contains("ERROR")).cloned().collect();
    for (pattern, expect) in [("", expect), ("ERROR", errors)] {
        for limit in [3, 10_000] {
            let forward = kit.pages(&everything(), pattern, true, limit);
            let mut backward = kit.pages(&everything(), pattern, false, limit);
            backward.reverse();
            assert_eq!(forward, backward);
            let mut found: Vec<_> = forward.iter().map(|event| (event.timestamp_ms, text(event))).collect();
            assert!(found.is_sorted_by_key(|(timestamp, _)| *timestamp));
            found.sort();
            assert_eq!(found, expect);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_sorted_list(steps in prop::collection::vec(step(), 1..120)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(run(steps));
    }
}
