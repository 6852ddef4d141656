//! A network interface of a task or of a load balancer.

use std::net::Ipv4Addr;

use state_model::ec2::NetworkInterface;
use state_model::ec2::subnet::Subnet;
use state_model::ecs::task::Phase;
use state_tables::{Row, View};
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

/// The account by which AWS's container services own their interfaces.
pub const REQUESTER_ID: &str = "578734482556";

/// The name by which Elastic Load Balancing owns its interfaces.
const LOAD_BALANCING_ID: &str = "amazon-elb";

/// Inside its task, the interface is the second one, as on AWS.
const DEVICE_INDEX: i32 = 1;

pub fn network_interface(view: &View, interface: &NetworkInterface) -> wire::NetworkInterface {
    let attached = is_attached(view, interface);
    wire::NetworkInterface {
        association: association(view, interface),
        attachment: attached.then(|| attachment(interface)),
        availability_zone: Some(interface.availability_zone.clone()),
        availability_zone_id: subnet(view, interface).map(|subnet| subnet.availability_zone_id.clone()),
        description: Some(interface.description.clone()),
        groups: Some(interface.security_groups.iter().map(|id| group(view, interface, id)).collect()),
        interface_type: Some(interface_type(interface)),
        ipv6_addresses: Some(Vec::new()),
        mac_address: Some(interface.mac_address.clone()),
        network_interface_id: Some(interface.id.clone()),
        operator: Some(wire::OperatorResponse { managed: Some(false), ..Default::default() }),
        owner_id: Some(interface.scope.account.clone()),
        private_dns_name: Some(interface.private_dns_name.clone()),
        private_ip_address: Some(interface.address.to_string()),
        private_ip_addresses: Some(vec![wire::NetworkInterfacePrivateIpAddress {
            primary: Some(true),
            private_dns_name: Some(interface.private_dns_name.clone()),
            private_ip_address: Some(interface.address.to_string()),
            association: association(view, interface),
        }]),
        requester_id: Some(String::from(requester_id(interface))),
        requester_managed: Some(true),
        source_dest_check: Some(true),
        status: Some(status(attached)),
        subnet_id: Some(interface.subnet_id.clone()),
        tag_set: Some(tags::render(&interface.tags)),
        vpc_id: Some(interface.vpc_id.clone()),
        ..Default::default()
    }
}

pub fn requester_id(interface: &NetworkInterface) -> &'static str {
    if interface.load_balancer_key.is_some() { LOAD_BALANCING_ID } else { REQUESTER_ID }
}

/// As on AWS, those of application load balancers are interfaces like any other.
pub fn interface_type(interface: &NetworkInterface) -> wire::NetworkInterfaceType {
    match interface.description.starts_with("ELB net/") {
        true => wire::NetworkInterfaceType::NetworkLoadBalancer,
        false => wire::NetworkInterfaceType::Interface,
    }
}

/// The public address of a load balancer's interface.
pub fn public_address(view: &View, interface: &NetworkInterface) -> Option<Ipv4Addr> {
    let placement = view.elb_load_balancer_placements.get(interface.load_balancer_key.as_deref()?)?;
    placement.zones.iter().find(|zone| zone.eni_id == interface.id)?.public_address
}

fn association(view: &View, interface: &NetworkInterface) -> Option<wire::NetworkInterfaceAssociation> {
    Some(wire::NetworkInterfaceAssociation {
        ip_owner_id: Some(String::from(LOAD_BALANCING_ID)),
        public_ip: Some(public_address(view, interface)?.to_string()),
        ..Default::default()
    })
}

/// Whether the node has told that the task has it, or that the load balancer serves from it.
pub fn is_attached(view: &View, interface: &NetworkInterface) -> bool {
    if let Some(load_balancer) = &interface.load_balancer_key {
        return view.elb_load_balancer_status.contains(load_balancer);
    }
    let observation = view.task_observations.get(&interface.task_key);
    observation.is_some_and(|observation| observation.phase > Phase::Provisioning)
}

pub fn status(attached: bool) -> wire::NetworkInterfaceStatus {
    if attached { wire::NetworkInterfaceStatus::InUse } else { wire::NetworkInterfaceStatus::Available }
}

pub fn attachment_id(interface: &NetworkInterface) -> String {
    let prefix = if interface.load_balancer_key.is_some() { "ela-attach-" } else { "eni-attach-" };
    interface.id.replacen("eni-", prefix, 1)
}

pub fn subnet<'v>(view: &'v View, interface: &NetworkInterface) -> Option<&'v Row<Subnet>> {
    view.subnets.get(&interface.scope.key(&interface.subnet_id))
}

fn attachment(interface: &NetworkInterface) -> wire::NetworkInterfaceAttachment {
    wire::NetworkInterfaceAttachment {
        attach_time: Some(Instant::from_millis(interface.created_at.as_millis())),
        attachment_id: Some(attachment_id(interface)),
        delete_on_termination: Some(false),
        device_index: Some(DEVICE_INDEX),
        instance_owner_id: Some(String::from(requester_id(interface))),
        network_card_index: Some(0),
        status: Some(wire::AttachmentStatus::Attached),
        ..Default::default()
    }
}

fn group(view: &View, interface: &NetworkInterface, id: &str) -> wire::GroupIdentifier {
    let group = view.security_groups.get(&interface.scope.key(id));
    wire::GroupIdentifier { group_id: Some(id.to_owned()), group_name: group.map(|group| group.name.clone()) }
}
