//! What has served its time: interfaces of stopped tasks, and stopped tasks after an hour; what deleted NAT gateways held, and
//! they themselves after an hour.

use state_model::ec2::nat_gateway::SHOWN_AFTER_DELETION;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ec2::{ClientToken, ElasticIp, NatGateway, NetworkInterface, PublicAddress};
use state_model::elbv2::Target;
use state_tables::{Row, View, task_columns};
use stdx::clock::Timestamp;

use crate::limits::{DELETIONS_PER_COMMIT_MAX, STOPPED_TASK_KEPT};

/// The interface of a task that has stopped, and the public address that it was given.
#[derive(Debug)]
pub struct UnusedInterface {
    pub interface: Row<NetworkInterface>,
    pub public_address: Option<Row<PublicAddress>>,
}

/// Interfaces whose task has stopped, as many as one commit deletes.
pub fn interfaces(view: &View) -> Vec<UnusedInterface> {
    let interfaces = view.network_interfaces.iter().map(|(_, interface)| interface);
    let unused = interfaces.filter(|interface| match interface.owner() {
        // Its address is given to nobody else as long as a balancer may still dial it.
        InterfaceOwner::Task(key) => {
            !view.live_tasks.contains(key) && !view.elb_targets.any_by(Target::TASK, key)
        }
        InterfaceOwner::LoadBalancer(_)
        | InterfaceOwner::NatGateway(_)
        | InterfaceOwner::VpcEndpoint(_)
        | InterfaceOwner::User => false,
    });
    let unused = unused.map(|interface| UnusedInterface {
        interface: interface.clone(),
        public_address: given_address(view, interface).cloned(),
    });
    unused.take(DELETIONS_PER_COMMIT_MAX / 2).collect()
}

fn given_address<'v>(view: &'v View, interface: &NetworkInterface) -> Option<&'v Row<PublicAddress>> {
    let address = view.public_addresses.get(&interface.public_address?.to_string())?;
    let owner = PublicAddressOwner::Interface(interface.id.clone());
    (address.scope == interface.scope && address.owner == owner).then_some(address)
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExpiredTasks {
    /// Keys of tasks that stopped longer ago than they are described.
    pub tasks: Vec<String>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// As many as one commit deletes: each task is five records.
pub fn tasks(view: &View, now: Timestamp) -> ExpiredTasks {
    let mut expired = ExpiredTasks::default();
    let stopped = view.task_intents.iter().filter(|(key, _)| !view.live_tasks.contains(*key));
    for (key, _) in stopped {
        let Some(stopped_at) = view.task(key).and_then(|task| task.stopped_at()) else { continue };
        let due = stopped_at.plus(STOPPED_TASK_KEPT);
        if due > now {
            expired.next = Some(expired.next.map_or(due, |next| next.min(due)));
        } else if !task_columns::is_settled(view, key) {
            // What it used and how it ended is told first.
        } else if expired.tasks.len() < DELETIONS_PER_COMMIT_MAX / 5 {
            expired.tasks.push(key.to_owned());
        }
    }
    expired
}

/// What a deleted NAT gateway still holds.
#[derive(Debug)]
pub struct NatGatewayLeftovers {
    pub gateway: Row<NatGateway>,
    pub interface: Row<NetworkInterface>,
    /// The address that stood for it. It stays its account's.
    pub elastic_ip: Option<Row<ElasticIp>>,
}

/// Of gateways that are deleted and that the nodes have told to be gone, as many as one commit writes: three rows each.
pub fn nat_gateways(view: &View) -> Vec<NatGatewayLeftovers> {
    let gone = view
        .nat_gateways
        .iter()
        .filter(|(key, gateway)| gateway.deleted_at.is_some() && !view.network_in_place.contains(key));
    let leftovers = gone.filter_map(|(key, gateway)| {
        let interface = view.network_interfaces.by("nat-gateway", key).next()?;
        let interface_key = interface.scope.key(&interface.id);
        Some(NatGatewayLeftovers {
            gateway: gateway.clone(),
            interface: interface.clone(),
            elastic_ip: view.elastic_ips.by("interface", &interface_key).next().cloned(),
        })
    });
    leftovers.take(DELETIONS_PER_COMMIT_MAX / 3).collect()
}

#[derive(Debug, Default)]
pub struct ExpiredNatGateways {
    /// Deleted longer ago than they are described, with the tokens that made them.
    pub gateways: Vec<(Row<NatGateway>, Vec<Row<ClientToken>>)>,
    /// When the next one becomes due.
    pub next: Option<Timestamp>,
}

/// Deleted and failed gateways that are described no longer. One that still holds something waits for the nodes.
pub fn expired_nat_gateways(view: &View, now: Timestamp) -> ExpiredNatGateways {
    let mut expired = ExpiredNatGateways::default();
    for (key, gateway) in view.nat_gateways.iter() {
        let Some(deleted_at) = gateway.deleted_at else { continue };
        if view.network_interfaces.any_by("nat-gateway", key) {
            continue;
        }
        let due = deleted_at.plus(SHOWN_AFTER_DELETION);
        if due > now {
            expired.next = Some(expired.next.map_or(due, |next| next.min(due)));
        } else if expired.gateways.len() < DELETIONS_PER_COMMIT_MAX / 4 {
            let tokens = view.ec2_client_tokens.by("resource", key).cloned().collect();
            expired.gateways.push((gateway.clone(), tokens));
        }
    }
    expired
}
