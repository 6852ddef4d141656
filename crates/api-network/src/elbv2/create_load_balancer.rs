//! CreateLoadBalancer. Repeating it with the same settings yields the load balancer that is there.

use std::collections::BTreeSet;

use state_model::Scope;
use state_model::elbv2::load_balancer::{LoadBalancer, LoadBalancerKind, LoadBalancerSubnet, Scheme};
use state_tables::{View, elb_usage};
use stdx::random;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2 as wire;
use wire_shapes_network::elbv2::{CreateLoadBalancerInput, CreateLoadBalancerOutput};

use super::errors::{not_among, too_many, unavailable, validation};
use super::limits::LOAD_BALANCERS_MAX;
use super::subnets::{self, Wanted};
use super::{Context, arns, names, render, security_groups, tags};

/// Names of load balancers end with it.
const DOMAIN: &str = "neargate.internal";

pub async fn create_load_balancer(
    context: Context,
    input: CreateLoadBalancerInput,
) -> Result<CreateLoadBalancerOutput, ServiceError> {
    let name = arns::required(input.name.clone(), "name")?;
    let kind = kind(input.r#type.as_ref())?;
    let any = context.scope.arn("elasticloadbalancing", &format!("loadbalancer/{}/{name}/*", kind.prefix()));
    context.authorise("elasticloadbalancing:CreateLoadBalancer", &any)?;
    check_name(&name)?;
    refuse_unavailable(&input)?;
    let scheme = scheme(input.scheme.as_ref())?;
    check_ip_address_type(input.ip_address_type.as_ref())?;
    let wanted = Wanted { kind, scheme, subnets: subnets::parse(input.subnets, input.subnet_mappings)? };
    let wanted_groups = input.security_groups.unwrap_or_default();
    let tags = tags::parse(input.tags)?;
    let id = random::hex(&*context.random, 16);
    let dns_name = dns_name(&context.scope, kind, scheme, &name, &id, &random::digits(&*context.random, 10));
    let record = context
        .transact(|view, transaction| {
            let (vpc_id, subnets) = subnets::choose(view, &context.scope, &wanted, None)
                .or_else(|error| kept_subnets(view, &context.scope, &name, &wanted, error))?;
            let groups = security_groups::choose(view, &context.scope, &vpc_id, kind, &wanted_groups)?;
            let record = LoadBalancer {
                scope: context.scope.clone(),
                kind,
                name: name.clone(),
                id: id.clone(),
                dns_name: dns_name.clone(),
                scheme,
                vpc_id,
                ip_address_type: String::from("ipv4"),
                subnets,
                security_groups: groups.iter().map(|group| group.id.clone()).collect(),
                attributes: Default::default(),
                tags: tags.clone(),
                created_at: context.now,
            };
            if let Some(present) = elb_usage::load_balancer_by_name(view, &context.scope, &name) {
                return same_or_refused(present, &record);
            }
            check_count(view, &context.scope, kind)?;
            names::hold(view, &context.scope, transaction);
            security_groups::hold(transaction, &groups);
            transaction.insert(&record);
            Ok(record)
        })
        .await?;
    let view = context.view();
    Ok(CreateLoadBalancerOutput {
        load_balancers: Some(vec![render::load_balancer::load_balancer(&view, &record)]),
    })
}

fn kind(given: Option<&wire::LoadBalancerTypeEnum>) -> Result<LoadBalancerKind, ServiceError> {
    match given {
        None | Some(wire::LoadBalancerTypeEnum::Application) => Ok(LoadBalancerKind::Application),
        Some(wire::LoadBalancerTypeEnum::Network) => Ok(LoadBalancerKind::Network),
        Some(wire::LoadBalancerTypeEnum::Gateway) => Err(unavailable("Gateway load balancers are")),
        Some(wire::LoadBalancerTypeEnum::Other(other)) => {
            Err(not_among(other, "type", wire::LoadBalancerTypeEnum::VALUES))
        }
    }
}

fn scheme(given: Option<&wire::LoadBalancerSchemeEnum>) -> Result<Scheme, ServiceError> {
    match given {
        None | Some(wire::LoadBalancerSchemeEnum::InternetFacing) => Ok(Scheme::InternetFacing),
        Some(wire::LoadBalancerSchemeEnum::Internal) => Ok(Scheme::Internal),
        Some(wire::LoadBalancerSchemeEnum::Other(other)) => {
            Err(not_among(other, "scheme", wire::LoadBalancerSchemeEnum::VALUES))
        }
    }
}

/// No subnet has IPv6 addresses, so that this is what AWS would say too.
pub fn check_ip_address_type(given: Option<&wire::IpAddressType>) -> Result<(), ServiceError> {
    match given {
        None | Some(wire::IpAddressType::Ipv4) => Ok(()),
        Some(wire::IpAddressType::Dualstack | wire::IpAddressType::DualstackWithoutPublicIpv4) => {
            Err(subnets::invalid_subnet("You must specify subnets with an associated IPv6 CIDR block"))
        }
        Some(wire::IpAddressType::Other(other)) => {
            Err(not_among(other, "ipAddressType", wire::IpAddressType::VALUES))
        }
    }
}

fn refuse_unavailable(input: &CreateLoadBalancerInput) -> Result<(), ServiceError> {
    if input.customer_owned_ipv4_pool.is_some() {
        return Err(unavailable("Customer-owned address pools are"));
    }
    if input.ipam_pools.is_some() {
        return Err(unavailable("IPAM pools are"));
    }
    match &input.enable_prefix_for_ipv6_source_nat {
        None | Some(wire::EnablePrefixForIpv6SourceNatEnum::Off) => Ok(()),
        Some(_) => Err(unavailable("Prefixes for IPv6 source NAT are")),
    }
}

fn check_name(name: &str) -> Result<(), ServiceError> {
    names::check("Load balancer", name)?;
    if name.starts_with("internal-") {
        return Err(validation(format!("Load balancer name '{name}' cannot begin with 'internal-'")));
    }
    Ok(())
}

fn dns_name(
    scope: &Scope,
    kind: LoadBalancerKind,
    scheme: Scheme,
    name: &str,
    id: &str,
    digits: &str,
) -> String {
    let region = &scope.region;
    match (kind, scheme) {
        (LoadBalancerKind::Application, Scheme::InternetFacing) => {
            format!("{name}-{digits}.{region}.elb.{DOMAIN}")
        }
        (LoadBalancerKind::Application, Scheme::Internal) => {
            format!("internal-{name}-{digits}.{region}.elb.{DOMAIN}")
        }
        (LoadBalancerKind::Network, _) => format!("{name}-{id}.elb.{region}.{DOMAIN}"),
    }
}

/// The load balancer that is asked for again may itself have taken the addresses that its subnets lack now.
fn kept_subnets(
    view: &View,
    scope: &Scope,
    name: &str,
    wanted: &Wanted,
    error: ServiceError,
) -> Result<(String, Vec<LoadBalancerSubnet>), ServiceError> {
    match elb_usage::load_balancer_by_name(view, scope, name) {
        Some(present) => subnets::choose(view, scope, wanted, Some(present.record())).map_err(|_| error),
        None => Err(error),
    }
}

fn same_or_refused(present: &LoadBalancer, wanted: &LoadBalancer) -> Result<LoadBalancer, ServiceError> {
    fn groups(record: &LoadBalancer) -> BTreeSet<&String> {
        record.security_groups.iter().collect()
    }
    fn places(record: &LoadBalancer) -> BTreeSet<(&String, Option<std::net::Ipv4Addr>)> {
        record.subnets.iter().map(|place| (&place.subnet_id, place.private_ipv4_address)).collect()
    }
    let same = present.kind == wanted.kind
        && present.scheme == wanted.scheme
        && places(present) == places(wanted)
        && groups(present) == groups(wanted);
    if same {
        return Ok(present.clone());
    }
    let message =
        format!("A load balancer with the same name '{}' exists, but with different settings", wanted.name);
    Err(ServiceError::caller("DuplicateLoadBalancerName", message))
}

fn check_count(view: &View, scope: &Scope, kind: LoadBalancerKind) -> Result<(), ServiceError> {
    let prefix = scope.key(&format!("{}/", kind.prefix()));
    if view.elb_load_balancers.prefix(&prefix).count() >= LOAD_BALANCERS_MAX {
        return Err(too_many("TooManyLoadBalancers", "load balancers", LOAD_BALANCERS_MAX));
    }
    Ok(())
}
