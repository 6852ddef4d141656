//! DeleteVpc: of a VPC in which nothing is but what was made with it, which goes too. The default VPC is one like any
//! other.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::DeleteVpcRequest;

use super::dependents::{delete_flow_logs, dependency_violation, vpc_has_any};
use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids};

pub async fn delete_vpc(context: Context, input: DeleteVpcRequest) -> Result<Empty, ServiceError> {
    let id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    context.authorise("ec2:DeleteVpc", &context.scope.arn("ec2", &format!("vpc/{id}")))?;
    context
        .transact(|view, transaction| {
            let vpc = ids::VPC.row(&view.vpcs, &context.scope, &id)?;
            if vpc_has_any(view, vpc) {
                return Err(dependency_violation("vpc", &id));
            }
            check_dry_run(input.dry_run)?;
            let key = context.scope.key(&id);
            for table in view.route_tables.by("vpc", &key) {
                transaction.delete(table);
            }
            for acl in view.network_acls.by("vpc", &key) {
                transaction.delete(acl);
            }
            for group in view.security_groups.by("vpc", &key) {
                transaction.delete(group);
            }
            delete_flow_logs(view, &context.scope, transaction, &id);
            transaction.delete(vpc);
            Ok(Empty {})
        })
        .await
}
