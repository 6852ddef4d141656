//! Which places of a load balancer its name leads to.

use std::net::Ipv4Addr;

use state_model::elbv2::attributes;
use state_model::elbv2::load_balancer::{LoadBalancerKind, PlacedZone, Scheme};
use state_model::elbv2::target::HealthState;
use state_model::elbv2::target_group::target_group_key;
use state_model::elbv2::{LoadBalancer, Target};
use state_model::record::Record;
use state_tables::{View, elb_usage};

/// The zones to be told to those who ask for the name. A network load balancer leaves out a zone that has no healthy target,
/// unless none has any: then all are told, as it serves all targets then.
pub fn zones<'v>(view: &'v View, load_balancer: &LoadBalancer) -> Vec<&'v PlacedZone> {
    let key = load_balancer.scope.key(&load_balancer.path());
    let Some(placement) = view.elb_load_balancer_placements.get(&key) else { return Vec::new() };
    let placed = &placement.record().zones;
    if load_balancer.kind == LoadBalancerKind::Application {
        return placed.iter().collect();
    }
    let groups: Vec<String> = elb_usage::target_groups_of_load_balancer(view, &key).into_iter().collect();
    let healthy: Vec<&PlacedZone> =
        placed.iter().filter(|zone| is_healthy(view, load_balancer, &groups, zone)).collect();
    if healthy.is_empty() { placed.iter().collect() } else { healthy }
}

/// The addresses by which the host reaches it: public ones, or those in its VPC when it is internal.
pub fn host_addresses(view: &View, load_balancer: &LoadBalancer) -> Vec<Ipv4Addr> {
    let zones = zones(view, load_balancer).into_iter();
    match load_balancer.scheme {
        Scheme::InternetFacing => zones.filter_map(|zone| zone.public_address).collect(),
        Scheme::Internal => zones.map(|zone| zone.private_address).collect(),
    }
}

/// The addresses by which tasks of its VPC reach it.
pub fn vpc_addresses(view: &View, load_balancer: &LoadBalancer) -> Vec<Ipv4Addr> {
    zones(view, load_balancer).into_iter().map(|zone| zone.private_address).collect()
}

/// Whether every target group has a healthy target that this zone may use.
fn is_healthy(view: &View, load_balancer: &LoadBalancer, groups: &[String], zone: &PlacedZone) -> bool {
    let of_load_balancer = elb_usage::load_balancer_attributes(load_balancer);
    let across = of_load_balancer.get(CROSS_ZONE).is_some_and(|value| value == "true");
    groups.iter().filter_map(|arn| view.elb_target_groups.get(&target_group_key(arn)?)).all(|group| {
        let own = attributes::value(
            &group.attributes,
            attributes::target_group_defaults(&group.protocol, group.target_type),
            CROSS_ZONE,
        );
        let across = own == "true" || (own != "false" && across);
        let group_key = group.scope.key(&group.path());
        view.elb_target_health.by(Target::TARGET_GROUP, &group_key).any(|health| {
            let is_healthy = health.state == HealthState::Healthy;
            is_healthy && (across || is_in_zone(view, &health.key(), zone))
        })
    })
}

const CROSS_ZONE: &str = "load_balancing.cross_zone.enabled";

/// Targets that are no address of the VPC belong to all zones.
fn is_in_zone(view: &View, target_key: &str, zone: &PlacedZone) -> bool {
    let Some(target) = view.elb_targets.get(target_key) else { return false };
    target
        .availability_zone
        .as_deref()
        .is_none_or(|target_zone| target_zone == "all" || target_zone == zone.availability_zone)
}
