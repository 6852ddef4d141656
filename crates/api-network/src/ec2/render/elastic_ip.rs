//! An Elastic IP address.

use state_model::ec2::ElasticIp;
use state_tables::View;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

/// How AWS calls its own pool.
pub const POOL: &str = "amazon";

pub fn elastic_ip(view: &View, address: &ElasticIp) -> wire::Address {
    let association = address.association.as_ref();
    let interface = association
        .and_then(|one| view.network_interfaces.get(&address.scope.key(&one.network_interface_id)));
    wire::Address {
        allocation_id: Some(address.id.clone()),
        association_id: association.map(|one| one.id.clone()),
        domain: Some(wire::DomainType::Vpc),
        network_border_group: Some(address.scope.region.clone()),
        network_interface_id: association.map(|one| one.network_interface_id.clone()),
        network_interface_owner_id: association.map(|_| address.scope.account.clone()),
        private_ip_address: association.map(|one| one.private_address.to_string()),
        public_ip: Some(address.public_address.to_string()),
        public_ipv4_pool: Some(String::from(POOL)),
        subnet_id: interface.map(|interface| interface.subnet_id.clone()),
        tags: Some(tags::render(&address.tags)),
        ..Default::default()
    }
}
