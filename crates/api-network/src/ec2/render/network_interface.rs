//! A network interface: of a task, a load balancer, a NAT gateway, a VPC endpoint, or of its user.

use std::net::{Ipv4Addr, Ipv6Addr};

use state_model::ec2::NetworkInterface;
use state_model::ec2::network_interface::InterfaceOwner;
use state_model::ec2::subnet::Subnet;
use state_model::ecs::task::Phase;
use state_tables::{Row, View, addresses, public_addresses};
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;

use crate::ec2::{elastic_ip_lookup, tags};

/// The account by which AWS's container services own their interfaces.
pub const REQUESTER_ID: &str = "578734482556";

/// The name by which Elastic Load Balancing owns its interfaces.
const LOAD_BALANCING_ID: &str = "amazon-elb";

/// Who owns public addresses that come and go with their interface.
const AMAZON: &str = "amazon";

/// Inside its task, the interface is the second one, as on AWS.
const DEVICE_INDEX: i32 = 1;

pub fn network_interface(view: &View, interface: &NetworkInterface) -> wire::NetworkInterface {
    let attached = is_attached(view, interface);
    let association = association(view, interface, interface.address);
    wire::NetworkInterface {
        public_dns_name: association.as_ref().and_then(|association| association.public_dns_name.clone()),
        association,
        attachment: attached.then(|| attachment(interface)),
        availability_zone: Some(interface.availability_zone.clone()),
        availability_zone_id: subnet(view, interface).map(|subnet| subnet.availability_zone_id.clone()),
        description: Some(interface.description.clone()),
        groups: Some(interface.security_groups.iter().map(|id| group(view, interface, id)).collect()),
        interface_type: Some(interface_type(interface)),
        ipv6_addresses: Some(interface.ipv6_addresses.iter().map(ipv6_address).collect()),
        mac_address: Some(interface.mac_address.clone()),
        network_interface_id: Some(interface.id.clone()),
        operator: Some(wire::OperatorResponse { managed: Some(false), ..Default::default() }),
        owner_id: Some(interface.scope.account.clone()),
        private_dns_name: Some(interface.private_dns_name.clone()),
        private_ip_address: Some(interface.address.to_string()),
        private_ip_addresses: Some(
            interface.addresses().map(|address| private_address(view, interface, address)).collect(),
        ),
        requester_id: Some(requester_id(interface)),
        requester_managed: Some(is_managed(interface)),
        source_dest_check: Some(interface.source_dest_check),
        status: Some(status(attached)),
        subnet_id: Some(interface.subnet_id.clone()),
        tag_set: Some(tags::render(&interface.tags)),
        vpc_id: Some(interface.vpc_id.clone()),
        ..Default::default()
    }
}

/// Whether it belongs to a service, which made it and removes it.
pub fn is_managed(interface: &NetworkInterface) -> bool {
    interface.owner() != InterfaceOwner::User
}

pub fn requester_id(interface: &NetworkInterface) -> String {
    match interface.owner() {
        InterfaceOwner::Task(_) => String::from(REQUESTER_ID),
        InterfaceOwner::LoadBalancer(_) => String::from(LOAD_BALANCING_ID),
        // Made in the name of whoever asked for it.
        InterfaceOwner::NatGateway(_) | InterfaceOwner::VpcEndpoint(_) | InterfaceOwner::User => {
            interface.scope.account.clone()
        }
    }
}

/// As on AWS, those of application load balancers are interfaces like any other. What is told for NAT gateways and endpoints
/// is what AWS tells, whatever its model lists.
pub fn interface_type(interface: &NetworkInterface) -> wire::NetworkInterfaceType {
    match interface.owner() {
        InterfaceOwner::NatGateway(_) => wire::NetworkInterfaceType::Other(String::from("nat_gateway")),
        InterfaceOwner::VpcEndpoint(_) => wire::NetworkInterfaceType::VpcEndpoint,
        _ if interface.description.starts_with("ELB net/") => wire::NetworkInterfaceType::NetworkLoadBalancer,
        _ => wire::NetworkInterfaceType::Interface,
    }
}

/// What stands for a private address of the interface in the world.
pub fn association(
    view: &View,
    interface: &NetworkInterface,
    address: Ipv4Addr,
) -> Option<wire::NetworkInterfaceAssociation> {
    let elastic = elastic_ip_lookup::of_private_address(view, interface, address);
    if let Some((elastic, association)) = elastic {
        return Some(wire::NetworkInterfaceAssociation {
            allocation_id: Some(elastic.id.clone()),
            association_id: Some(association.id.clone()),
            ip_owner_id: Some(elastic.scope.account.clone()),
            public_dns_name: public_dns_name(view, interface, elastic.public_address),
            public_ip: Some(elastic.public_address.to_string()),
            ..Default::default()
        });
    }
    if address != interface.address {
        return None;
    }
    let public = public_addresses::of_interface(view, interface)?;
    let owner = match interface.owner() {
        InterfaceOwner::LoadBalancer(_) => LOAD_BALANCING_ID,
        _ => AMAZON,
    };
    Some(wire::NetworkInterfaceAssociation {
        ip_owner_id: Some(String::from(owner)),
        public_dns_name: public_dns_name(view, interface, public),
        public_ip: Some(public.to_string()),
        ..Default::default()
    })
}

/// Only in VPCs that give host names.
fn public_dns_name(view: &View, interface: &NetworkInterface, address: Ipv4Addr) -> Option<String> {
    let vpc = view.vpcs.get(&interface.scope.key(&interface.vpc_id))?;
    vpc.enable_dns_hostnames.then(|| addresses::public_dns_name(address, &interface.scope.region))
}

fn ipv6_address(address: &Ipv6Addr) -> wire::NetworkInterfaceIpv6Address {
    wire::NetworkInterfaceIpv6Address {
        ipv6_address: Some(address.to_string()),
        is_primary_ipv6: Some(false),
        ..Default::default()
    }
}

fn private_address(
    view: &View,
    interface: &NetworkInterface,
    address: Ipv4Addr,
) -> wire::NetworkInterfacePrivateIpAddress {
    wire::NetworkInterfacePrivateIpAddress {
        primary: Some(address == interface.address),
        private_dns_name: Some(match address == interface.address {
            true => interface.private_dns_name.clone(),
            false => addresses::private_dns_name(address, &interface.scope.region),
        }),
        private_ip_address: Some(address.to_string()),
        association: association(view, interface, address),
    }
}

/// Whether the nodes have told that the task has it, or that its load balancer, gateway or endpoint works from it.
pub fn is_attached(view: &View, interface: &NetworkInterface) -> bool {
    match interface.owner() {
        InterfaceOwner::LoadBalancer(key) => view.elb_load_balancer_status.contains(key),
        InterfaceOwner::NatGateway(id) | InterfaceOwner::VpcEndpoint(id) => {
            view.network_in_place.contains(&interface.scope.key(id))
        }
        InterfaceOwner::Task(key) => {
            view.task_observations.get(key).is_some_and(|observation| observation.phase > Phase::Provisioning)
        }
        InterfaceOwner::User => false,
    }
}

pub fn status(attached: bool) -> wire::NetworkInterfaceStatus {
    if attached { wire::NetworkInterfaceStatus::InUse } else { wire::NetworkInterfaceStatus::Available }
}

pub fn attachment_id(interface: &NetworkInterface) -> String {
    let is_tasks = matches!(interface.owner(), InterfaceOwner::Task(_) | InterfaceOwner::User);
    interface.id.replacen("eni-", if is_tasks { "eni-attach-" } else { "ela-attach-" }, 1)
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
        instance_owner_id: Some(instance_owner_id(interface)),
        network_card_index: Some(0),
        status: Some(wire::AttachmentStatus::Attached),
        ..Default::default()
    }
}

pub fn instance_owner_id(interface: &NetworkInterface) -> String {
    match interface.owner() {
        InterfaceOwner::NatGateway(_) | InterfaceOwner::VpcEndpoint(_) => String::from("amazon-aws"),
        _ => requester_id(interface),
    }
}

fn group(view: &View, interface: &NetworkInterface, id: &str) -> wire::GroupIdentifier {
    let group = view.security_groups.get(&interface.scope.key(id));
    wire::GroupIdentifier { group_id: Some(id.to_owned()), group_name: group.map(|group| group.name.clone()) }
}
