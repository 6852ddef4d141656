use std::pin::pin;

use api_platform::logs::start_live_tail;
use futures_util::StreamExt;
use wire_shapes_platform::logs;

use super::Kit;

fn tail(group: &str) -> logs::StartLiveTailRequest {
    logs::StartLiveTailRequest { log_group_identifiers: Some(vec![group.into()]), ..Default::default() }
}

#[tokio::test]
async fn a_session_starts_and_updates() {
    let kit = Kit::filled().await;
    let input = logs::StartLiveTailRequest {
        log_event_filter_pattern: Some("ERROR".into()),
        ..tail("arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web")
    };
    let (_, events) = start_live_tail::start_live_tail(kit.context(), input).await.expect("a session");
    let mut events = pin!(events);
    let start = events.next().await.expect("an event").expect("no error").session_start.expect("the start");
    assert_eq!(start.log_event_filter_pattern.as_deref(), Some("ERROR"));
    assert!(start.session_id.is_some());
    kit.put("a", &[(kit.now(), "ERROR one"), (kit.now() + 1, "fine")]).await;
    kit.put("b", &[(kit.now() + 2, "ERROR two")]).await;
    let mut texts = Vec::new();
    while texts.len() < 2 {
        let update =
            events.next().await.expect("an event").expect("no error").session_update.expect("an update");
        assert_eq!(update.session_metadata.and_then(|metadata| metadata.sampled), Some(false));
        for event in update.session_results.unwrap_or_default() {
            let group = event.log_group_identifier.unwrap_or_default();
            assert_eq!(group, "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web");
            texts.push(format!(
                "{}:{}",
                event.log_stream_name.unwrap_or_default(),
                event.message.unwrap_or_default()
            ));
        }
    }
    assert_eq!(texts, ["a:ERROR one", "b:ERROR two"]);
}

#[tokio::test]
async fn bad_sessions_are_refused() {
    let kit = Kit::filled().await;
    for (input, code) in [
        (tail("nothing"), "ResourceNotFoundException"),
        (tail("arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:*"), "InvalidParameterException"),
        (logs::StartLiveTailRequest::default(), "InvalidParameterException"),
        (
            logs::StartLiveTailRequest { log_event_filter_pattern: Some("{".into()), ..tail("/ecs/web") },
            "InvalidParameterException",
        ),
        (
            logs::StartLiveTailRequest {
                log_stream_names: Some(vec!["a".into()]),
                log_group_identifiers: Some(vec!["/ecs/web".into(), "/ecs/web".into()]),
                ..Default::default()
            },
            "InvalidParameterException",
        ),
    ] {
        let answer = start_live_tail::start_live_tail(kit.context(), input).await;
        assert_eq!(answer.err().map(|error| error.code.into_owned()).as_deref(), Some(code));
    }
}
