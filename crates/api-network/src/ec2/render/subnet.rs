//! A subnet.

use state_model::ec2::Subnet;
use state_model::ec2::subnet::Ipv4Block;
use state_model::ec2::vpc::BlockAssociation;
use state_tables::View;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn subnet(view: &View, subnet: &Subnet) -> wire::Subnet {
    let ipv6 = subnet.ipv6_block.iter();
    let ipv6 = ipv6.map(|block| ipv6_block(block, wire::SubnetCidrBlockStateCode::Associated));
    wire::Subnet {
        assign_ipv6_address_on_creation: Some(subnet.assign_ipv6_address_on_creation),
        availability_zone: Some(subnet.availability_zone.clone()),
        availability_zone_id: Some(subnet.availability_zone_id.clone()),
        available_ip_address_count: Some(available(view, subnet)),
        cidr_block: Some(subnet.cidr_block.clone()),
        default_for_az: Some(subnet.default_for_az),
        enable_dns64: Some(false),
        ipv6_cidr_block_association_set: Some(ipv6.collect()),
        ipv6_native: Some(false),
        map_customer_owned_ip_on_launch: Some(false),
        map_public_ip_on_launch: Some(subnet.map_public_ip_on_launch),
        owner_id: Some(subnet.scope.account.clone()),
        private_dns_name_options_on_launch: Some(wire::PrivateDnsNameOptionsOnLaunch {
            enable_resource_name_dns_aaaa_record: Some(subnet.enable_resource_name_dns_aaaa_record),
            enable_resource_name_dns_a_record: Some(subnet.enable_resource_name_dns_a_record),
            hostname_type: Some(hostname_type(subnet)),
        }),
        state: Some(wire::SubnetState::Available),
        subnet_arn: Some(arn(subnet)),
        subnet_id: Some(subnet.id.clone()),
        tags: Some(tags::render(&subnet.tags)),
        vpc_id: Some(subnet.vpc_id.clone()),
        ..Default::default()
    }
}

pub fn ipv6_block(
    block: &BlockAssociation,
    state: wire::SubnetCidrBlockStateCode,
) -> wire::SubnetIpv6CidrBlockAssociation {
    wire::SubnetIpv6CidrBlockAssociation {
        association_id: Some(block.id.clone()),
        ip_source: Some(wire::IpSource::Amazon),
        ipv6_address_attribute: Some(wire::Ipv6AddressAttribute::Public),
        ipv6_cidr_block: Some(block.cidr_block.clone()),
        ipv6_cidr_block_state: Some(wire::SubnetCidrBlockState { state: Some(state), status_message: None }),
    }
}

pub fn arn(subnet: &Subnet) -> String {
    subnet.scope.arn("ec2", &format!("subnet/{}", subnet.id))
}

/// What instances launched here would be named by.
pub fn hostname_type(subnet: &Subnet) -> wire::HostnameType {
    let chosen = subnet.hostname_type.as_deref();
    chosen.map_or(wire::HostnameType::IpName, wire::HostnameType::from)
}

/// Addresses that no interface has.
pub fn available(view: &View, subnet: &Subnet) -> i32 {
    let usable = Ipv4Block::parse(&subnet.cidr_block).map_or(0, Ipv4Block::usable);
    let interfaces = view.network_interfaces.by("subnet", &subnet.scope.key(&subnet.id));
    let used: usize = interfaces.map(|interface| interface.addresses().count()).sum();
    let free = usable.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
    i32::try_from(free).unwrap_or(i32::MAX)
}
