//! ModifyVpcEndpoint: its policy, and what makes it reachable: subnets, groups and names, or route tables.

use std::collections::BTreeSet;

use state_model::ec2::vpc_endpoint::VpcEndpointKind;
use state_model::ec2::{NetworkInterface, VpcEndpoint};
use state_tables::{Row, Transaction, View};
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{ModifyVpcEndpointRequest, ModifyVpcEndpointResult};

use super::endpoint_interfaces::{self, Place, WantedSubnets};
use super::errors::{check_dry_run, invalid_parameter, invalid_parameter_combination, missing_parameter};
use super::{Context, endpoint_checks, endpoint_routes, ids, render};

pub async fn modify_vpc_endpoint(
    context: Context,
    input: ModifyVpcEndpointRequest,
) -> Result<ModifyVpcEndpointResult, ServiceError> {
    let id = input.vpc_endpoint_id.as_deref().ok_or_else(|| missing_parameter("VpcEndpointId"))?;
    let arn = render::vpc_endpoint::arn(&context.scope, id);
    context.authorise("ec2:ModifyVpcEndpoint", &arn)?;
    let change = parse(&input)?;
    context
        .transact(|view, transaction| {
            let row = ids::VPC_ENDPOINT.row(&view.vpc_endpoints, &context.scope, id)?;
            if row.deleted_at.is_some() {
                return Err(ServiceError::caller(
                    "InvalidState",
                    format!("The Vpc Endpoint '{id}' is being deleted."),
                ));
            }
            let endpoint = change.apply(&context, view, transaction, row)?;
            check_dry_run(input.dry_run)?;
            transaction.update(row, &endpoint);
            Ok(())
        })
        .await?;
    Ok(ModifyVpcEndpointResult { r#return: Some(true) })
}

struct Change {
    /// Some(None) takes it back to full access.
    policy: Option<Option<String>>,
    add_tables: BTreeSet<String>,
    remove_tables: BTreeSet<String>,
    add_subnets: WantedSubnets,
    remove_subnets: BTreeSet<String>,
    add_groups: BTreeSet<String>,
    remove_groups: BTreeSet<String>,
    private_dns_enabled: Option<bool>,
}

fn parse(input: &ModifyVpcEndpointRequest) -> Result<Change, ServiceError> {
    endpoint_checks::check_addressing(input.ip_address_type.as_ref(), input.dns_options.as_ref())?;
    let given = endpoint_checks::policy(input.policy_document.as_deref())?;
    let policy = match (input.reset_policy == Some(true), given) {
        (true, Some(_)) => {
            return Err(invalid_parameter_combination(
                "The parameter resetPolicy cannot be used with the parameter policyDocument",
            ));
        }
        (true, None) => Some(None),
        (false, given) => given.map(Some),
    };
    let set = |ids: &Option<Vec<String>>| ids.iter().flatten().cloned().collect::<BTreeSet<String>>();
    Ok(Change {
        policy,
        add_tables: set(&input.add_route_table_ids),
        remove_tables: set(&input.remove_route_table_ids),
        add_subnets: endpoint_interfaces::wanted_subnets(
            input.add_subnet_ids.as_deref(),
            input.subnet_configurations.as_deref(),
        )?,
        remove_subnets: set(&input.remove_subnet_ids),
        add_groups: set(&input.add_security_group_ids),
        remove_groups: set(&input.remove_security_group_ids),
        private_dns_enabled: input.private_dns_enabled,
    })
}

impl Change {
    fn apply(
        &self,
        context: &Context,
        view: &View,
        transaction: &mut Transaction,
        row: &Row<VpcEndpoint>,
    ) -> Result<VpcEndpoint, ServiceError> {
        let mut endpoint = VpcEndpoint::clone(row.record());
        if let Some(policy) = &self.policy {
            endpoint.policy_document.clone_from(policy);
        }
        match &row.kind {
            VpcEndpointKind::Gateway { .. } => {
                self.apply_to_gateway(context, view, transaction, &mut endpoint)?;
            }
            VpcEndpointKind::Interface { .. } => {
                self.apply_to_interface(context, view, transaction, &mut endpoint)?;
            }
        }
        Ok(endpoint)
    }

    fn apply_to_gateway(
        &self,
        context: &Context,
        view: &View,
        transaction: &mut Transaction,
        endpoint: &mut VpcEndpoint,
    ) -> Result<(), ServiceError> {
        let for_interfaces = !self.add_subnets.is_empty()
            || !self.remove_subnets.is_empty()
            || !self.add_groups.is_empty()
            || !self.remove_groups.is_empty()
            || self.private_dns_enabled == Some(true);
        if for_interfaces {
            return Err(invalid_parameter(
                "Subnets, security groups and private DNS are only supported for Interface type VPC Endpoints.",
            ));
        }
        let former = endpoint.clone();
        let VpcEndpointKind::Gateway { route_table_ids } = &mut endpoint.kind else { return Ok(()) };
        check_members("route table", &former.id, &self.remove_tables, |id| route_table_ids.contains(id))?;
        if let Some(both) = self.add_tables.intersection(&self.remove_tables).next() {
            return Err(invalid_parameter(format!("Route table {both} is both added and removed.")));
        }
        endpoint_routes::remove(view, transaction, &former, &self.remove_tables);
        route_table_ids.retain(|id| !self.remove_tables.contains(id));
        // One that it has already stays as it is, as on AWS.
        let new: BTreeSet<String> =
            self.add_tables.iter().filter(|id| !route_table_ids.contains(id)).cloned().collect();
        endpoint_routes::add(context, view, transaction, &former, &new)?;
        route_table_ids.extend(new);
        route_table_ids.sort();
        Ok(())
    }

    fn apply_to_interface(
        &self,
        context: &Context,
        view: &View,
        transaction: &mut Transaction,
        endpoint: &mut VpcEndpoint,
    ) -> Result<(), ServiceError> {
        if !self.add_tables.is_empty() || !self.remove_tables.is_empty() {
            return Err(invalid_parameter(
                "Route table IDs are only supported for Gateway type VPC Endpoint.",
            ));
        }
        let former = endpoint.clone();
        let VpcEndpointKind::Interface { interfaces, security_groups, private_dns_enabled } =
            &mut endpoint.kind
        else {
            return Ok(());
        };
        check_members("subnet", &former.id, &self.remove_subnets, |id| interfaces.contains_key(id))?;
        check_members("security group", &former.id, &self.remove_groups, |id| security_groups.contains(id))?;
        security_groups.retain(|id| !self.remove_groups.contains(id));
        let new: Vec<String> =
            self.add_groups.iter().filter(|id| !security_groups.contains(id)).cloned().collect();
        security_groups.extend(new);
        if security_groups.is_empty() {
            return Err(invalid_parameter("An interface endpoint must keep at least one security group."));
        }
        endpoint_interfaces::check_groups(context, view, transaction, &former.vpc_id, security_groups)?;
        if let Some(enabled) = self.private_dns_enabled {
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &former.vpc_id)?;
            if enabled {
                endpoint_checks::check_private_dns(view, vpc, &former)?;
            }
            // Two endpoints must not come to the same names at once: each changes the VPC's row.
            transaction.update(vpc, vpc.record());
            *private_dns_enabled = enabled;
        }
        let groups = security_groups.clone();
        let mut zones = BTreeSet::new();
        for interface in interfaces_of(view, &former) {
            if self.remove_subnets.contains(&interface.subnet_id) {
                interfaces.remove(&interface.subnet_id);
                transaction.delete(interface);
                continue;
            }
            zones.insert(interface.availability_zone.clone());
            if interface.security_groups != groups {
                let security_groups = groups.clone();
                let changed =
                    NetworkInterface { security_groups, ..NetworkInterface::clone(interface.record()) };
                transaction.update(interface, &changed);
            }
        }
        let mut added = self.add_subnets.clone();
        added.retain(|id, _| !interfaces.contains_key(id));
        if interfaces.is_empty() && added.is_empty() {
            return Err(invalid_parameter("An interface endpoint must keep at least one subnet."));
        }
        let place =
            Place { endpoint_id: &former.id, vpc_id: &former.vpc_id, security_groups: &groups, zones };
        let made = endpoint_interfaces::make(context, view, transaction, place, &added)?;
        interfaces.extend(made.into_iter().map(|interface| (interface.subnet_id, interface.id)));
        Ok(())
    }
}

fn interfaces_of<'v>(
    view: &'v View,
    endpoint: &VpcEndpoint,
) -> impl Iterator<Item = &'v Row<NetworkInterface>> + use<'v> {
    view.network_interfaces.by("vpc-endpoint", &endpoint.scope.key(&endpoint.id))
}

/// What is to be removed must be there.
fn check_members(
    noun: &str,
    endpoint_id: &str,
    removed: &BTreeSet<String>,
    is_member: impl Fn(&String) -> bool,
) -> Result<(), ServiceError> {
    match removed.iter().find(|id| !is_member(id)) {
        Some(id) => Err(invalid_parameter(format!("The {noun} {id} is not associated with {endpoint_id}."))),
        None => Ok(()),
    }
}
