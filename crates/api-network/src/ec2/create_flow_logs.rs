//! CreateFlowLogs: for VPCs, subnets or interfaces, to CloudWatch Logs. What is wrong with one resource is told of it and
//! keeps the others from nothing.

use std::collections::BTreeMap;

use state_model::Scope;
use state_model::ec2::FlowLog;
use state_model::ec2::flow_log::FlowLogTraffic;
use state_model::iam::parse_role_arn;
use state_tables::{Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2 as wire;

use super::errors::{check_dry_run, idempotent_mismatch, invalid_parameter, missing_parameter};
use super::limits::{FLOW_LOGS_PER_REQUEST_MAX, FLOW_LOGS_PER_RESOURCE_MAX};
use super::{Context, flow_log_format, ids, render, tags};

/// Who assumes the role that a flow log names.
const DELIVERY_SERVICE: &str = "vpc-flow-logs.amazonaws.com";

const DEFAULT_INTERVAL_SECS: i32 = 600;

pub async fn create_flow_logs(
    context: Context,
    input: wire::CreateFlowLogsRequest,
) -> Result<wire::CreateFlowLogsResult, ServiceError> {
    let any = context.scope.arn("ec2", "vpc-flow-log/*");
    context.authorise("ec2:CreateFlowLogs", &any)?;
    check_supported(&input)?;
    let wanted = parse(&context, &input)?;
    let answer = context
        .transact(|view, transaction| {
            if let Some(made) = made_before(view, &wanted)? {
                return Ok(answer(&wanted, made, Vec::new()));
            }
            check_dry_run(input.dry_run)?;
            let mut made = Vec::new();
            let mut unsuccessful = Vec::new();
            for resource_id in &wanted.resource_ids {
                match make(&context, view, transaction, &wanted, resource_id) {
                    Ok(id) => made.push(id),
                    Err(error) => unsuccessful.push(render::unsuccessful(resource_id, &error)),
                }
            }
            Ok(answer(&wanted, made, unsuccessful))
        })
        .await?;
    Ok(answer)
}

fn answer(
    wanted: &Wanted,
    made: Vec<String>,
    unsuccessful: Vec<wire::UnsuccessfulItem>,
) -> wire::CreateFlowLogsResult {
    wire::CreateFlowLogsResult {
        client_token: wanted.flow_log.client_token.clone(),
        flow_log_ids: Some(made),
        unsuccessful: Some(unsuccessful),
    }
}

/// What a request asks for: the same flow log for each of the resources.
struct Wanted {
    resource_ids: Vec<String>,
    kind: ResourceKind,
    /// Without its id and resource.
    flow_log: FlowLog,
}

#[derive(Clone, Copy)]
enum ResourceKind {
    Vpc,
    Subnet,
    NetworkInterface,
}

/// Refuses destinations and options that nothing here serves.
fn check_supported(input: &wire::CreateFlowLogsRequest) -> Result<(), ServiceError> {
    match &input.log_destination_type {
        None | Some(wire::LogDestinationType::CloudWatchLogs) => {}
        Some(other @ (wire::LogDestinationType::S3 | wire::LogDestinationType::KinesisDataFirehose)) => {
            return Err(invalid_parameter(format!(
                "LogDestinationType {other} is not supported: flow logs go to cloud-watch-logs here."
            )));
        }
        Some(other) => return Err(invalid_parameter(format!("Invalid LogDestinationType: {other}"))),
    }
    let unsupported = [
        ("DestinationOptions", input.destination_options.is_some()),
        ("DeliverCrossAccountRole", input.deliver_cross_account_role.is_some()),
        (
            "TagFieldSpecifications",
            input.tag_field_specifications.as_ref().is_some_and(|list| !list.is_empty()),
        ),
    ];
    match unsupported.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(invalid_parameter(format!(
            "{name} is not supported: flow logs go to cloud-watch-logs of the same account here."
        ))),
        None => Ok(()),
    }
}

fn parse(context: &Context, input: &wire::CreateFlowLogsRequest) -> Result<Wanted, ServiceError> {
    let resource_ids = input.resource_ids.clone().unwrap_or_default();
    if resource_ids.is_empty() {
        return Err(missing_parameter("ResourceId"));
    }
    if resource_ids.len() > FLOW_LOGS_PER_REQUEST_MAX {
        return Err(invalid_parameter(format!(
            "A request can name at most {FLOW_LOGS_PER_REQUEST_MAX} resources."
        )));
    }
    let kind = match &input.resource_type {
        None => return Err(missing_parameter("ResourceType")),
        Some(wire::FlowLogsResourceType::Vpc) => ResourceKind::Vpc,
        Some(wire::FlowLogsResourceType::Subnet) => ResourceKind::Subnet,
        Some(wire::FlowLogsResourceType::NetworkInterface) => ResourceKind::NetworkInterface,
        Some(other) => {
            return Err(invalid_parameter(format!(
                "ResourceType {other} is not supported. Supported: VPC, Subnet, NetworkInterface"
            )));
        }
    };
    let traffic = match &input.traffic_type {
        None => return Err(missing_parameter("TrafficType")),
        Some(wire::TrafficType::Accept) => FlowLogTraffic::Accept,
        Some(wire::TrafficType::Reject) => FlowLogTraffic::Reject,
        Some(wire::TrafficType::All) => FlowLogTraffic::All,
        Some(other) => return Err(invalid_parameter(format!("Invalid TrafficType: {other}"))),
    };
    let interval = input.max_aggregation_interval.unwrap_or(DEFAULT_INTERVAL_SECS);
    let max_aggregation_interval_secs = match interval {
        60 => 60,
        600 => 600,
        _ => return Err(invalid_parameter("Invalid Flow Log Max Aggregation Interval")),
    };
    let log_format = input.log_format.clone().filter(|format| !format.is_empty());
    let log_format = log_format.unwrap_or_else(|| flow_log_format::DEFAULT.to_owned());
    flow_log_format::check(&log_format)?;
    let flow_log = FlowLog {
        scope: context.scope.clone(),
        id: String::new(),
        resource_id: String::new(),
        traffic,
        log_group_name: log_group(context, input)?,
        deliver_logs_permission_arn: Some(role(context, input)?),
        log_format,
        max_aggregation_interval_secs,
        created_at: context.now,
        client_token: input.client_token.clone().filter(|token| !token.is_empty()),
        tags: tags::from_specifications(input.tag_specifications.clone(), &wire::ResourceType::VpcFlowLog)?,
    };
    Ok(Wanted { resource_ids, kind, flow_log })
}

/// The log group by its name, or by its ARN as the destination.
fn log_group(context: &Context, input: &wire::CreateFlowLogsRequest) -> Result<String, ServiceError> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let name = match (given(&input.log_group_name), given(&input.log_destination)) {
        (Some(_), Some(_)) => {
            return Err(invalid_parameter(
                "Please only provide LogGroupName or only provide LogDestination.",
            ));
        }
        (Some(name), None) => name,
        (None, Some(arn)) => {
            let prefix = context.scope.arn("logs", "log-group:");
            let name = arn.strip_prefix(&prefix).map(|name| name.strip_suffix(":*").unwrap_or(name));
            name.ok_or_else(|| {
                invalid_parameter(format!(
                    "LogDestination: {arn} is not a log group of this account and region."
                ))
            })?
            .to_owned()
        }
        (None, None) => {
            return Err(invalid_parameter(
                "LogGroupName can't be empty if LogDestinationType is CloudWatchLogs.",
            ));
        }
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-/.#".contains(&byte);
    if name.is_empty() || name.len() > 512 || !name.bytes().all(allowed) {
        return Err(invalid_parameter(format!("LogGroupName {name} is not a valid name of a log group.")));
    }
    Ok(name)
}

fn role(context: &Context, input: &wire::CreateFlowLogsRequest) -> Result<String, ServiceError> {
    let arn = input.deliver_logs_permission_arn.clone().filter(|arn| !arn.is_empty());
    let arn = arn.ok_or_else(|| {
        invalid_parameter("DeliverLogsPermissionArn can't be empty if LogDestinationType is CloudWatchLogs.")
    })?;
    if parse_role_arn(&arn).is_none() {
        return Err(invalid_parameter(format!("DeliverLogsPermissionArn {arn} is not the ARN of a role.")));
    }
    context.pass_role(&arn, DELIVERY_SERVICE)?;
    Ok(arn)
}

/// The flow logs that a request with this token made, in the order of its resources.
fn made_before(view: &View, wanted: &Wanted) -> Result<Option<Vec<String>>, ServiceError> {
    let Some(token) = &wanted.flow_log.client_token else { return Ok(None) };
    let made: BTreeMap<&str, &FlowLog> = view
        .flow_logs
        .by("token", &wanted.flow_log.scope.key(token))
        .map(|row| (row.resource_id.as_str(), &**row.record()))
        .collect();
    if made.is_empty() {
        return Ok(None);
    }
    let repeated = |id: &String| {
        made.get(id.as_str()).filter(|former| same_configuration(former, &wanted.flow_log)).copied()
    };
    let ids: Option<Vec<String>> =
        wanted.resource_ids.iter().map(|id| repeated(id).map(|former| former.id.clone())).collect();
    ids.map(Some).ok_or_else(idempotent_mismatch)
}

fn same_configuration(one: &FlowLog, other: &FlowLog) -> bool {
    (one.traffic, &one.log_group_name, &one.log_format)
        == (other.traffic, &other.log_group_name, &other.log_format)
}

fn make(
    context: &Context,
    view: &View,
    transaction: &mut Transaction,
    wanted: &Wanted,
    resource_id: &str,
) -> Result<String, ServiceError> {
    let scope = &context.scope;
    let key = scope.key(resource_id);
    let present: Vec<_> = view.flow_logs.by("resource", &key).collect();
    let mut same = present.iter();
    if same.any(|other| {
        (other.traffic, &other.log_group_name) == (wanted.flow_log.traffic, &wanted.flow_log.log_group_name)
    }) {
        return Err(already_exists());
    }
    if present.len() >= FLOW_LOGS_PER_RESOURCE_MAX {
        let message =
            format!("The resource {resource_id} has {FLOW_LOGS_PER_RESOURCE_MAX} flow logs already.");
        return Err(ServiceError::caller("FlowLogsLimitExceeded", message));
    }
    touch(view, scope, transaction, wanted.kind, resource_id)?;
    let flow_log = FlowLog {
        id: ids::new_id("fl", &*context.random),
        resource_id: resource_id.to_owned(),
        ..wanted.flow_log.clone()
    };
    transaction.insert(&flow_log);
    Ok(flow_log.id)
}

fn already_exists() -> ServiceError {
    ServiceError::caller(
        "FlowLogAlreadyExists",
        "Error. There is an existing Flow Log with the same configuration and log destination.",
    )
}

/// The resource must be there until the commit, and two flow logs must not come to it at once.
fn touch(
    view: &View,
    scope: &Scope,
    transaction: &mut Transaction,
    kind: ResourceKind,
    id: &str,
) -> Result<(), ServiceError> {
    match kind {
        ResourceKind::Vpc => {
            let row = ids::VPC.row(&view.vpcs, scope, id)?;
            transaction.update(row, row.record());
        }
        ResourceKind::Subnet => {
            let row = ids::SUBNET.row(&view.subnets, scope, id)?;
            transaction.update(row, row.record());
        }
        ResourceKind::NetworkInterface => {
            let row = ids::NETWORK_INTERFACE.row(&view.network_interfaces, scope, id)?;
            transaction.update(row, row.record());
        }
    }
    Ok(())
}
