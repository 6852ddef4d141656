use std::collections::BTreeMap;

use api_platform::logs::{
    create_log_group, create_log_stream, delete_log_group, delete_log_stream, delete_retention_policy,
    describe_log_groups, describe_log_streams, list_log_groups, put_retention_policy, retention, tags,
};
use wire_shapes_platform::logs;

use super::Kit;
use crate::harness::refused;

const INVALID: &str = "InvalidParameterException";
const MISSING: &str = "ResourceNotFoundException";

fn create(name: &str) -> logs::CreateLogGroupRequest {
    logs::CreateLogGroupRequest { log_group_name: Some(name.into()), ..Default::default() }
}

fn stream(group: &str, name: &str) -> logs::CreateLogStreamRequest {
    logs::CreateLogStreamRequest { log_group_name: Some(group.into()), log_stream_name: Some(name.into()) }
}

#[tokio::test]
async fn groups_are_made_described_and_deleted() {
    let kit = Kit::filled().await;
    kit.put("a", &[(kit.now(), "hello")]).await;
    let answer = create_log_group::create_log_group(kit.context(), create("/ecs/web")).await;
    refused(answer, "ResourceAlreadyExistsException", "The specified log group already exists");
    let answer =
        describe_log_groups::describe_log_groups(kit.context(), Default::default()).await.expect("described");
    let [group] = &answer.log_groups.expect("groups")[..] else { panic!("one group") };
    assert_eq!(group.arn.as_deref(), Some("arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:*"));
    assert_eq!(
        group.log_group_arn.as_deref(),
        Some("arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web")
    );
    assert_eq!((group.stored_bytes, group.metric_filter_count), (Some(31), Some(0)));
    assert_eq!((group.creation_time, group.retention_in_days), (Some(kit.now()), None));
    assert_eq!(group.log_group_class, Some(logs::LogGroupClass::Standard));

    let delete = logs::DeleteLogGroupRequest { log_group_name: Some("/ecs/web".into()) };
    delete_log_group::delete_log_group(kit.context(), delete.clone()).await.expect("deleted");
    let answer = delete_log_group::delete_log_group(kit.context(), delete).await;
    refused(answer, MISSING, "The specified log group does not exist.");
    let answer = create_log_stream::create_log_stream(kit.context(), stream("/ecs/web", "a")).await;
    refused(answer, MISSING, "The specified log group does not exist.");
    // Under the same name nothing of the old one comes back.
    kit.group("/ecs/web").await;
    let answer = describe_log_groups::describe_log_groups(kit.context(), Default::default()).await;
    assert_eq!(answer.expect("described").log_groups.expect("groups")[0].stored_bytes, Some(0));
    let input =
        logs::DescribeLogStreamsRequest { log_group_name: Some("/ecs/web".into()), ..Default::default() };
    let answer = describe_log_streams::describe_log_streams(kit.context(), input).await.expect("described");
    assert_eq!(answer.log_streams, Some(Vec::new()));
}

#[tokio::test]
async fn bad_groups_are_refused() {
    let kit = Kit::new().await;
    let pattern =
        "failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+";
    for (input, message) in [
        (create("a b"), format!("1 validation error detected: Value 'a b' at 'logGroupName' {pattern}")),
        (
            Default::default(),
            "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not \
             be null"
                .into(),
        ),
        (create("aws/mine"), "Log groups starting with AWS/ are reserved for AWS.".into()),
        (
            logs::CreateLogGroupRequest { log_group_class: Some("COLD".into()), ..create("g") },
            "1 validation error detected: Value 'COLD' at 'logGroupClass' failed to satisfy constraint: Member must \
             satisfy enum value set: [STANDARD, INFREQUENT_ACCESS, DELIVERY]"
                .into(),
        ),
    ] {
        refused(create_log_group::create_log_group(kit.context(), input).await, INVALID, &message);
    }
}

#[tokio::test]
async fn groups_come_in_pages() {
    let kit = Kit::new().await;
    for index in 0..120 {
        kit.group(&format!("/{}/{index:03}", if index % 2 == 0 { "even" } else { "odd" })).await;
    }
    let names = async |input: logs::DescribeLogGroupsRequest| {
        let mut request = input.clone();
        let mut names = Vec::new();
        loop {
            let page =
                describe_log_groups::describe_log_groups(kit.context(), request.clone()).await.expect("page");
            let groups = page.log_groups.unwrap_or_default();
            assert!(groups.len() <= 50);
            names.extend(groups.into_iter().filter_map(|group| group.log_group_name));
            request.next_token = page.next_token;
            if request.next_token.is_none() {
                return names;
            }
        }
    };
    let all = names(Default::default()).await;
    assert_eq!(all.len(), 120);
    assert!(all.is_sorted());
    let prefix =
        logs::DescribeLogGroupsRequest { log_group_name_prefix: Some("/even/".into()), ..Default::default() };
    assert_eq!(names(prefix.clone()).await.len(), 60);
    let pattern =
        logs::DescribeLogGroupsRequest { log_group_name_pattern: Some("/11".into()), ..Default::default() };
    assert_eq!(names(pattern.clone()).await.len(), 10);
    let both = logs::DescribeLogGroupsRequest { log_group_name_prefix: Some("/".into()), ..pattern };
    let answer = describe_log_groups::describe_log_groups(kit.context(), both).await;
    let text = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
    refused(answer, INVALID, text);
    // A token is good for the parameters that it was made for, and no others.
    let page =
        describe_log_groups::describe_log_groups(kit.context(), Default::default()).await.expect("page");
    let stolen = logs::DescribeLogGroupsRequest { next_token: page.next_token, ..prefix };
    let answer = describe_log_groups::describe_log_groups(kit.context(), stolen).await;
    refused(answer, INVALID, "The specified nextToken is invalid.");
    let list = logs::ListLogGroupsRequest {
        log_group_name_pattern: Some("^/even/00|118".into()),
        ..Default::default()
    };
    let listed = list_log_groups::list_log_groups(kit.context(), list).await.expect("listed");
    let names: Vec<_> =
        listed.log_groups.unwrap_or_default().into_iter().filter_map(|g| g.log_group_name).collect();
    assert_eq!(names, ["/even/000", "/even/002", "/even/004", "/even/006", "/even/008", "/even/118"]);
}

#[tokio::test]
async fn streams_are_ordered_by_name_or_by_time() {
    let kit = Kit::filled().await;
    kit.stream("/ecs/web", "c").await;
    kit.put("b", &[(kit.now() - 10, "x")]).await;
    kit.put("a", &[(kit.now() - 5, "x"), (kit.now(), "y")]).await;
    let names = async |order: &str, descending: bool, limit: i32| {
        let mut input = logs::DescribeLogStreamsRequest {
            log_group_identifier: Some("arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web".into()),
            order_by: Some(order.into()),
            descending: Some(descending),
            limit: Some(limit),
            ..Default::default()
        };
        let mut names = String::new();
        loop {
            let page =
                describe_log_streams::describe_log_streams(kit.context(), input.clone()).await.expect("page");
            let streams = page.log_streams.unwrap_or_default();
            names.extend(streams.into_iter().filter_map(|stream| stream.log_stream_name));
            input.next_token = page.next_token;
            if input.next_token.is_none() {
                return names;
            }
        }
    };
    for limit in [1, 2, 50] {
        assert_eq!(names("LogStreamName", false, limit).await, "abc");
        assert_eq!(names("LogStreamName", true, limit).await, "cba");
        assert_eq!(names("LastEventTime", false, limit).await, "cba");
        assert_eq!(names("LastEventTime", true, limit).await, "abc");
    }
    let input = logs::DescribeLogStreamsRequest {
        log_group_name: Some("/ecs/web".into()),
        log_stream_name_prefix: Some("a".into()),
        ..Default::default()
    };
    let page = describe_log_streams::describe_log_streams(kit.context(), input.clone()).await.expect("page");
    let [stream] = &page.log_streams.expect("streams")[..] else { panic!("one stream") };
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web:log-stream:a";
    assert_eq!(stream.arn.as_deref(), Some(arn));
    assert_eq!(stream.first_event_timestamp, Some(kit.now() - 5));
    assert_eq!(stream.last_event_timestamp, Some(kit.now()));
    assert_eq!(stream.last_ingestion_time, Some(kit.now()));
    let timed = logs::DescribeLogStreamsRequest { order_by: Some(logs::OrderBy::LastEventTime), ..input };
    let answer = describe_log_streams::describe_log_streams(kit.context(), timed).await;
    refused(answer, INVALID, "Cannot order by LastEventTime with a logStreamNamePrefix.");
}

#[tokio::test]
async fn streams_are_made_and_deleted() {
    let kit = Kit::filled().await;
    let answer = create_log_stream::create_log_stream(kit.context(), stream("/ecs/web", "a")).await;
    refused(answer, "ResourceAlreadyExistsException", "The specified log stream already exists");
    let answer = create_log_stream::create_log_stream(kit.context(), stream("/ecs/web", "a:b")).await;
    assert_eq!(answer.map_err(|error| error.code).err().as_deref(), Some(INVALID));
    kit.put("a", &[(kit.now(), "x")]).await;
    let delete = logs::DeleteLogStreamRequest {
        log_group_name: Some("/ecs/web".into()),
        log_stream_name: Some("a".into()),
    };
    delete_log_stream::delete_log_stream(kit.context(), delete.clone()).await.expect("deleted");
    let answer = delete_log_stream::delete_log_stream(kit.context(), delete).await;
    refused(answer, MISSING, "The specified log stream does not exist.");
}

#[tokio::test]
async fn retention_expires_events() {
    let mut kit = Kit::filled().await;
    let put = |days| logs::PutRetentionPolicyRequest {
        log_group_name: Some("/ecs/web".into()),
        retention_in_days: Some(days),
    };
    let answer =
        put_retention_policy::put_retention_policy(kit.context(), put(2)).await.expect_err("refused");
    assert!(answer.message.contains("Value '2' at 'retentionInDays'"), "{}", answer.message);
    put_retention_policy::put_retention_policy(kit.context(), put(3)).await.expect("stored");
    kit.put("a", &[(kit.now(), "x")]).await;
    let day = std::time::Duration::from_secs(24 * 3600);
    let events = |kit: &Kit| {
        kit.service.store.stats("000000000000/us-east-1//ecs/web:a").unwrap_or_default().event_count
    };
    for expect in [1, 1, 1, 0] {
        kit.later(day.saturating_sub(std::time::Duration::from_secs(1)));
        if expect == 0 {
            kit.later(std::time::Duration::from_secs(60));
        }
        let view = kit.harness.state.view();
        retention::enforce_retention(&view, &kit.service.store, kit.harness.now).await.expect("expired");
        assert_eq!(events(&kit), expect);
    }
    let delete = logs::DeleteRetentionPolicyRequest { log_group_name: Some("/ecs/web".into()) };
    delete_retention_policy::delete_retention_policy(kit.context(), delete).await.expect("stored");
    assert_eq!(
        kit.harness.state.view().log_groups.iter().next().and_then(|(_, group)| group.retention_days),
        None
    );
}

#[tokio::test]
async fn groups_have_tags() {
    let kit = Kit::filled().await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/ecs/web";
    let some = |pairs: &[(&str, &str)]| {
        Some(
            pairs
                .iter()
                .map(|(key, value)| ((*key).into(), (*value).into()))
                .collect::<BTreeMap<String, String>>(),
        )
    };
    let input =
        logs::TagLogGroupRequest { log_group_name: Some("/ecs/web".into()), tags: some(&[("a", "1")]) };
    tags::tag_log_group(kit.context(), input).await.expect("tagged");
    let input =
        logs::TagResourceRequest { resource_arn: Some(format!("{arn}:*")), tags: some(&[("b", "2")]) };
    tags::tag_resource(kit.context(), input).await.expect("tagged");
    let list = logs::ListTagsForResourceRequest { resource_arn: Some(arn.into()) };
    let listed = tags::list_tags_for_resource(kit.context(), list.clone()).await.expect("listed");
    assert_eq!(listed.tags, some(&[("a", "1"), ("b", "2")]));
    let input =
        logs::UntagResourceRequest { resource_arn: Some(arn.into()), tag_keys: Some(vec!["a".into()]) };
    tags::untag_resource(kit.context(), input).await.expect("untagged");
    let listed = tags::list_tags_for_resource(kit.context(), list).await.expect("listed");
    assert_eq!(listed.tags, some(&[("b", "2")]));
    let many: BTreeMap<String, String> = (0..50).map(|index| (format!("k{index}"), String::new())).collect();
    let input = logs::TagResourceRequest { resource_arn: Some(arn.into()), tags: Some(many) };
    let error = tags::tag_resource(kit.context(), input).await.expect_err("refused");
    assert_eq!(error.code, "TooManyTagsException");
    let elsewhere =
        logs::ListTagsForResourceRequest { resource_arn: Some(arn.replace("us-east-1", "eu-west-1")) };
    let answer = tags::list_tags_for_resource(kit.context(), elsewhere).await;
    refused(answer, MISSING, "The specified log group does not exist.");
}
