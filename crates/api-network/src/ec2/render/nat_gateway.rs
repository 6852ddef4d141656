//! A NAT gateway, with the state that the nodes have told.

use state_model::ec2::NatGateway;
use state_model::ec2::nat_gateway::NatGatewayState;
use state_tables::{View, network_paths};
use wire_schema::Instant;
use wire_shapes_network::ec2 as wire;

use crate::ec2::tags;

pub fn nat_gateway(view: &View, gateway: &NatGateway) -> wire::NatGateway {
    let state = network_paths::nat_gateway_state(view, gateway);
    let failure = gateway.failure.as_ref();
    wire::NatGateway {
        availability_mode: Some(wire::AvailabilityMode::Zonal),
        connectivity_type: Some(connectivity(gateway)),
        create_time: Some(Instant::from_millis(gateway.created_at.as_millis())),
        delete_time: gateway.deleted_at.map(|at| Instant::from_millis(at.as_millis())),
        failure_code: failure.map(|failure| failure.code.clone()),
        failure_message: failure.map(|failure| failure.message.clone()),
        nat_gateway_addresses: Some(failure.is_none().then(|| address(gateway, state)).into_iter().collect()),
        nat_gateway_id: Some(gateway.id.clone()),
        state: Some(shown(state)),
        subnet_id: Some(gateway.subnet_id.clone()),
        tags: Some(tags::render(&gateway.tags)),
        vpc_id: Some(gateway.vpc_id.clone()),
        ..Default::default()
    }
}

/// Only public ones fail.
fn connectivity(gateway: &NatGateway) -> wire::ConnectivityType {
    match gateway.elastic_ip.is_some() || gateway.failure.is_some() {
        true => wire::ConnectivityType::Public,
        false => wire::ConnectivityType::Private,
    }
}

fn address(gateway: &NatGateway, state: NatGatewayState) -> wire::NatGatewayAddress {
    let elastic_ip = gateway.elastic_ip.as_ref();
    let status = match state {
        NatGatewayState::Pending => wire::NatGatewayAddressStatus::Associating,
        NatGatewayState::Deleting => wire::NatGatewayAddressStatus::Disassociating,
        NatGatewayState::Failed => wire::NatGatewayAddressStatus::Failed,
        NatGatewayState::Available | NatGatewayState::Deleted => wire::NatGatewayAddressStatus::Succeeded,
    };
    wire::NatGatewayAddress {
        allocation_id: elastic_ip.map(|address| address.allocation_id.clone()),
        association_id: elastic_ip.map(|address| address.association_id.clone()),
        is_primary: Some(true),
        network_interface_id: Some(gateway.network_interface_id.clone()),
        private_ip: Some(gateway.private_address.to_string()),
        public_ip: elastic_ip.map(|address| address.public_address.to_string()),
        status: Some(status),
        ..Default::default()
    }
}

fn shown(state: NatGatewayState) -> wire::NatGatewayState {
    match state {
        NatGatewayState::Pending => wire::NatGatewayState::Pending,
        NatGatewayState::Failed => wire::NatGatewayState::Failed,
        NatGatewayState::Available => wire::NatGatewayState::Available,
        NatGatewayState::Deleting => wire::NatGatewayState::Deleting,
        NatGatewayState::Deleted => wire::NatGatewayState::Deleted,
    }
}
