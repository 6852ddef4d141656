//! What a balancer is told of a load balancer and of a target group.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::path::Path;

use link_protocol::edge::{
    CertificateConfig, IngressRule, LastHealth, ListenerConfig, LoadBalancerConfig, RuleConfig, TargetConfig,
    TargetGroupConfig, ZoneConfig,
};
use state_model::Scope;
use state_model::acm::Certificate;
use state_model::acm::certificate::certificate_key;
use state_model::ec2::security_group::{RulePeer, RuleProtocol, SecurityGroupRule};
use state_model::elbv2::target_group::TargetType;
use state_model::elbv2::{Listener, LoadBalancer, Rule, Target, TargetGroup};
use state_model::record::Record;
use state_tables::{View, elb_usage};

/// What the configuration needs beside the snapshot.
pub struct Surroundings<'a> {
    /// The folder that holds a network namespace for each interface, named by its id.
    pub namespaces: &'a Path,
    /// Ids of the interfaces that are in place. Others aren't told: nothing could be bound there.
    pub attached: &'a BTreeSet<String>,
    /// The private key of a certificate, PEM.
    pub unseal: &'a (dyn Fn(&Certificate) -> Option<String> + Send + Sync),
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Surroundings").field("attached", &self.attached).finish_non_exhaustive()
    }
}

/// The load balancer with this key; none when it is gone, or has no place yet.
pub fn load_balancer(view: &View, key: &str, surroundings: &Surroundings<'_>) -> Option<LoadBalancerConfig> {
    let row = view.elb_load_balancers.get(key)?;
    let placement = view.elb_load_balancer_placements.get(key)?;
    let attached = placement.zones.iter().filter(|zone| surroundings.attached.contains(&zone.eni_id));
    let zones: Vec<ZoneConfig> = attached
        .map(|zone| ZoneConfig {
            availability_zone: zone.availability_zone.clone(),
            subnet_id: zone.subnet_id.clone(),
            eni_id: zone.eni_id.clone(),
            private_address: zone.private_address,
            public_address: zone.public_address,
            namespace: surroundings.namespaces.join(&zone.eni_id),
        })
        .collect();
    if zones.is_empty() {
        return None;
    }
    let listeners = elb_usage::listeners_of_load_balancer(view, key);
    Some(LoadBalancerConfig {
        arn: row.arn(),
        account: row.scope.account.clone(),
        region: row.scope.region.clone(),
        path: row.path(),
        kind: row.kind,
        scheme: row.scheme,
        dns_name: row.dns_name.clone(),
        zones,
        attributes: elb_usage::load_balancer_attributes(row),
        public_ingress: public_ingress(view, row),
        vpc_cidr_blocks: vpc_cidr_blocks(view, row),
        listeners: listeners.map(|row| listener(view, row, surroundings)).collect(),
    })
}

fn listener(view: &View, row: &Listener, surroundings: &Surroundings<'_>) -> ListenerConfig {
    let rules = elb_usage::rules_of_listener(view, &row.key());
    let certificates = row.certificates.iter();
    ListenerConfig {
        arn: row.arn(),
        protocol: row.protocol.clone(),
        port: row.port,
        certificates: certificates.filter_map(|arn| certificate(view, arn, surroundings)).collect(),
        ssl_policy: row.ssl_policy.clone(),
        alpn_policy: row.alpn_policy.clone(),
        attributes: elb_usage::listener_attributes(row),
        rules: rules.into_iter().map(|row| rule(row)).collect(),
        default_action: row.default_action.clone(),
    }
}

fn rule(row: &Rule) -> RuleConfig {
    RuleConfig {
        arn: row.arn(),
        priority: row.priority,
        conditions: row.conditions.clone(),
        action: row.action.clone(),
        transforms: row.transforms.clone(),
    }
}

/// None when it is gone, or its key can't be read: ACM refuses to delete one in use, so this is only a race's moment.
fn certificate(view: &View, arn: &str, surroundings: &Surroundings<'_>) -> Option<CertificateConfig> {
    let row = view.acm_certificates.get(&certificate_key(arn)?)?;
    let private_key_pem = (surroundings.unseal)(row.record())?;
    let chain_pem = format!("{}\n{}", row.certificate_pem.trim_end(), row.chain_pem);
    Some(CertificateConfig { arn: arn.to_owned(), chain_pem, private_key_pem })
}

/// Who may connect from outside of the VPC by the load balancer's groups; none when it has no groups and lets everyone in.
/// References to groups mean addresses inside of VPCs, and prefix lists can't be made: both let nobody in from outside.
fn public_ingress(view: &View, row: &LoadBalancer) -> Option<Vec<IngressRule>> {
    if row.security_groups.is_empty() {
        return None;
    }
    let groups = row.security_groups.iter().filter_map(|id| view.security_groups.get(&row.scope.key(id)));
    let rules = groups.flat_map(|group| group.record().rules.iter().filter(|rule| !rule.is_egress));
    Some(rules.flat_map(ingress_rules).collect())
}

fn vpc_cidr_blocks(view: &View, row: &LoadBalancer) -> Vec<String> {
    let vpc = view.vpcs.get(&row.scope.key(&row.vpc_id));
    vpc.iter().flat_map(|vpc| vpc.cidr_blocks()).map(str::to_owned).collect()
}

fn ingress_rules(rule: &SecurityGroupRule) -> Vec<IngressRule> {
    let RulePeer::Ipv4(cidr) = &rule.peer else { return Vec::new() };
    let protocols: &[bool] = match rule.protocol {
        RuleProtocol::All => &[true, false],
        RuleProtocol::Tcp | RuleProtocol::Number(6) => &[true],
        RuleProtocol::Udp | RuleProtocol::Number(17) => &[false],
        RuleProtocol::Icmp | RuleProtocol::Number(_) => &[],
    };
    let has_ports = matches!(rule.protocol, RuleProtocol::Tcp | RuleProtocol::Udp);
    let port = |value: i32, default: u16| u16::try_from(value).ok().filter(|_| has_ports).unwrap_or(default);
    protocols
        .iter()
        .map(|tcp| IngressRule {
            tcp: *tcp,
            from_port: port(rule.from_port, 0),
            to_port: port(rule.to_port, u16::MAX),
            cidr: cidr.clone(),
        })
        .collect()
}

/// The target group with this key; none when it is gone or no load balancer uses it.
pub fn target_group(view: &View, key: &str) -> Option<TargetGroupConfig> {
    let row = view.elb_target_groups.get(key)?;
    let arn = row.arn();
    let load_balancer = elb_usage::load_balancer_of_target_group(view, &arn)
        .and_then(|key| view.elb_load_balancers.get(&key))?;
    let targets = elb_usage::targets_of_group(view, key);
    Some(TargetGroupConfig {
        path: format!("targetgroup/{}", row.path()),
        protocol: row.protocol.clone(),
        protocol_version: row.protocol_version,
        port: row.port,
        target_type: row.target_type,
        health_check: row.health_check.clone(),
        attributes: elb_usage::target_group_attributes(row),
        load_balancer_arn: Some(load_balancer.arn()),
        targets: targets.filter_map(|target_row| target(view, row, target_row)).collect(),
        arn,
    })
}

/// None when it has no address: a load balancer that is gone or has no place yet.
fn target(view: &View, group: &TargetGroup, row: &Target) -> Option<TargetConfig> {
    let address = match group.target_type {
        TargetType::Ip => row.address()?,
        TargetType::Alb => load_balancer_address(view, &row.scope, &row.target_id)?,
        // There are no instances: none can be registered.
        TargetType::Instance => return None,
    };
    let last_health = view.elb_target_health.get(&row.key()).map(|health| LastHealth {
        state: health.state,
        reason: health.reason.clone(),
        description: health.description.clone(),
        since: health.since,
    });
    Some(TargetConfig {
        id: row.target_id.clone(),
        address,
        port: row.port,
        availability_zone: row.availability_zone.clone().filter(|zone| zone != "all"),
        registered_at: row.registered_at,
        draining_since: row.deregistered_at,
        last_health,
    })
}

fn load_balancer_address(view: &View, scope: &Scope, arn: &str) -> Option<Ipv4Addr> {
    let path = arn.rsplit_once(":loadbalancer/")?.1;
    let placement = view.elb_load_balancer_placements.get(&scope.key(path))?;
    placement.zones.first().map(|zone| zone.private_address)
}
