//! A target group.

use state_model::elbv2::TargetGroup;
use state_model::elbv2::attributes::is_http;
use state_model::elbv2::target_group::ProtocolVersion;
use state_tables::{View, elb_usage};
use wire_shapes_network::elbv2 as wire;

pub fn target_group(view: &View, record: &TargetGroup) -> wire::TargetGroup {
    let arn = record.arn();
    let check = &record.health_check;
    let user = elb_usage::load_balancer_of_target_group(view, &arn);
    let user = user.and_then(|key| view.elb_load_balancers.get(&key)).map(|row| row.arn());
    let number = |value: u32| i32::try_from(value).ok();
    let is_grpc = record.protocol_version == ProtocolVersion::Grpc;
    let matcher = |codes: &String| match is_grpc {
        true => wire::Matcher { grpc_code: Some(codes.clone()), http_code: None },
        false => wire::Matcher { grpc_code: None, http_code: Some(codes.clone()) },
    };
    wire::TargetGroup {
        health_check_enabled: Some(true),
        health_check_interval_seconds: number(check.interval_secs),
        health_check_path: check.path.clone(),
        health_check_port: Some(check.port.clone()),
        health_check_protocol: Some(check.protocol.as_str().into()),
        health_check_timeout_seconds: number(check.timeout_secs),
        healthy_threshold_count: number(check.healthy_threshold),
        ip_address_type: Some(record.ip_address_type.as_str().into()),
        load_balancer_arns: Some(user.into_iter().collect()),
        matcher: check.matcher.as_ref().map(matcher),
        port: Some(i32::from(record.port)),
        protocol: Some(record.protocol.as_str().into()),
        protocol_version: is_http(&record.protocol).then(|| record.protocol_version.as_str().to_owned()),
        target_group_arn: Some(arn),
        target_group_name: Some(record.name.clone()),
        target_type: Some(record.target_type.as_str().into()),
        unhealthy_threshold_count: number(check.unhealthy_threshold),
        vpc_id: Some(record.vpc_id.clone()),
        ..Default::default()
    }
}
