//! Flow logs: what they may be, and one of each kind for a resource.

use api_network::ec2::{create_flow_logs, delete_flow_logs, describe_flow_logs};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use crate::harness::{ACCOUNT, Harness, filter, tag};

fn request(resources: &[&str]) -> wire::CreateFlowLogsRequest {
    wire::CreateFlowLogsRequest {
        resource_ids: Some(resources.iter().map(|id| (*id).to_owned()).collect()),
        resource_type: Some(wire::FlowLogsResourceType::Vpc),
        traffic_type: Some(wire::TrafficType::All),
        log_group_name: Some("flows".into()),
        deliver_logs_permission_arn: Some(format!("arn:aws:iam::{ACCOUNT}:role/flows")),
        ..Default::default()
    }
}

async fn create(
    harness: &Harness,
    request: wire::CreateFlowLogsRequest,
) -> Result<(Vec<String>, Vec<String>), ServiceError> {
    let answer = create_flow_logs::create_flow_logs(harness.context(), request).await?;
    let unsuccessful = answer.unsuccessful.unwrap();
    let codes = unsuccessful.into_iter().map(|item| item.error.unwrap().code.unwrap()).collect();
    Ok((answer.flow_log_ids.unwrap(), codes))
}

async fn describe(harness: &Harness, filters: Option<Vec<wire::Filter>>) -> Vec<wire::FlowLog> {
    let input = wire::DescribeFlowLogsRequest { filter: filters, ..Default::default() };
    describe_flow_logs::describe_flow_logs(harness.context(), input).await.unwrap().flow_logs.unwrap()
}

#[tokio::test]
async fn flow_logs_come_and_go() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let specification = wire::TagSpecification {
        resource_type: Some(wire::ResourceType::VpcFlowLog),
        tags: Some(vec![tag("team", "blue")]),
    };
    let input = wire::CreateFlowLogsRequest {
        max_aggregation_interval: Some(60),
        log_format: Some("${version} ${vpc-id} ${action}".into()),
        tag_specifications: Some(vec![specification]),
        ..request(&[&vpc, "vpc-00000000000000000"])
    };
    let (made, refused) = create(&harness, input).await.unwrap();
    assert_eq!((made.len(), refused), (1, vec![String::from("InvalidVpcID.NotFound")]));
    let shown = describe(&harness, filter("resource-id", &[&vpc])).await.remove(0);
    assert_eq!(shown.flow_log_id.as_ref(), Some(&made[0]));
    assert_eq!(shown.flow_log_status.as_deref(), Some("ACTIVE"));
    assert_eq!(shown.deliver_logs_status, None, "nothing was delivered yet");
    assert_eq!(shown.max_aggregation_interval, Some(60));
    assert_eq!(shown.log_format.as_deref(), Some("${version} ${vpc-id} ${action}"));
    assert_eq!(shown.tags, Some(vec![tag("team", "blue")]));
    harness.tell_in_place(&made[0]).await;
    assert_eq!(describe(&harness, None).await[0].deliver_logs_status.as_deref(), Some("SUCCESS"));

    let (made_again, refused) = create(&harness, request(&[&vpc])).await.unwrap();
    assert_eq!((made_again.len(), refused), (0, vec![String::from("FlowLogAlreadyExists")]));
    let other = wire::CreateFlowLogsRequest { log_group_name: Some("others".into()), ..request(&[&vpc]) };
    assert_eq!(create(&harness, other).await.unwrap().0.len(), 1);

    let input = wire::DeleteFlowLogsRequest {
        flow_log_ids: Some(vec![made[0].clone(), "fl-00000000000000000".into()]),
        ..Default::default()
    };
    let unsuccessful =
        delete_flow_logs::delete_flow_logs(harness.context(), input).await.unwrap().unsuccessful.unwrap();
    assert_eq!(unsuccessful[0].error.as_ref().unwrap().code.as_deref(), Some("InvalidFlowLogId.NotFound"));
    assert_eq!(describe(&harness, None).await.len(), 1);
}

#[tokio::test]
async fn a_token_makes_them_once() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let with_token = |group: &str| wire::CreateFlowLogsRequest {
        client_token: Some("once".into()),
        log_group_name: Some(group.into()),
        ..request(&[&vpc])
    };
    let first = create(&harness, with_token("flows")).await.unwrap();
    assert_eq!(create(&harness, with_token("flows")).await.unwrap(), first);
    let other = create(&harness, with_token("others")).await.unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatch");
}

#[tokio::test]
async fn what_can_not_be_delivered_is_refused() {
    let harness = Harness::new().await;
    let vpc = harness.default_vpc();
    let good = || request(&[&vpc]);
    let check = |request: wire::CreateFlowLogsRequest, code: &'static str| {
        let harness = &harness;
        async move { assert_eq!(create(harness, request).await.unwrap_err().code, code) }
    };
    let to = |kind| wire::CreateFlowLogsRequest { log_destination_type: Some(kind), ..good() };
    check(to(wire::LogDestinationType::S3), "InvalidParameter").await;
    check(to(wire::LogDestinationType::KinesisDataFirehose), "InvalidParameter").await;
    let no_role = wire::CreateFlowLogsRequest { deliver_logs_permission_arn: None, ..good() };
    check(no_role, "InvalidParameter").await;
    let no_group = wire::CreateFlowLogsRequest { log_group_name: None, ..good() };
    check(no_group, "InvalidParameter").await;
    let format = |format: &str| wire::CreateFlowLogsRequest { log_format: Some(format.into()), ..good() };
    check(format("${colour}"), "InvalidParameter").await;
    check(format("${tcp-flags}"), "InvalidParameter").await;
    let interval = wire::CreateFlowLogsRequest { max_aggregation_interval: Some(30), ..good() };
    check(interval, "InvalidParameter").await;
    let gateway = wire::FlowLogsResourceType::TransitGateway;
    let gateway = wire::CreateFlowLogsRequest { resource_type: Some(gateway), ..good() };
    check(gateway, "InvalidParameter").await;
    check(wire::CreateFlowLogsRequest { traffic_type: None, ..good() }, "MissingParameter").await;
    check(wire::CreateFlowLogsRequest { dry_run: Some(true), ..good() }, "DryRunOperation").await;
    let arn = format!("arn:aws:logs:us-east-1:{ACCOUNT}:log-group:flows:*");
    let by_arn = wire::CreateFlowLogsRequest { log_group_name: None, log_destination: Some(arn), ..good() };
    create(&harness, by_arn).await.unwrap();
    assert_eq!(describe(&harness, None).await[0].log_group_name.as_deref(), Some("flows"));
}
