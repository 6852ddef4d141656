//! ModifyVpcAttribute: one attribute per request.

use wire_schema::{Empty, ServiceError};
use wire_shapes_network::ec2::ModifyVpcAttributeRequest;

use super::errors::{invalid_parameter_combination, missing_parameter};
use super::unsupported::check_off;
use super::{Context, ids};

pub async fn modify_vpc_attribute(
    context: Context,
    input: ModifyVpcAttributeRequest,
) -> Result<Empty, ServiceError> {
    let id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    context.authorise("ec2:ModifyVpcAttribute", &context.scope.arn("ec2", &format!("vpc/{id}")))?;
    let support = input.enable_dns_support.and_then(|attribute| attribute.value);
    let hostnames = input.enable_dns_hostnames.and_then(|attribute| attribute.value);
    let metrics = input.enable_network_address_usage_metrics.and_then(|attribute| attribute.value);
    match [support, hostnames, metrics].iter().flatten().count() {
        0 => {
            return Err(missing_parameter(
                "enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics",
            ));
        }
        1 => {}
        _ => {
            let message = "Fields for multiple attribute types specified";
            return Err(invalid_parameter_combination(message));
        }
    }
    check_off(metrics, "Metrics of network address usage are")?;
    context
        .transact(|view, transaction| {
            let row = ids::VPC.row(&view.vpcs, &context.scope, &id)?;
            let mut vpc = state_model::ec2::Vpc::clone(row.record());
            vpc.enable_dns_support = support.unwrap_or(vpc.enable_dns_support);
            vpc.enable_dns_hostnames = hostnames.unwrap_or(vpc.enable_dns_hostnames);
            if hostnames == Some(true) && !vpc.enable_dns_support {
                let message = "DNS hostnames can only be enabled while DNS support is.";
                return Err(invalid_parameter_combination(message));
            }
            transaction.update(row, &vpc);
            Ok(Empty {})
        })
        .await
}
