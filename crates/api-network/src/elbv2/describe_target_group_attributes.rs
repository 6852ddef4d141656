//! DescribeTargetGroupAttributes: all of them, defaults included.

use state_tables::elb_usage;
use wire_schema::ServiceError;
use wire_shapes_network::elbv2::{
    DescribeTargetGroupAttributesInput, DescribeTargetGroupAttributesOutput, TargetGroupAttribute,
};

use super::{Context, arns};

pub async fn describe_target_group_attributes(
    context: Context,
    input: DescribeTargetGroupAttributesInput,
) -> Result<DescribeTargetGroupAttributesOutput, ServiceError> {
    let arn = arns::required(input.target_group_arn, "targetGroupArn")?;
    context.authorise("elasticloadbalancing:DescribeTargetGroupAttributes", "*")?;
    let view = context.view();
    let row = arns::target_group(&view, &context.scope, &arn)?;
    Ok(DescribeTargetGroupAttributesOutput {
        attributes: Some(render(elb_usage::target_group_attributes(row))),
    })
}

pub fn render(attributes: std::collections::BTreeMap<String, String>) -> Vec<TargetGroupAttribute> {
    attributes
        .into_iter()
        .map(|(key, value)| TargetGroupAttribute { key: Some(key), value: Some(value) })
        .collect()
}
