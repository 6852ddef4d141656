//! Where a task runs and which address it gets.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use state_model::ec2::public_address::PublicAddressOwner;
use state_model::ec2::{NetworkInterface, PublicAddress, Subnet};
use state_model::ecs::task::{Placed, PlacementOutcome, TaskIntent, TaskPlacement};
use state_tables::addresses::{self, Reserved};
use state_tables::public_addresses::{self, PublicPool};
use state_tables::{Row, View, ecs_settings, ipv6_addresses};
use stdx::clock::Timestamp;
use stdx::random::{self, Random};

use crate::capacity::{Capacity, Fit, Room};
use crate::limits::{INTERRUPTIONS_PER_COMMIT_MAX, PLACEMENTS_PER_COMMIT_MAX, TASKS_PER_NODE_MAX};

/// A node that takes tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOffer {
    pub name: String,
    pub capacity: Capacity,
}

/// What the placement loop commits for one task.
#[derive(Debug)]
pub struct Decision {
    pub intent: Row<TaskIntent>,
    pub placement: TaskPlacement,
    /// Absent when the placement was refused.
    pub interface: Option<NetworkInterface>,
    /// When the task asked for one.
    pub public_address: Option<PublicAddress>,
}

pub const CAPACITY_UNAVAILABLE: &str =
    "Capacity is unavailable at this time. Please try again later or in a different availability zone";

/// What the loop commits.
#[derive(Debug, Default)]
pub struct Plan {
    pub decisions: Vec<Decision>,
    /// Spot tasks that make room for others.
    pub interruptions: Vec<Row<TaskIntent>>,
}

/// Decides for the tasks that wait, oldest first, at most as many as one commit takes. A task that waits for others to make
/// room is not decided, and keeps those behind it from taking that room.
pub fn plan(view: &View, nodes: &[NodeOffer], pool: PublicPool, now: Timestamp, random: &dyn Random) -> Plan {
    let mut waiting: Vec<&Row<TaskIntent>> = view
        .live_tasks
        .iter()
        .filter(|key| !view.task_placements.contains(key))
        .filter_map(|key| view.task_intents.get(key))
        .collect();
    let mut plan = Plan::default();
    if waiting.is_empty() {
        return plan;
    }
    waiting.sort_by_key(|intent| intent.created_at);
    let placed_before = view.live_tasks.len() - waiting.len();
    let mut slots = (TASKS_PER_NODE_MAX * nodes.len()).saturating_sub(placed_before);
    let node = nodes.first();
    let mut room = Room::of(view, node.map_or(Capacity::default(), |node| node.capacity));
    let mut given = Given {
        pool,
        reserved: Reserved::default(),
        ipv6: ipv6_addresses::Reserved::default(),
        public: BTreeSet::new(),
    };
    for intent in waiting {
        if plan.decisions.len() >= PLACEMENTS_PER_COMMIT_MAX
            || plan.interruptions.len() >= INTERRUPTIONS_PER_COMMIT_MAX
        {
            break;
        }
        let node = node.filter(|_| slots > 0);
        match room.take(intent) {
            Fit::Fits => {
                slots = slots.saturating_sub(1);
                plan.decisions.push(decide(view, node, intent, now, &mut given, random));
            }
            Fit::After(interruptions) => plan.interruptions.extend(interruptions),
            Fit::Never => plan.decisions.push(refuse(intent, now, CAPACITY_UNAVAILABLE.into())),
        }
    }
    plan
}

/// Where addresses come from, and those that this plan has given already.
struct Given {
    pool: PublicPool,
    reserved: Reserved,
    ipv6: ipv6_addresses::Reserved,
    public: BTreeSet<Ipv4Addr>,
}

impl Given {
    /// A public address for the task, or `None` when it wants none.
    ///
    /// # Errors
    /// EC2's code when the pool has none left.
    fn public_address(
        &mut self,
        view: &View,
        intent: &TaskIntent,
        random: &dyn Random,
    ) -> Result<Option<Ipv4Addr>, &'static str> {
        if !intent.network.assign_public_ip {
            return Ok(None);
        }
        let free = public_addresses::free(view, self.pool, &self.public, random);
        let address = free.ok_or("InsufficientAddressCapacity")?;
        self.public.insert(address);
        Ok(Some(address))
    }
}

fn decide(
    view: &View,
    node: Option<&NodeOffer>,
    intent: &Row<TaskIntent>,
    now: Timestamp,
    given: &mut Given,
    random: &dyn Random,
) -> Decision {
    let Some(node) = node else {
        return refuse(intent, now, CAPACITY_UNAVAILABLE.into());
    };
    let subnet_id = &intent.network.subnet_id;
    let Some(subnet) = view.subnets.get(&intent.scope.key(subnet_id)) else {
        return refuse(intent, now, create_interface_error(intent, "InvalidSubnetID.NotFound"));
    };
    let public_address = match given.public_address(view, intent, random) {
        Ok(address) => address,
        Err(code) => return refuse(intent, now, create_interface_error(intent, code)),
    };
    let Some(mut interface) = interface_for(view, intent, subnet, now, given, random) else {
        return refuse(intent, now, create_interface_error(intent, "InsufficientFreeAddressesInSubnet"));
    };
    interface.public_address = public_address;
    let placed = Placed {
        node: node.name.clone(),
        generation: 1,
        eni_id: interface.id.clone(),
        vpc_id: interface.vpc_id.clone(),
        address: interface.address,
        ipv6_address: interface.ipv6_addresses.first().copied(),
        mac_address: interface.mac_address.clone(),
        private_dns_name: interface.private_dns_name.clone(),
    };
    Decision {
        intent: intent.clone(),
        placement: placement(intent, now, PlacementOutcome::Placed(placed)),
        public_address: public_address.map(|address| PublicAddress {
            address,
            scope: interface.scope.clone(),
            owner: PublicAddressOwner::Interface(interface.id.clone()),
        }),
        interface: Some(interface),
    }
}

/// The text that ECS gives as `stoppedReason` when EC2 refuses the interface.
fn create_interface_error(intent: &TaskIntent, code: &str) -> String {
    let assignment = if intent.network.assign_public_ip { "enabled" } else { "disabled" };
    let subnet_id = &intent.network.subnet_id;
    format!(
        "Unexpected EC2 error while attempting to Create Network Interface with public IP assignment {assignment} in \
         subnet '{subnet_id}': {code}"
    )
}

fn refuse(intent: &Row<TaskIntent>, now: Timestamp, reason: String) -> Decision {
    let placement = placement(intent, now, PlacementOutcome::Refused { reason });
    Decision { intent: intent.clone(), placement, interface: None, public_address: None }
}

fn placement(intent: &TaskIntent, now: Timestamp, outcome: PlacementOutcome) -> TaskPlacement {
    TaskPlacement {
        scope: intent.scope.clone(),
        cluster: intent.cluster.clone(),
        id: intent.id.clone(),
        outcome,
        at: now,
    }
}

fn interface_for(
    view: &View,
    intent: &TaskIntent,
    subnet: &Subnet,
    now: Timestamp,
    given: &mut Given,
    random: &dyn Random,
) -> Option<NetworkInterface> {
    let address = addresses::allocate(view, subnet, &mut given.reserved, random)?;
    // Whatever the subnet assigns by itself: ECS asks for an address, as the account setting says.
    let is_dual_stack =
        subnet.ipv6_block.is_some() && ecs_settings::is_dual_stack(view, &intent.scope, &intent.created_by);
    let ipv6_addresses = match is_dual_stack {
        true => vec![ipv6_addresses::allocate(view, subnet, &mut given.ipv6, random)?],
        false => Vec::new(),
    };
    let attachment_id = intent.network.attachment_id.clone();
    Some(NetworkInterface {
        scope: intent.scope.clone(),
        id: format!("eni-{}", random::hex(random, 17)),
        vpc_id: subnet.vpc_id.clone(),
        subnet_id: subnet.id.clone(),
        availability_zone: subnet.availability_zone.clone(),
        address,
        mac_address: addresses::mac_address(random),
        private_dns_name: addresses::private_dns_name(address, &intent.scope.region),
        description: intent.scope.arn("ecs", &format!("attachment/{attachment_id}")),
        security_groups: intent.network.security_groups.clone(),
        task_key: state_model::ecs::task::task_key(&intent.scope, &intent.cluster, &intent.id),
        load_balancer_key: None,
        nat_gateway_id: None,
        vpc_endpoint_id: None,
        public_address: None,
        secondary_addresses: Vec::new(),
        ipv6_addresses,
        source_dest_check: true,
        attachment_id,
        created_at: now,
        tags: Default::default(),
    })
}
