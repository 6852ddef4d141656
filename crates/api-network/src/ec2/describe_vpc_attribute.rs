//! DescribeVpcAttribute.

use wire_schema::ServiceError;
use wire_shapes_network::ec2::{
    AttributeBooleanValue, DescribeVpcAttributeRequest, DescribeVpcAttributeResult, VpcAttributeName,
};

use super::errors::{check_dry_run, invalid_parameter_value, missing_parameter};
use super::{Context, ids};

pub async fn describe_vpc_attribute(
    context: Context,
    input: DescribeVpcAttributeRequest,
) -> Result<DescribeVpcAttributeResult, ServiceError> {
    let id = input.vpc_id.ok_or_else(|| missing_parameter("vpcId"))?;
    context.authorise("ec2:DescribeVpcAttribute", &context.scope.arn("ec2", &format!("vpc/{id}")))?;
    let attribute = input.attribute.ok_or_else(|| missing_parameter("attribute"))?;
    let view = context.view();
    let vpc = ids::VPC.row(&view.vpcs, &context.scope, &id)?;
    check_dry_run(input.dry_run)?;
    let value = |value| Some(AttributeBooleanValue { value: Some(value) });
    let mut result = DescribeVpcAttributeResult { vpc_id: Some(id), ..Default::default() };
    match attribute {
        VpcAttributeName::EnableDnsSupport => result.enable_dns_support = value(vpc.enable_dns_support),
        VpcAttributeName::EnableDnsHostnames => {
            result.enable_dns_hostnames = value(vpc.enable_dns_hostnames);
        }
        VpcAttributeName::EnableNetworkAddressUsageMetrics => {
            result.enable_network_address_usage_metrics = value(vpc.enable_network_address_usage_metrics);
        }
        VpcAttributeName::Other(other) => {
            return Err(invalid_parameter_value(format!(
                "Value ({other}) for parameter attribute is invalid. Unknown attribute."
            )));
        }
    }
    Ok(result)
}
