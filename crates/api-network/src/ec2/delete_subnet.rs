//! DeleteSubnet: of a subnet in which nothing has an address.

use state_model::ec2::{NetworkAcl, RouteTable};
use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteSubnetRequest;

use super::dependents::{delete_flow_logs, dependency_violation, hold_region, subnet_has_any};
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_subnet(context: Context, input: DeleteSubnetRequest) -> Result<Empty, ServiceError> {
    let id = input.subnet_id.ok_or_else(|| missing_parameter("subnetId"))?;
    context.authorise("ec2:DeleteSubnet", &context.scope.arn("ec2", &format!("subnet/{id}")))?;
    context
        .transact(|view, transaction| {
            let subnet = ids::SUBNET.row(&view.subnets, &context.scope, &id)?;
            if subnet_has_any(view, &context.scope, &id) {
                return Err(dependency_violation("subnet", &id));
            }
            check_dry_run(input.dry_run)?;
            let key = context.scope.key(&id);
            for row in view.network_acls.by("subnet", &key) {
                let mut acl = NetworkAcl::clone(row.record());
                acl.associations.retain(|association| association.subnet_id != id);
                transaction.update(row, &acl);
            }
            for row in view.route_tables.by("subnet", &key) {
                let mut table = RouteTable::clone(row.record());
                table.associations.retain(|association| association.subnet_id.as_ref() != Some(&id));
                transaction.update(row, &table);
            }
            hold_region(view, &context.scope, transaction);
            delete_flow_logs(view, &context.scope, transaction, &id);
            transaction.delete(subnet);
            Ok(Empty {})
        })
        .await
}
