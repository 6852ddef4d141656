//! CreateDefaultVpc: again, after the region's default VPC was deleted.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{CreateDefaultVpcRequest, CreateDefaultVpcResult};

use super::errors::{check_dry_run, limit_exceeded};
use super::limits::{INTERNET_GATEWAYS_MAX, VPCS_MAX};
use super::{Context, group_lookup, region_dhcp_options, render};
use crate::defaults;

pub async fn create_default_vpc(
    context: Context,
    input: CreateDefaultVpcRequest,
) -> Result<CreateDefaultVpcResult, ServiceError> {
    context.authorise("ec2:CreateDefaultVpc", "*")?;
    let vpc = context
        .transact(|view, transaction| {
            let scope = &context.scope;
            if group_lookup::default_vpc(view, scope).is_some() {
                let message = "A Default VPC already exists for this account in this region.";
                return Err(ServiceError::caller("DefaultVpcAlreadyExists", message));
            }
            if view.vpcs.prefix(&scope.key("")).count() >= VPCS_MAX {
                return Err(limit_exceeded("VpcLimitExceeded", "VPCs"));
            }
            if view.internet_gateways.prefix(&scope.key("")).count() >= INTERNET_GATEWAYS_MAX {
                return Err(limit_exceeded("InternetGatewayLimitExceeded", "internet gateways"));
            }
            check_dry_run(input.dry_run)?;
            // Two default VPCs must not come at once: whoever makes one changes the region's options.
            region_dhcp_options::claim(view, scope, transaction);
            let options = region_dhcp_options::id(scope);
            Ok(defaults::write_default_vpc(scope, options, &*context.random, transaction))
        })
        .await?;
    Ok(CreateDefaultVpcResult { vpc: Some(render::vpc::vpc(&vpc)) })
}
