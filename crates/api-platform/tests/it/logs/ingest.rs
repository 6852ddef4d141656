use std::collections::BTreeMap;
use std::sync::Arc;

use api_platform::logs::ingest::{Ingest, SpoolBatch, SpoolLine, StreamTarget, prepare_stream};
use state_model::Scope;
use state_telemetry::assemble::AssembleOptions;
use state_telemetry::logs::{Filter, Selector};
use state_telemetry::pattern::Pattern;
use stdx::clock::Timestamp;

use super::Kit;
use crate::harness::{ACCOUNT, refused};

fn target(stream: &str, multiline: Option<&str>) -> StreamTarget {
    StreamTarget {
        scope: Scope::new(ACCOUNT, "us-east-1"),
        group: "/ecs/web".into(),
        stream: stream.into(),
        create_group: false,
        options: AssembleOptions { datetime_format: None, multiline_pattern: multiline.map(String::from) },
    }
}

/// Container 0 joins lines, container 1 does not.
fn targets() -> BTreeMap<usize, StreamTarget> {
    BTreeMap::from([(0, target("joined", Some("^BEGIN"))), (1, target("plain", None))])
}

/// A spool of ten bytes per line.
fn spool() -> Vec<(usize, String)> {
    let line = |index: usize| match index % 4 {
        0 if index.is_multiple_of(8) => (0, format!("BEGIN {index}")),
        0 | 2 => (0, format!("more {index}")),
        _ => (1, format!("plain {index}")),
    };
    (0..40).map(line).collect()
}

fn batch(spool: &[(usize, String)], from: u64, to: u64, is_last: bool, at: Timestamp) -> SpoolBatch<'_> {
    let lines = spool.iter().zip(1..).map(|((target, text), number)| SpoolLine {
        target: *target,
        at,
        bytes: text.as_bytes(),
        end: number * 10,
    });
    SpoolBatch { lines: lines.filter(|line| line.end > from && line.end <= to).collect(), end: to, is_last }
}

fn stored(kit: &Kit) -> Vec<String> {
    let request = Filter {
        selector: Selector::Prefix(String::new()),
        start_ms: None,
        end_ms: None,
        pattern: Pattern::everything(),
        from_head: true,
        limit: 10_000,
        cursor: None,
    };
    let page = kit.service.store.filter(&request).expect("a page");
    let mut texts: Vec<_> =
        page.events.iter().map(|event| String::from_utf8_lossy(&event.message).into_owned()).collect();
    texts.sort();
    texts
}

fn expected() -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut joined: Vec<String> = Vec::new();
    for (target, text) in spool() {
        if target == 1 {
            texts.push(text);
        } else if text.starts_with("BEGIN") {
            joined.push(format!("{text}\n"));
        } else if let Some(last) = joined.last_mut() {
            last.push_str(&format!("{text}\n"));
        }
    }
    texts.extend(joined);
    texts.sort();
    texts
}

#[tokio::test]
async fn lines_become_events_exactly_once_whatever_restarts() {
    for step in [10, 20, 30, 70, 110, 400] {
        let kit = Kit::filled().await;
        let now = kit.harness.now;
        for target in targets().values() {
            prepare_stream(&kit.harness.state, &kit.service.store, target, now).await.expect("prepared");
        }
        let spool = spool();
        let new = || {
            Ingest::new(
                Arc::clone(&kit.harness.state),
                kit.service.store.clone(),
                Arc::clone(&kit.service.metrics),
            )
        };
        let mut ingest = new();
        let mut read = 0;
        let mut round = 0;
        while read < 400 {
            round += 1;
            let end = (read + step).min(400);
            let taken = ingest.append("task", &targets(), batch(&spool, read, end, false, now), now).await;
            let taken = taken.expect("taken");
            assert_eq!(ingest.position("task"), taken.durable);
            assert!(taken.durable <= end);
            read = end;
            if round % 2 == 0 {
                // The server is gone with everything it did not store; the agent begins where the store ends.
                ingest = new();
                read = ingest.position("task");
                if step < 110 {
                    let end = (read + 5 * step + 90).min(400);
                    ingest
                        .append("task", &targets(), batch(&spool, read, end, false, now), now)
                        .await
                        .expect("taken");
                    read = end;
                }
            } else if round % 3 == 0 {
                // Only the agent is gone: it repeats what it believes is not stored.
                read = taken.durable;
            }
        }
        let last = SpoolBatch { lines: Vec::new(), end: 400, is_last: true };
        let taken = ingest.append("task", &targets(), last, now).await.expect("taken");
        assert_eq!((taken.durable, taken.flush_at), (400, None));
        assert_eq!(stored(&kit), expected(), "in steps of {step}");
        ingest.forget("task", [0, 1]).await.expect("forgotten");
        assert_eq!(ingest.position("task"), 0);
    }
}

#[tokio::test]
async fn an_unfinished_event_is_flushed_when_due() {
    let kit = Kit::filled().await;
    let now = kit.harness.now;
    let ingest = Ingest::new(
        Arc::clone(&kit.harness.state),
        kit.service.store.clone(),
        Arc::clone(&kit.service.metrics),
    );
    let spool = vec![(0, "BEGIN".to_owned())];
    let taken =
        ingest.append("task", &targets(), batch(&spool, 0, 10, false, now), now).await.expect("taken");
    let due = now.plus(std::time::Duration::from_secs(5));
    assert_eq!((taken.durable, taken.flush_at), (0, Some(due)));
    let empty = SpoolBatch { lines: Vec::new(), end: 10, is_last: false };
    let taken = ingest.append("task", &targets(), empty, due).await.expect("taken");
    assert_eq!((taken.durable, taken.flush_at), (10, None));
    assert_eq!(stored(&kit), ["BEGIN\n"]);
}

#[tokio::test]
async fn streams_are_prepared() {
    let kit = Kit::new().await;
    let now = kit.harness.now;
    let prepare = async |target: &StreamTarget| {
        prepare_stream(&kit.harness.state, &kit.service.store, target, now).await
    };
    let plain = target("s", None);
    refused(prepare(&plain).await, "ResourceNotFoundException", "The specified log group does not exist.");
    let creating = StreamTarget { create_group: true, ..plain.clone() };
    prepare(&creating).await.expect("prepared");
    prepare(&creating).await.expect("prepared again");
    prepare(&plain).await.expect("there is a group now");
    let mut broken = target("s", Some("("));
    assert!(prepare(&broken).await.is_err());
    broken.options.datetime_format = Some("%Y".into());
    let both = "you cannot configure log opt 'awslogs-datetime-format' and 'awslogs-multiline-pattern' at the same \
                time";
    refused(prepare(&broken).await, "InvalidParameterException", both);
}

#[tokio::test]
async fn a_deleted_stream_begins_anew_and_a_deleted_group_ends() {
    let kit = Kit::filled().await;
    let now = kit.harness.now;
    let ingest = Ingest::new(
        Arc::clone(&kit.harness.state),
        kit.service.store.clone(),
        Arc::clone(&kit.service.metrics),
    );
    let only_plain = BTreeMap::from([(1, target("plain", None))]);
    let spool = spool();
    // The stream was never made: it is now.
    ingest.append("task", &only_plain, batch(&spool, 0, 20, false, now), now).await.expect("taken");
    assert_eq!(stored(&kit).len(), 1);
    let delete =
        wire_shapes_platform::logs::DeleteLogGroupRequest { log_group_name: Some("/ecs/web".into()) };
    api_platform::logs::delete_log_group::delete_log_group(kit.context(), delete).await.expect("deleted");
    let taken =
        ingest.append("task", &only_plain, batch(&spool, 20, 40, false, now), now).await.expect("taken");
    assert_eq!(taken.durable, 40);
    assert_eq!(stored(&kit), Vec::<String>::new());
}
