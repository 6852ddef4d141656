//! CreateTargetGroup. Repeating it with the same settings yields the group that is there.

use state_model::elbv2::TargetGroup;
use state_model::elbv2::attributes::is_http;
use state_model::elbv2::target_group::{ProtocolVersion, TargetType};
use state_tables::elb_usage;
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{CreateTargetGroupInput, CreateTargetGroupOutput};

use super::errors::{not_among, out_of_range, too_many, unavailable, validation};
use super::limits::TARGET_GROUPS_MAX;
use super::{Context, arns, health_check, names, render, tags};

pub async fn create_target_group(
    context: Context,
    input: CreateTargetGroupInput,
) -> Result<CreateTargetGroupOutput, ServiceError> {
    let name = arns::required(input.name.clone(), "name")?;
    let any = context.scope.arn("elasticloadbalancing", &format!("targetgroup/{name}/*"));
    context.authorise("elasticloadbalancing:CreateTargetGroup", &any)?;
    names::check("Target group", &name)?;
    let record = validate(&context, name, input)?;
    let record = context
        .transact(|view, transaction| {
            if !view.vpcs.contains(&context.scope.key(&record.vpc_id)) {
                return Err(validation(format!("The VPC ID '{}' is not found", record.vpc_id)));
            }
            if let Some(present) = elb_usage::target_group_by_name(view, &context.scope, &record.name) {
                return same_or_refused(present, &record);
            }
            if view.elb_target_groups.prefix(&context.scope.key("")).count() >= TARGET_GROUPS_MAX {
                return Err(too_many("TooManyTargetGroups", "target groups", TARGET_GROUPS_MAX));
            }
            names::hold(view, &context.scope, transaction);
            transaction.insert(&record);
            Ok(record.clone())
        })
        .await?;
    let view = context.view();
    Ok(CreateTargetGroupOutput {
        target_groups: Some(vec![render::target_group::target_group(&view, &record)]),
    })
}

fn validate(
    context: &Context,
    name: String,
    input: CreateTargetGroupInput,
) -> Result<TargetGroup, ServiceError> {
    refuse_unavailable(&input)?;
    let target_type = target_type(input.target_type.as_ref())?;
    let (protocol, port) = protocol_and_port(target_type, input.protocol.as_ref(), input.port)?;
    let vpc_id = input.vpc_id.filter(|id| !id.is_empty());
    let vpc_id = vpc_id.ok_or_else(|| {
        validation(format!("A target group of type '{}' must have a VPC", target_type.as_str()))
    })?;
    let protocol_version = protocol_version(&protocol, input.protocol_version.as_deref())?;
    let wanted = health_check::Wanted {
        enabled: input.health_check_enabled,
        protocol: input.health_check_protocol,
        port: input.health_check_port,
        path: input.health_check_path,
        interval: input.health_check_interval_seconds,
        timeout: input.health_check_timeout_seconds,
        healthy_threshold: input.healthy_threshold_count,
        unhealthy_threshold: input.unhealthy_threshold_count,
        matcher: input.matcher,
    };
    let group = health_check::Group { protocol: &protocol, version: protocol_version, target_type };
    let health_check = health_check::settings(group, wanted, None)?;
    Ok(TargetGroup {
        scope: context.scope.clone(),
        name,
        id: random::hex(&*context.random, 16),
        protocol,
        port,
        protocol_version,
        vpc_id,
        target_type,
        health_check,
        ip_address_type: String::from("ipv4"),
        attributes: Default::default(),
        tags: tags::parse(input.tags)?,
        created_at: context.now,
    })
}

fn refuse_unavailable(input: &CreateTargetGroupInput) -> Result<(), ServiceError> {
    if input.target_control_port.is_some() {
        return Err(unavailable("Target control ports are"));
    }
    match &input.ip_address_type {
        None | Some(wire::TargetGroupIpAddressTypeEnum::Ipv4) => Ok(()),
        Some(wire::TargetGroupIpAddressTypeEnum::Ipv6) => Err(unavailable("Target groups with IPv6 are")),
        Some(wire::TargetGroupIpAddressTypeEnum::Other(other)) => {
            Err(not_among(other, "ipAddressType", wire::TargetGroupIpAddressTypeEnum::VALUES))
        }
    }
}

fn target_type(given: Option<&wire::TargetTypeEnum>) -> Result<TargetType, ServiceError> {
    match given {
        None | Some(wire::TargetTypeEnum::Instance) => Ok(TargetType::Instance),
        Some(wire::TargetTypeEnum::Ip) => Ok(TargetType::Ip),
        Some(wire::TargetTypeEnum::Alb) => Ok(TargetType::Alb),
        Some(wire::TargetTypeEnum::Lambda) => Err(unavailable("Target groups of type 'lambda' are")),
        Some(wire::TargetTypeEnum::Other(other)) => {
            Err(not_among(other, "targetType", wire::TargetTypeEnum::VALUES))
        }
    }
}

fn protocol_and_port(
    target_type: TargetType,
    protocol: Option<&wire::ProtocolEnum>,
    port: Option<i32>,
) -> Result<(String, u16), ServiceError> {
    let (Some(protocol), Some(port)) = (protocol, port) else {
        return Err(validation(format!(
            "A target group of type '{}' must have a protocol and a port",
            target_type.as_str()
        )));
    };
    match protocol {
        wire::ProtocolEnum::Geneve | wire::ProtocolEnum::Quic | wire::ProtocolEnum::TcpQuic => {
            return Err(unavailable(format!("Target groups with protocol '{protocol}' are")));
        }
        wire::ProtocolEnum::Other(other) => {
            return Err(not_among(other, "protocol", wire::ProtocolEnum::VALUES));
        }
        wire::ProtocolEnum::Tcp => {}
        _ if target_type == TargetType::Alb => {
            return Err(validation("Target groups with target type 'alb' must have the protocol 'TCP'"));
        }
        _ => {}
    }
    Ok((protocol.as_str().to_owned(), check_port(port)?))
}

pub fn check_port(port: i32) -> Result<u16, ServiceError> {
    u16::try_from(port)
        .ok()
        .filter(|port| *port > 0)
        .ok_or_else(|| out_of_range(port, "port", 1, i32::from(u16::MAX)))
}

fn protocol_version(protocol: &str, given: Option<&str>) -> Result<ProtocolVersion, ServiceError> {
    const VERSIONS: [ProtocolVersion; 3] =
        [ProtocolVersion::Http1, ProtocolVersion::Http2, ProtocolVersion::Grpc];
    let Some(given) = given else { return Ok(ProtocolVersion::default()) };
    if !is_http(protocol) {
        return Err(validation(format!(
            "Protocol version '{given}' is not supported for target groups with the {protocol} protocol"
        )));
    }
    VERSIONS
        .into_iter()
        .find(|version| version.as_str() == given)
        .ok_or_else(|| validation(format!("Protocol version '{given}' must be one of 'GRPC, HTTP1, HTTP2'")))
}

fn same_or_refused(present: &TargetGroup, wanted: &TargetGroup) -> Result<TargetGroup, ServiceError> {
    let same = present.protocol == wanted.protocol
        && present.port == wanted.port
        && present.protocol_version == wanted.protocol_version
        && present.vpc_id == wanted.vpc_id
        && present.target_type == wanted.target_type
        && present.health_check == wanted.health_check;
    if same {
        return Ok(present.clone());
    }
    let message =
        format!("A target group with the same name '{}' exists, but with different settings", wanted.name);
    Err(ServiceError::caller("DuplicateTargetGroupName", message))
}
