//! DescribeSecurityGroupReferences: the VPCs on the other side of peering connections whose groups name these.

use std::collections::BTreeSet;

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    DescribeSecurityGroupReferencesRequest, DescribeSecurityGroupReferencesResult, SecurityGroupReference,
};

use super::errors::{check_dry_run, missing_parameter};
use super::{Context, ids, peering};

pub async fn describe_security_group_references(
    context: Context,
    input: DescribeSecurityGroupReferencesRequest,
) -> Result<DescribeSecurityGroupReferencesResult, ServiceError> {
    context.authorise("ec2:DescribeSecurityGroupReferences", "*")?;
    let given = input.group_id.unwrap_or_default();
    if given.is_empty() {
        return Err(missing_parameter("GroupId"));
    }
    let view = context.view();
    let mut references = BTreeSet::new();
    for id in ids::unique(&given)? {
        let group = ids::SECURITY_GROUP.row(&view.security_groups, &context.scope, id)?;
        for naming in view.security_groups.by("references", &context.scope.key(id)) {
            let connection =
                peering::between(&view, &group.scope, &group.vpc_id, &naming.scope, &naming.vpc_id);
            if let Some(connection) = connection {
                references.insert((id, naming.vpc_id.clone(), connection.id.clone()));
            }
        }
    }
    check_dry_run(input.dry_run)?;
    let found = references.into_iter().map(|(group_id, vpc_id, connection)| SecurityGroupReference {
        group_id: Some(group_id.to_owned()),
        referencing_vpc_id: Some(vpc_id),
        vpc_peering_connection_id: Some(connection),
        ..Default::default()
    });
    Ok(DescribeSecurityGroupReferencesResult { security_group_reference_set: Some(found.collect()) })
}
