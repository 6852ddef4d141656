//! EC2's networking: VPCs and everything in them, addresses, zones, tags; and what tools ask about instances, of which there are
//! none.
//!
//! Every handler keeps one order: authorise, validate, one transaction, answer from what was written.

pub mod accept_vpc_peering_connection;
pub mod allocate_address;
pub mod assign_ipv6_addresses;
pub mod assign_private_ip_addresses;
pub mod associate_address;
pub mod associate_dhcp_options;
pub mod associate_route_table;
pub mod associate_subnet_cidr_block;
pub mod associate_vpc_cidr_block;
pub mod attach_internet_gateway;
pub mod attach_network_interface;
pub mod authorize_security_group_egress;
pub mod authorize_security_group_ingress;
pub mod create_default_subnet;
pub mod create_default_vpc;
pub mod create_dhcp_options;
pub mod create_egress_only_internet_gateway;
pub mod create_flow_logs;
pub mod create_internet_gateway;
pub mod create_managed_prefix_list;
pub mod create_nat_gateway;
pub mod create_network_acl;
pub mod create_network_acl_entry;
pub mod create_network_interface;
pub mod create_route;
pub mod create_route_table;
pub mod create_security_group;
pub mod create_subnet;
pub mod create_tags;
pub mod create_vpc;
pub mod create_vpc_endpoint;
pub mod create_vpc_peering_connection;
pub mod delete_dhcp_options;
pub mod delete_egress_only_internet_gateway;
pub mod delete_flow_logs;
pub mod delete_internet_gateway;
pub mod delete_managed_prefix_list;
pub mod delete_nat_gateway;
pub mod delete_network_acl;
pub mod delete_network_acl_entry;
pub mod delete_network_interface;
pub mod delete_route;
pub mod delete_route_table;
pub mod delete_security_group;
pub mod delete_subnet;
pub mod delete_tags;
pub mod delete_vpc;
pub mod delete_vpc_endpoints;
pub mod delete_vpc_peering_connection;
pub mod describe_account_attributes;
pub mod describe_addresses;
pub mod describe_addresses_attribute;
pub mod describe_availability_zones;
pub mod describe_dhcp_options;
pub mod describe_egress_only_internet_gateways;
pub mod describe_flow_logs;
pub mod describe_images;
pub mod describe_instance_type_offerings;
pub mod describe_instance_types;
pub mod describe_instances;
pub mod describe_internet_gateways;
pub mod describe_managed_prefix_lists;
pub mod describe_nat_gateways;
pub mod describe_network_acls;
pub mod describe_network_interface_attribute;
pub mod describe_network_interfaces;
pub mod describe_prefix_lists;
pub mod describe_regions;
pub mod describe_route_tables;
pub mod describe_security_group_references;
pub mod describe_security_group_rules;
pub mod describe_security_groups;
pub mod describe_stale_security_groups;
pub mod describe_subnets;
pub mod describe_tags;
pub mod describe_vpc_attribute;
pub mod describe_vpc_endpoint_services;
pub mod describe_vpc_endpoints;
pub mod describe_vpc_peering_connections;
pub mod describe_vpcs;
pub mod describe_vpn_gateways;
pub mod detach_internet_gateway;
pub mod detach_network_interface;
pub mod disassociate_address;
pub mod disassociate_route_table;
pub mod disassociate_subnet_cidr_block;
pub mod disassociate_vpc_cidr_block;
pub mod get_managed_prefix_list_associations;
pub mod get_managed_prefix_list_entries;
pub mod get_security_groups_for_vpc;
pub mod modify_managed_prefix_list;
pub mod modify_network_interface_attribute;
pub mod modify_security_group_rules;
pub mod modify_subnet_attribute;
pub mod modify_vpc_attribute;
pub mod modify_vpc_endpoint;
pub mod modify_vpc_peering_connection_options;
pub mod reject_vpc_peering_connection;
pub mod release_address;
pub mod replace_network_acl_association;
pub mod replace_network_acl_entry;
pub mod replace_route;
pub mod replace_route_table_association;
pub mod reset_network_interface_attribute;
pub mod restore_managed_prefix_list_version;
pub mod revoke_security_group_egress;
pub mod revoke_security_group_ingress;
pub mod unassign_ipv6_addresses;
pub mod unassign_private_ip_addresses;
pub mod update_security_group_rule_descriptions_egress;
pub mod update_security_group_rule_descriptions_ingress;

pub(crate) mod ids;
pub(crate) mod region_dhcp_options;
pub(crate) mod zones;

mod address_blocks;
mod client_tokens;
mod dependents;
mod elastic_ip_lookup;
mod endpoint_checks;
mod endpoint_interfaces;
mod endpoint_routes;
mod endpoint_services;
mod errors;
mod filters;
mod flow_log_format;
mod group_lookup;
mod instance_types;
mod interface_addresses;
mod interface_ipv6;
mod interface_lookup;
mod limits;
mod network_acl_entries;
mod new_subnet;
mod page;
mod peering;
mod permissions;
mod prefix_lists;
mod render;
mod route_requests;
mod route_table_lookup;
mod rule_changes;
mod subnet_ipv6;
mod tagged;
mod tags;
mod unsupported;
mod vpc_ipv6;

pub(crate) use group_lookup::in_vpc as security_group_by_name;
pub(crate) use render::subnet::available as available_addresses;

use state_tables::ipv6_blocks::Ipv6Source;
use state_tables::public_addresses::PublicPool;
use wire_protocols::ServiceTable;
use wire_shapes_network::ec2;
use wire_shapes_network::ec2::operations as op;

/// What the handlers of EC2 share besides the state.
#[derive(Debug)]
pub struct Ec2 {
    /// Where Elastic IP addresses come from.
    pub public_pool: PublicPool,
    /// Where the IPv6 blocks of VPCs come from.
    pub ipv6_source: Ipv6Source,
}

pub type Context = api_auth::Context<Ec2>;

pub fn service() -> ServiceTable<Context> {
    let parts = [
        security_groups as Part,
        vpcs as Part,
        subnets as Part,
        routes as Part,
        gateways as Part,
        addresses as Part,
        network_interfaces as Part,
        network_acls as Part,
        prefix_lists as Part,
        vpc_endpoints as Part,
        peering as Part,
        flow_logs as Part,
        places_and_limits as Part,
        what_tools_ask_about_instances as Part,
        tags as Part,
    ];
    parts.into_iter().fold(ServiceTable::new(&ec2::SERVICE), |table, part| part(table))
}

/// Adds the operations of one kind of resource.
type Part = fn(ServiceTable<Context>) -> ServiceTable<Context>;

fn security_groups(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateSecurityGroup, _, _>(create_security_group::create_security_group)
        .operation::<op::DeleteSecurityGroup, _, _>(delete_security_group::delete_security_group)
        .operation::<op::DescribeSecurityGroups, _, _>(describe_security_groups::describe_security_groups)
        .operation::<op::AuthorizeSecurityGroupIngress, _, _>(
            authorize_security_group_ingress::authorize_security_group_ingress,
        )
        .operation::<op::AuthorizeSecurityGroupEgress, _, _>(
            authorize_security_group_egress::authorize_security_group_egress,
        )
        .operation::<op::RevokeSecurityGroupIngress, _, _>(
            revoke_security_group_ingress::revoke_security_group_ingress,
        )
        .operation::<op::RevokeSecurityGroupEgress, _, _>(
            revoke_security_group_egress::revoke_security_group_egress,
        )
        .operation::<op::UpdateSecurityGroupRuleDescriptionsIngress, _, _>(
            update_security_group_rule_descriptions_ingress::update_security_group_rule_descriptions_ingress,
        )
        .operation::<op::UpdateSecurityGroupRuleDescriptionsEgress, _, _>(
            update_security_group_rule_descriptions_egress::update_security_group_rule_descriptions_egress,
        )
        .operation::<op::ModifySecurityGroupRules, _, _>(
            modify_security_group_rules::modify_security_group_rules,
        )
        .operation::<op::DescribeSecurityGroupRules, _, _>(
            describe_security_group_rules::describe_security_group_rules,
        )
        .operation::<op::DescribeSecurityGroupReferences, _, _>(
            describe_security_group_references::describe_security_group_references,
        )
        .operation::<op::DescribeStaleSecurityGroups, _, _>(
            describe_stale_security_groups::describe_stale_security_groups,
        )
        .operation::<op::GetSecurityGroupsForVpc, _, _>(
            get_security_groups_for_vpc::get_security_groups_for_vpc,
        )
}

fn vpcs(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateVpc, _, _>(create_vpc::create_vpc)
        .operation::<op::DeleteVpc, _, _>(delete_vpc::delete_vpc)
        .operation::<op::DescribeVpcs, _, _>(describe_vpcs::describe_vpcs)
        .operation::<op::DescribeVpcAttribute, _, _>(describe_vpc_attribute::describe_vpc_attribute)
        .operation::<op::ModifyVpcAttribute, _, _>(modify_vpc_attribute::modify_vpc_attribute)
        .operation::<op::AssociateVpcCidrBlock, _, _>(associate_vpc_cidr_block::associate_vpc_cidr_block)
        .operation::<op::DisassociateVpcCidrBlock, _, _>(
            disassociate_vpc_cidr_block::disassociate_vpc_cidr_block,
        )
        .operation::<op::CreateDefaultVpc, _, _>(create_default_vpc::create_default_vpc)
        .operation::<op::CreateDhcpOptions, _, _>(create_dhcp_options::create_dhcp_options)
        .operation::<op::DeleteDhcpOptions, _, _>(delete_dhcp_options::delete_dhcp_options)
        .operation::<op::DescribeDhcpOptions, _, _>(describe_dhcp_options::describe_dhcp_options)
        .operation::<op::AssociateDhcpOptions, _, _>(associate_dhcp_options::associate_dhcp_options)
}

fn subnets(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateSubnet, _, _>(create_subnet::create_subnet)
        .operation::<op::DeleteSubnet, _, _>(delete_subnet::delete_subnet)
        .operation::<op::DescribeSubnets, _, _>(describe_subnets::describe_subnets)
        .operation::<op::ModifySubnetAttribute, _, _>(modify_subnet_attribute::modify_subnet_attribute)
        .operation::<op::CreateDefaultSubnet, _, _>(create_default_subnet::create_default_subnet)
        .operation::<op::AssociateSubnetCidrBlock, _, _>(
            associate_subnet_cidr_block::associate_subnet_cidr_block,
        )
        .operation::<op::DisassociateSubnetCidrBlock, _, _>(
            disassociate_subnet_cidr_block::disassociate_subnet_cidr_block,
        )
}

fn routes(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateRouteTable, _, _>(create_route_table::create_route_table)
        .operation::<op::DeleteRouteTable, _, _>(delete_route_table::delete_route_table)
        .operation::<op::DescribeRouteTables, _, _>(describe_route_tables::describe_route_tables)
        .operation::<op::AssociateRouteTable, _, _>(associate_route_table::associate_route_table)
        .operation::<op::DisassociateRouteTable, _, _>(disassociate_route_table::disassociate_route_table)
        .operation::<op::ReplaceRouteTableAssociation, _, _>(
            replace_route_table_association::replace_route_table_association,
        )
        .operation::<op::CreateRoute, _, _>(create_route::create_route)
        .operation::<op::ReplaceRoute, _, _>(replace_route::replace_route)
        .operation::<op::DeleteRoute, _, _>(delete_route::delete_route)
}

fn gateways(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateInternetGateway, _, _>(create_internet_gateway::create_internet_gateway)
        .operation::<op::DeleteInternetGateway, _, _>(delete_internet_gateway::delete_internet_gateway)
        .operation::<op::DescribeInternetGateways, _, _>(
            describe_internet_gateways::describe_internet_gateways,
        )
        .operation::<op::AttachInternetGateway, _, _>(attach_internet_gateway::attach_internet_gateway)
        .operation::<op::DetachInternetGateway, _, _>(detach_internet_gateway::detach_internet_gateway)
        .operation::<op::CreateEgressOnlyInternetGateway, _, _>(
            create_egress_only_internet_gateway::create_egress_only_internet_gateway,
        )
        .operation::<op::DeleteEgressOnlyInternetGateway, _, _>(
            delete_egress_only_internet_gateway::delete_egress_only_internet_gateway,
        )
        .operation::<op::DescribeEgressOnlyInternetGateways, _, _>(
            describe_egress_only_internet_gateways::describe_egress_only_internet_gateways,
        )
        .operation::<op::CreateNatGateway, _, _>(create_nat_gateway::create_nat_gateway)
        .operation::<op::DeleteNatGateway, _, _>(delete_nat_gateway::delete_nat_gateway)
        .operation::<op::DescribeNatGateways, _, _>(describe_nat_gateways::describe_nat_gateways)
}

fn addresses(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::AllocateAddress, _, _>(allocate_address::allocate_address)
        .operation::<op::ReleaseAddress, _, _>(release_address::release_address)
        .operation::<op::AssociateAddress, _, _>(associate_address::associate_address)
        .operation::<op::DisassociateAddress, _, _>(disassociate_address::disassociate_address)
        .operation::<op::DescribeAddresses, _, _>(describe_addresses::describe_addresses)
        .operation::<op::DescribeAddressesAttribute, _, _>(
            describe_addresses_attribute::describe_addresses_attribute,
        )
}

fn network_interfaces(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateNetworkInterface, _, _>(create_network_interface::create_network_interface)
        .operation::<op::DeleteNetworkInterface, _, _>(delete_network_interface::delete_network_interface)
        .operation::<op::DescribeNetworkInterfaces, _, _>(
            describe_network_interfaces::describe_network_interfaces,
        )
        .operation::<op::DescribeNetworkInterfaceAttribute, _, _>(
            describe_network_interface_attribute::describe_network_interface_attribute,
        )
        .operation::<op::ModifyNetworkInterfaceAttribute, _, _>(
            modify_network_interface_attribute::modify_network_interface_attribute,
        )
        .operation::<op::ResetNetworkInterfaceAttribute, _, _>(
            reset_network_interface_attribute::reset_network_interface_attribute,
        )
        .operation::<op::AttachNetworkInterface, _, _>(attach_network_interface::attach_network_interface)
        .operation::<op::DetachNetworkInterface, _, _>(detach_network_interface::detach_network_interface)
        .operation::<op::AssignPrivateIpAddresses, _, _>(
            assign_private_ip_addresses::assign_private_ip_addresses,
        )
        .operation::<op::UnassignPrivateIpAddresses, _, _>(
            unassign_private_ip_addresses::unassign_private_ip_addresses,
        )
        .operation::<op::AssignIpv6Addresses, _, _>(assign_ipv6_addresses::assign_ipv6_addresses)
        .operation::<op::UnassignIpv6Addresses, _, _>(unassign_ipv6_addresses::unassign_ipv6_addresses)
}

fn network_acls(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateNetworkAcl, _, _>(create_network_acl::create_network_acl)
        .operation::<op::DeleteNetworkAcl, _, _>(delete_network_acl::delete_network_acl)
        .operation::<op::DescribeNetworkAcls, _, _>(describe_network_acls::describe_network_acls)
        .operation::<op::CreateNetworkAclEntry, _, _>(create_network_acl_entry::create_network_acl_entry)
        .operation::<op::ReplaceNetworkAclEntry, _, _>(replace_network_acl_entry::replace_network_acl_entry)
        .operation::<op::DeleteNetworkAclEntry, _, _>(delete_network_acl_entry::delete_network_acl_entry)
        .operation::<op::ReplaceNetworkAclAssociation, _, _>(
            replace_network_acl_association::replace_network_acl_association,
        )
}

fn prefix_lists(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateManagedPrefixList, _, _>(
            create_managed_prefix_list::create_managed_prefix_list,
        )
        .operation::<op::ModifyManagedPrefixList, _, _>(
            modify_managed_prefix_list::modify_managed_prefix_list,
        )
        .operation::<op::DeleteManagedPrefixList, _, _>(
            delete_managed_prefix_list::delete_managed_prefix_list,
        )
        .operation::<op::DescribeManagedPrefixLists, _, _>(
            describe_managed_prefix_lists::describe_managed_prefix_lists,
        )
        .operation::<op::GetManagedPrefixListEntries, _, _>(
            get_managed_prefix_list_entries::get_managed_prefix_list_entries,
        )
        .operation::<op::GetManagedPrefixListAssociations, _, _>(
            get_managed_prefix_list_associations::get_managed_prefix_list_associations,
        )
        .operation::<op::RestoreManagedPrefixListVersion, _, _>(
            restore_managed_prefix_list_version::restore_managed_prefix_list_version,
        )
        .operation::<op::DescribePrefixLists, _, _>(describe_prefix_lists::describe_prefix_lists)
}

fn vpc_endpoints(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateVpcEndpoint, _, _>(create_vpc_endpoint::create_vpc_endpoint)
        .operation::<op::ModifyVpcEndpoint, _, _>(modify_vpc_endpoint::modify_vpc_endpoint)
        .operation::<op::DeleteVpcEndpoints, _, _>(delete_vpc_endpoints::delete_vpc_endpoints)
        .operation::<op::DescribeVpcEndpoints, _, _>(describe_vpc_endpoints::describe_vpc_endpoints)
        .operation::<op::DescribeVpcEndpointServices, _, _>(
            describe_vpc_endpoint_services::describe_vpc_endpoint_services,
        )
}

fn peering(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateVpcPeeringConnection, _, _>(
            create_vpc_peering_connection::create_vpc_peering_connection,
        )
        .operation::<op::AcceptVpcPeeringConnection, _, _>(
            accept_vpc_peering_connection::accept_vpc_peering_connection,
        )
        .operation::<op::RejectVpcPeeringConnection, _, _>(
            reject_vpc_peering_connection::reject_vpc_peering_connection,
        )
        .operation::<op::DeleteVpcPeeringConnection, _, _>(
            delete_vpc_peering_connection::delete_vpc_peering_connection,
        )
        .operation::<op::DescribeVpcPeeringConnections, _, _>(
            describe_vpc_peering_connections::describe_vpc_peering_connections,
        )
        .operation::<op::ModifyVpcPeeringConnectionOptions, _, _>(
            modify_vpc_peering_connection_options::modify_vpc_peering_connection_options,
        )
}

fn flow_logs(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateFlowLogs, _, _>(create_flow_logs::create_flow_logs)
        .operation::<op::DeleteFlowLogs, _, _>(delete_flow_logs::delete_flow_logs)
        .operation::<op::DescribeFlowLogs, _, _>(describe_flow_logs::describe_flow_logs)
}

fn places_and_limits(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::DescribeAvailabilityZones, _, _>(
            describe_availability_zones::describe_availability_zones,
        )
        .operation::<op::DescribeRegions, _, _>(describe_regions::describe_regions)
        .operation::<op::DescribeAccountAttributes, _, _>(
            describe_account_attributes::describe_account_attributes,
        )
}

fn what_tools_ask_about_instances(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::DescribeInstances, _, _>(describe_instances::describe_instances)
        .operation::<op::DescribeInstanceTypes, _, _>(describe_instance_types::describe_instance_types)
        .operation::<op::DescribeInstanceTypeOfferings, _, _>(
            describe_instance_type_offerings::describe_instance_type_offerings,
        )
        .operation::<op::DescribeImages, _, _>(describe_images::describe_images)
        .operation::<op::DescribeVpnGateways, _, _>(describe_vpn_gateways::describe_vpn_gateways)
}

fn tags(table: ServiceTable<Context>) -> ServiceTable<Context> {
    table
        .operation::<op::CreateTags, _, _>(create_tags::create_tags)
        .operation::<op::DeleteTags, _, _>(delete_tags::delete_tags)
        .operation::<op::DescribeTags, _, _>(describe_tags::describe_tags)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_operation_has_a_handler() {
        assert_eq!(super::service().missing(), Vec::<&str>::new());
    }
}
