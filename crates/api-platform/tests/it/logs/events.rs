use api_platform::logs::{filter_log_events, get_log_events, put_log_events, test_metric_filter};
use wire_shapes_platform::logs;

use super::Kit;
use crate::harness::refused;

const INVALID: &str = "InvalidParameterException";
const MISSING: &str = "ResourceNotFoundException";

fn get(from_head: bool, limit: i32, token: Option<String>) -> logs::GetLogEventsRequest {
    logs::GetLogEventsRequest {
        log_group_name: Some("/ecs/web".into()),
        log_stream_name: Some("a".into()),
        start_from_head: Some(from_head),
        limit: Some(limit),
        next_token: token,
        ..Default::default()
    }
}

fn filter() -> logs::FilterLogEventsRequest {
    logs::FilterLogEventsRequest { log_group_name: Some("/ecs/web".into()), ..Default::default() }
}

async fn page(kit: &Kit, input: logs::GetLogEventsRequest) -> (String, String, String) {
    let page = get_log_events::get_log_events(kit.context(), input).await.expect("a page");
    let texts = page.events.unwrap_or_default().into_iter().filter_map(|event| event.message).collect();
    (texts, page.next_forward_token.expect("always there"), page.next_backward_token.expect("always there"))
}

#[tokio::test]
async fn a_stream_is_read_in_pages() {
    let kit = Kit::filled().await;
    kit.put("a", &[(kit.now(), "0"), (kit.now(), "1"), (kit.now() + 1, "2"), (kit.now() + 2, "3")]).await;
    let (texts, forward, _) = page(&kit, get(true, 3, None)).await;
    assert_eq!(texts, "012");
    assert!(forward.starts_with("f/"));
    let (texts, end, backward) = page(&kit, get(true, 3, Some(forward))).await;
    assert_eq!(texts, "3");
    let (texts, same, _) = page(&kit, get(true, 3, Some(end.clone()))).await;
    assert_eq!((texts.as_str(), &same), ("", &end));
    assert!(backward.starts_with("b/"));
    assert_eq!(page(&kit, get(true, 2, Some(backward))).await.0, "12");
    assert_eq!(page(&kit, get(false, 2, None)).await.0, "23");
    let mut elsewhere = get(true, 2, Some(end));
    elsewhere.log_stream_name = Some("b".into());
    let answer = get_log_events::get_log_events(kit.context(), elsewhere).await;
    refused(answer, INVALID, "The specified nextToken is invalid.");
    let mut missing = get(true, 2, None);
    missing.log_stream_name = Some("z".into());
    let answer = get_log_events::get_log_events(kit.context(), missing.clone()).await;
    refused(answer, MISSING, "The specified log stream does not exist.");
    missing.log_group_name = Some("z".into());
    let answer = get_log_events::get_log_events(kit.context(), missing).await;
    refused(answer, MISSING, "The specified log group does not exist.");
}

#[tokio::test]
async fn put_refuses_and_rejects() {
    let kit = Kit::filled().await;
    let put = |stream: &str, times: &[i64]| logs::PutLogEventsRequest {
        log_group_name: Some("/ecs/web".into()),
        log_stream_name: Some(stream.into()),
        log_events: Some(
            times
                .iter()
                .map(|time| logs::InputLogEvent { timestamp: Some(*time), message: Some("m".into()) })
                .collect(),
        ),
        sequence_token: Some("whatever".into()),
        ..Default::default()
    };
    let answer = put_log_events::put_log_events(kit.context(), put("z", &[kit.now()])).await;
    refused(answer, MISSING, "The specified log stream does not exist.");
    let answer = put_log_events::put_log_events(kit.context(), put("a", &[2, 1])).await;
    refused(answer, INVALID, "Log events in a single PutLogEvents request must be in chronological order.");
    let hour = 3_600_000;
    let times = [kit.now(), kit.now() + hour, kit.now() + 3 * hour];
    let answer =
        put_log_events::put_log_events(kit.context(), put("a", &times)).await.expect("partly stored");
    assert!(answer.next_sequence_token.is_some_and(|token| token.len() == 56));
    assert_eq!(answer.rejected_log_events_info.and_then(|info| info.too_new_log_event_start_index), Some(2));
    let found = filter_log_events::filter_log_events(kit.context(), filter()).await.expect("a page");
    assert_eq!(found.events.map(|events| events.len()), Some(2));
    assert_eq!(found.searched_log_streams, Some(Vec::new()));
}

#[tokio::test]
async fn filters_run_over_the_group() {
    let kit = Kit::filled().await;
    kit.put("a", &[(kit.now(), "ERROR one"), (kit.now() + 2, "fine")]).await;
    kit.put("b", &[(kit.now() + 1, "ERROR two"), (kit.now() + 3, "{\"level\":\"ERROR\",\"n\":7}")]).await;
    let texts = async |input: logs::FilterLogEventsRequest| {
        let mut input = input;
        let mut texts = Vec::new();
        loop {
            let page =
                filter_log_events::filter_log_events(kit.context(), input.clone()).await.expect("a page");
            for event in page.events.unwrap_or_default() {
                let stream = event.log_stream_name.unwrap_or_default();
                texts.push(format!("{stream}:{}", event.message.unwrap_or_default()));
                assert_eq!(event.event_id.map(|id| id.len()), Some(56));
            }
            input.next_token = page.next_token;
            if input.next_token.is_none() {
                return texts.join("|");
            }
        }
    };
    let with =
        |pattern: &str| logs::FilterLogEventsRequest { filter_pattern: Some(pattern.into()), ..filter() };
    assert_eq!(texts(with("ERROR -level")).await, "a:ERROR one|b:ERROR two");
    assert_eq!(texts(with("{ $.n > 6 }")).await, "b:{\"level\":\"ERROR\",\"n\":7}");
    let one_by_one = logs::FilterLogEventsRequest { limit: Some(1), ..filter() };
    assert_eq!(texts(one_by_one.clone()).await.matches('|').count(), 3);
    let only_b = logs::FilterLogEventsRequest { log_stream_names: Some(vec!["b".into()]), ..with("ERROR") };
    assert_eq!(texts(only_b.clone()).await, "b:ERROR two|b:{\"level\":\"ERROR\",\"n\":7}");
    let prefix = logs::FilterLogEventsRequest { log_stream_name_prefix: Some("a".into()), ..filter() };
    assert_eq!(texts(prefix).await, "a:ERROR one|a:fine");
    let times = logs::FilterLogEventsRequest {
        start_time: Some(kit.now() + 1),
        end_time: Some(kit.now() + 2),
        ..filter()
    };
    assert_eq!(texts(times).await, "b:ERROR two");
    let latest = logs::FilterLogEventsRequest { start_from_head: Some(false), ..with("?one ?two") };
    assert_eq!(texts(latest).await, "b:ERROR two|a:ERROR one");

    let call = async |input| filter_log_events::filter_log_events(kit.context(), input).await;
    refused(call(with("[a")).await, INVALID, "If a filter pattern starts with '[' it must end with ']'");
    refused(call(with("{ $.a }")).await, INVALID, "Invalid filter pattern");
    let missing = logs::FilterLogEventsRequest { log_stream_names: Some(vec!["z".into()]), ..filter() };
    refused(call(missing).await, MISSING, "The specified log stream does not exist.");
    let first = call(one_by_one).await.expect("a page");
    let stolen = logs::FilterLogEventsRequest { next_token: first.next_token, ..with("ERROR") };
    refused(call(stolen).await, INVALID, "The specified nextToken is invalid.");
}

#[tokio::test]
async fn metric_filters_are_tested() {
    let kit = Kit::new().await;
    let input = logs::TestMetricFilterRequest {
        filter_pattern: Some("[ip, status = 4*]".into()),
        log_event_messages: Some(["10.0.0.1 200", "10.0.0.2 404"].map(String::from).to_vec()),
    };
    let answer = test_metric_filter::test_metric_filter(kit.context(), input).await.expect("tested");
    let [found] = &answer.matches.expect("matches")[..] else { panic!("one match") };
    assert_eq!(found.event_number, Some(2));
    let values = found.extracted_values.clone().unwrap_or_default();
    assert_eq!(values.get("$status").map(String::as_str), Some("404"));
}
