//! ReplaceNetworkAclAssociation: gives a subnet another network ACL. It always has exactly one.

use state_model::ec2::NetworkAcl;
use state_model::ec2::network_acl::NetworkAclAssociation;
use wire_schema::ServiceError;
use wire_shapes_network::ec2::{ReplaceNetworkAclAssociationRequest, ReplaceNetworkAclAssociationResult};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, elastic_ip_lookup, ids};

pub async fn replace_network_acl_association(
    context: Context,
    input: ReplaceNetworkAclAssociationRequest,
) -> Result<ReplaceNetworkAclAssociationResult, ServiceError> {
    let any = context.scope.arn("ec2", "network-acl/*");
    context.authorise("ec2:ReplaceNetworkAclAssociation", &any)?;
    let association_id = input.association_id.ok_or_else(|| missing_parameter("associationId"))?;
    let acl_id = input.network_acl_id.ok_or_else(|| missing_parameter("networkAclId"))?;
    let new_id = ids::new_id("aclassoc", &*context.random);
    context
        .transact(|view, transaction| {
            let acl = ids::NETWORK_ACL.row(&view.network_acls, &context.scope, &acl_id)?;
            let former = view
                .network_acls
                .by("association", &context.scope.key(&association_id))
                .next()
                .ok_or_else(|| elastic_ip_lookup::association_not_found(&association_id))?;
            if former.vpc_id != acl.vpc_id {
                return Err(invalid_parameter_value(format!(
                    "networkAcl {acl_id} and the subnet of {association_id} belong to different networks"
                )));
            }
            check_dry_run(input.dry_run)?;
            let mut left = NetworkAcl::clone(former.record());
            let Some(at) = left.associations.iter().position(|one| one.id == association_id) else {
                return Err(elastic_ip_lookup::association_not_found(&association_id));
            };
            let subnet_id = left.associations.remove(at).subnet_id;
            let association = NetworkAclAssociation { id: new_id.clone(), subnet_id };
            // One record must be written once.
            if former.id == acl.id {
                left.associations.push(association);
                transaction.update(former, &left);
                return Ok(());
            }
            let mut next = NetworkAcl::clone(acl.record());
            next.associations.push(association);
            transaction.update(former, &left);
            transaction.update(acl, &next);
            Ok(())
        })
        .await?;
    Ok(ReplaceNetworkAclAssociationResult { new_association_id: Some(new_id) })
}
