//! What has served its time: interfaces of stopped tasks, and stopped tasks after an hour.

use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ec2::{NetworkInterface, PublicAddress};
use state_model::elbv2::Target;
use state_tables::{Row, View};
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

/// As many as one commit deletes: each task is three records.
pub fn tasks(view: &View, now: Timestamp) -> ExpiredTasks {
    let mut expired = ExpiredTasks::default();
    let stopped = view.task_intents.iter().filter(|(key, _)| !view.live_tasks.contains(*key));
    for (key, _) in stopped {
        let Some(stopped_at) = view.task(key).and_then(|task| task.stopped_at()) else { continue };
        let due = stopped_at.plus(STOPPED_TASK_KEPT);
        if due > now {
            expired.next = Some(expired.next.map_or(due, |next| next.min(due)));
        } else if expired.tasks.len() < DELETIONS_PER_COMMIT_MAX / 3 {
            expired.tasks.push(key.to_owned());
        }
    }
    expired
}
