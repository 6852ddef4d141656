//! SetSubnets: replaces those that a load balancer has.

use state_model::Record;
use state_model::elbv2::LoadBalancer;
use state_model::elbv2::load_balancer::LoadBalancerKind;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{SetSubnetsInput, SetSubnetsOutput};

use super::create_load_balancer::check_ip_address_type;
use super::errors::{invalid_configuration, unavailable};
use super::subnets::{self, Wanted};
use super::{Context, arns, names, render};

pub async fn set_subnets(context: Context, input: SetSubnetsInput) -> Result<SetSubnetsOutput, ServiceError> {
    let arn = arns::required(input.load_balancer_arn, "loadBalancerArn")?;
    context.authorise("elasticloadbalancing:SetSubnets", &arn)?;
    check_ip_address_type(input.ip_address_type.as_ref())?;
    match input.enable_prefix_for_ipv6_source_nat {
        None | Some(wire::EnablePrefixForIpv6SourceNatEnum::Off) => {}
        Some(_) => return Err(unavailable("Prefixes for IPv6 source NAT are")),
    }
    let wanted = subnets::parse(input.subnets, input.subnet_mappings)?;
    let record = context
        .transact(|view, transaction| {
            let row = arns::load_balancer(view, &context.scope, &arn)?;
            let wanted = Wanted { kind: row.kind, scheme: row.scheme, subnets: wanted.clone() };
            let (_, subnets) = subnets::choose(view, &context.scope, &wanted, Some(row.record()))?;
            let mut record = LoadBalancer::clone(row.record());
            record.subnets = subnets;
            keep_addresses(row, &mut record);
            check_change(row, &record)?;
            // An address that is asked for must not be promised twice.
            names::hold(view, &context.scope, transaction);
            transaction.update(row, &record);
            Ok(record)
        })
        .await?;
    let view = context.view();
    let placement = view.elb_load_balancer_placements.get(&record.key());
    Ok(SetSubnetsOutput {
        availability_zones: Some(render::load_balancer::zones(&record, placement.map(|row| &**row.record()))),
        ip_address_type: Some(wire::IpAddressType::Ipv4),
        ..Default::default()
    })
}

/// A subnet that is named again without an address keeps the one that was asked for.
fn keep_addresses(present: &LoadBalancer, wanted: &mut LoadBalancer) {
    for place in &mut wanted.subnets {
        let former = present.subnets.iter().find(|former| former.subnet_id == place.subnet_id);
        let former = former.and_then(|former| former.private_ipv4_address);
        place.private_ipv4_address = place.private_ipv4_address.or(former);
    }
}

/// The addresses of a network load balancer stay: it can only gain zones.
fn check_change(present: &LoadBalancer, wanted: &LoadBalancer) -> Result<(), ServiceError> {
    let kept = present.subnets.iter().all(|place| wanted.subnets.contains(place));
    if present.kind == LoadBalancerKind::Network && !kept {
        return Err(invalid_configuration(
            "The subnets and addresses of a network load balancer cannot be replaced or removed",
        ));
    }
    Ok(())
}
